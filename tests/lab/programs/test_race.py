"""Programs raced live: real processes at full speed, judged by how they end."""

from __future__ import annotations

from pathlib import Path

import pytest

from ticketlab.core.errors import UsageError
from ticketlab.lab.plain.results import PlainRaceResult
from ticketlab.lab.programs.program import Program
from ticketlab.lab.programs.race import race_program


def raced(folder: Path, *commands: str, times: int = 2, timeout: float = 60, **judged: object) -> PlainRaceResult:
    program = Program.of(*commands, folder=folder, **judged)  # type: ignore[arg-type]
    return race_program(program, times, timeout=timeout)


def names(found: PlainRaceResult) -> dict[str, int]:
    return dict(found.names)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "code").write_text("3")
    (tmp_path / "raise.py").write_text(
        "from multiprocessing.context import ForkProcess\n"
        "def fail(): raise KeyError('gone')\nForkProcess(target=fail).start()\n"
    )
    return tmp_path


@pytest.mark.slow
def test_commands_that_fail_and_processes_that_raise_go_wrong_each_time(folder: Path) -> None:
    found = raced(folder, "sh -c 'exit $(cat code)'", "raise.py", "sh -c 'kill -9 $$'")
    assert (found.races, found.wrong) == (2, 2)
    assert names(found) == {"exit code": 2, "exception": 2, "killed": 2}
    told = [anomaly.sentence for _, anomaly in found.first.values()]
    assert told[0] == "process 1 ended with exit code 3"
    assert told[1] == "process 2.* ended with exit code 1: KeyError: 'gone'"
    assert told[2] == "process 3 was ended by SIGKILL"
    assert raced(folder, "sh -c 'exit 3'", "raise.py", allow_exit=(1, 3)).valid


def test_an_invariant_sees_a_fresh_folder_and_what_was_printed(folder: Path) -> None:
    def holds(folder: Path, outputs: list[str]) -> bool:
        return (folder / "log").read_text() == "x\n" and outputs == ["", "said\n"]

    assert raced(folder, "sh -c 'echo x >> log'", "echo said", invariant=holds).valid
    broken = raced(folder, "true", invariant="cmp code log")
    assert names(broken) == {"invariant broken": 2}
    assert broken.first["invariant broken"][1].sentence.startswith("afterwards the invariant ends with 2: cmp: ")


def test_who_is_not_done_in_time_is_named_and_undecided(folder: Path) -> None:
    found = raced(folder, "true", "sleep 600", timeout=0.2)
    assert (found.valid, found.races) == (None, 1)
    assert found.late == "in race 1 process 2 (sleep 600) was not done in time (see --timeout)"
    left = raced(folder, "sh -c 'sleep 600 &'", timeout=0.5)
    assert left.late == "in race 1 a process that a command had left running was not done in time (see --timeout)"


@pytest.mark.slow
def test_an_end_of_no_order_is_undecided_unless_serial_asks_for_it(folder: Path) -> None:
    take = "sh -c 'n=$(cat code); sleep 0.3; echo $((n - 1)) > code'"
    assert raced(folder, take, take, times=1).in_no_order == 1
    asked = raced(folder, take, take, times=1, serial=True)
    assert names(asked) == {"not serializable": 1}
    assert raced(folder, "sh -c 'echo $$ > pid'", times=1, serial=True).valid is None, "process numbers differ"


def test_what_cannot_be_raced_is_refused(folder: Path) -> None:
    for commands, wrong in (
        (("shop.py",), "there is no script shop.py in"),
        (("./shop",), "there is no file ./shop in"),
        (("./code",), "./code is not executable: chmod"),
        (("cat 'code",), 'the command "cat \'code" is misquoted: no closing quotation'),
        (("no-such-command",), "there is no command no-such-command"),
        ((), "there is no command to run"),
    ):
        with pytest.raises(UsageError, match=wrong):
            raced(folder, *commands)
