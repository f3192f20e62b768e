"""Programs that look again and again whether something is there, and sleep in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.programs.explore import explore_program
from ticketlab.lab.programs.program import Program
from ticketlab.lab.programs.results import ProgramExploration

WAITS = "import os, time\nwhile not os.path.exists('flag'): time.sleep(0.01)\nopen('seen', 'w').close()\n"
OPENS = """
import time
while True:
    try:
        with open("flag") as file:
            if file.read() == "go": break
    except FileNotFoundError: pass
    time.sleep(0.5)
open("seen", "w").close()
"""
MAKES = "with open('flag', 'w') as file: file.write('go')\n"


@pytest.mark.slow
@pytest.mark.parametrize("waits", [WAITS, OPENS])
def test_who_waits_for_a_file_is_passed_by_who_makes_it(waits: str, tmp_path: Path) -> None:
    (tmp_path / "waits.py").write_text(waits)
    (tmp_path / "makes.py").write_text(MAKES)
    (tmp_path / "check.py").write_text("import os\nassert os.path.exists('seen')\n")
    program = Program(
        commands=(("python", "waits.py"), ("python", "makes.py")), folder=tmp_path, invariant=("python", "check.py")
    )
    found = explore_program(program, ExploreOptions(executor="program"))
    assert not found.verdict.anomalies
    assert found.executions > 1


@pytest.mark.slow
def test_who_waits_for_what_nobody_makes_may_give_up_at_the_next_try(tmp_path: Path) -> None:
    (tmp_path / "waits.py").write_text(WAITS)
    program = Program(commands=(("python", "waits.py"),) * 2, folder=tmp_path)
    found = explore_program(program, ExploreOptions(executor="program"))
    assert found.verdict.valid is None
    assert "cut short" in found.verdict.reason


SHELL_WAITS = "while [ ! -e flag ]; do sleep 0.01; done\n: > seen\n"
SHELL_LOCKS = (
    "while ! mkdir lock 2>/dev/null; do sleep 0.1; done\nread n < count; echo $((n + 1)) > count\nrmdir lock\n"
)
SHELL_LOOKS = "while [ -e lock ]; do sleep 0.1; done\n: > lock\nread n < count; echo $((n + 1)) > count\nrm lock\n"


def of_shells(folder: Path, *scripts: str, executions: int, invariant: str) -> ProgramExploration:
    for number, script in enumerate(scripts):
        (folder / f"{number}.sh").write_text(script)
    commands = tuple(("sh", f"{number}.sh") for number in range(len(scripts)))
    program = Program(commands=commands, folder=folder, invariant=("sh", "-c", invariant))
    return explore_program(program, ExploreOptions(executor="program", executions=executions))


def test_who_sleeps_by_a_helper_is_put_off_as_if_it_slept_itself(tmp_path: Path) -> None:
    found = of_shells(tmp_path, SHELL_WAITS, ": > flag\n", executions=30, invariant="test -e seen")
    assert found.verdict.valid is None
    assert "sleeps and tries again" in found.verdict.reason


@pytest.mark.slow
def test_a_shell_that_waits_for_what_nobody_makes_is_cut_short(tmp_path: Path) -> None:
    found = of_shells(tmp_path, SHELL_WAITS, executions=1, invariant="true")
    assert found.verdict.valid is None
    assert "cut short" in found.verdict.reason


@pytest.mark.slow
@pytest.mark.parametrize(("script", "valid"), [(SHELL_LOCKS, None), (SHELL_LOOKS, False)])
def test_a_lock_of_shells_holds_if_looking_and_taking_are_one_step(
    script: str, valid: bool | None, tmp_path: Path
) -> None:
    (tmp_path / "count").write_text("0\n")
    found = of_shells(tmp_path, script, script, executions=200, invariant="read n < count; test $n = 2")
    assert found.verdict.valid is valid
    assert found.executions < 200 or valid is False
