"""Programs on the command line: explored, kept, drawn, replayed, raced, and refused in one line."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ticketlab.cli import cli
from ticketlab.core.errors import TicketlabError, UsageError

TAKE = "read n < count\necho $((n - 1)) > count\n"


@pytest.fixture(autouse=True)
def shop(in_tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLUMNS", "120")
    folder = in_tmp_path / "shop"
    folder.mkdir()
    (folder / "count").write_text("2\n")
    (folder / "take.sh").write_text(TAKE)
    (folder / "take.py").write_text("n = int(open('count').read())\nopen('count', 'w').write(f'{n - 1}')\n")
    return folder


def run(*words: str) -> Result:
    result = CliRunner().invoke(cli, words, standalone_mode=False)
    if isinstance(result.exception, TicketlabError):
        raise result.exception
    assert result.exception is None, result.exception
    return result


@pytest.mark.slow
def test_what_is_found_is_kept_drawn_as_a_page_and_replayed() -> None:
    words = ["explore", "--run", "shop/take.py", "--run", "shop/take.py", "--executions", "3", "--seed", "1"]
    result = run(*words, "--policy", "random", "--invariant", "grep -q 0 count", "--html", "page.html", "--json")
    assert result.return_value == 1
    found = json.loads(result.stdout)
    assert (found["function"], found["processes"]) == ("take.py", 2)
    assert found["case"]["program"]["in"] == "shop"
    assert {"invariant broken"} <= set(found["names"])
    assert "--run shop/take.py --run shop/take.py --policy random" in found["command"]
    for saved in (".ticketlab/runs/latest", found["file"]):
        run("report", saved, "--html", "again.html", "--force")
        page = Path("again.html").read_text()
        assert "process 2" in page
        assert '<code class="source">take.py:2' in page
    again = run("replay", found["file"])
    assert again.return_value == 1
    assert "✗" in again.output
    assert "(2 processes)" in again.output
    assert "the same as when the case was saved (program)." in again.output


def test_a_race_names_the_command_that_explores_the_same_program(shop: Path) -> None:
    (shop / "fail").write_text("#!/bin/sh\nexit 2\n")
    (shop / "fail").chmod(0o755)
    result = run("race", "--times", "2", "--copies", "2", "--in", "shop", "--", "./fail")
    assert result.return_value == 1
    assert "fail: ✗ exit code  (2 processes)" in result.output
    assert "2 of 2 races went wrong" in result.output
    assert "exit code 2 x, first in race 1: process 1 ended with exit code 2" in result.output
    assert "  ticketlab explore ./fail --copies 2 --in shop   # the smallest schedule" in result.output
    right = run("race", "--times", "1", "--allow-exit", "1,2", "--json", "--", "shop/fail")
    assert (right.return_value, json.loads(right.stdout)["races"]) == (0, 1)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["shop.py"], "there is no script shop.py in "),
        (["--in", "nowhere", "--", "true"], "nowhere is no folder: it is copied for each execution"),
        (["--copies", "2"], "--copies needs a command: ticketlab explore --copies 3 -- perl buy.pl"),
        (["--run", "sh 'take.sh"], """the command "sh 'take.sh" is misquoted: no closing quotation"""),
        (["--run", ""], "there is no command to run: name a script, or a command after --"),
        (["--run", "shop/take.sh"], r"\./take.sh is not executable: chmod \+x ./take.sh, or name its interpreter"),
        (["--run", "no-such-command"], "there is no command no-such-command: a file of the folder is run by its path"),
        (["--run", "true", "--buyers", "3"], "--buyers is of purchases or functions, and this is a program"),
        (["--run", "true", "--quantity", "2"], "--quantity is of purchases or functions, and this is a program"),
        (["--run", "true", "--processes", "3"], "--processes is of purchases or functions, and this is a program"),
        (["--run", "true", "--allow-exit", "one"], "--allow-exit one: exit codes are numbers with commas between"),
        (["--run", "true", "--allow-exit", "256"], "256 is no exit code: these go from 0 to 255"),
        (["--run", "true", "--invariant", "no-such-command"], "the invariant no-such-command cannot be run: No such"),
    ],
)
def test_a_mistake_is_refused_in_one_line(words: Sequence[str], message: str) -> None:
    with pytest.raises(UsageError, match="^" + message):
        run("explore", *words)


def test_an_option_of_a_program_alone_is_refused_without_one() -> None:
    with pytest.raises(UsageError, match=r"^--allow-exit is of a program: name one, as in shop\.py 2"):
        run("explore", "--allow-exit", "3")
    with pytest.raises(UsageError, match=r"^--in is of a program: name one, as in shop\.py 2"):
        run("race", "shop:claim", "--in", "shop")


@pytest.mark.parametrize("option", ["--evidence", "--case=case.json", "--folder=books", "--faults=kill:1", "--seed=1"])
def test_an_option_of_races_of_purchases_is_refused_with_a_program(option: str) -> None:
    name = option.partition("=")[0]
    with pytest.raises(UsageError, match=f"^{name} is of purchases or functions, and this is a program"):
        run("race", "--run", "true", option)


def test_the_help_tells_the_options_of_each_use_together() -> None:
    told = run("explore", "--help").output
    headings = [told.index(f"\n{title}:\n") for title in ("Options", "For functions", "For programs", "For purchases")]
    assert headings == sorted(headings)
    assert told.rindex("--copies") > headings[2]


def test_another_system_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(TicketlabError, match=r"^programs can be explored on Linux on x86_64 and aarch64, and this is"):
        run("explore", "--run", "true")
