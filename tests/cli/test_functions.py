"""Functions of one's own on the command line: explored, kept, drawn and replayed, and refused in one line."""

from __future__ import annotations

import json
import re
import subprocess
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.cli.command_line import ENVIRONMENT
from tests.modules import forgotten
from ticketlab.cli import cli
from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.explorer.analysis.trace import Nondeterminism

SHOP = """
import asyncio
import json
import re
from pathlib import Path

STOCK = 1

def lay_out(folder):
    (folder / "stock.json").write_text('{"left": 1}')

def one_winner(returned):
    assert returned.count(True) == 1

def claim(who):
    print("not to be seen")
    stock = json.loads(Path("stock.json").read_text())
    if stock["left"]:
        stock["left"] -= 1
        new = Path(f"stock.{who}")
        new.write_text(json.dumps(stock))
        new.replace("stock.json")
        return True

def log(who):
    with open("log", "a") as file:
        file.write("x")

def nothing():
    pass

COUNT = [0]

def put_back(folder):
    COUNT[0] = 0

async def count(who):
    before = COUNT[0]
    await asyncio.sleep(0)
    COUNT[0] = before + 1

def all_counted():
    assert COUNT[0] == 2
"""
CLAIM = ("shop:claim", "--reset", "shop:lay_out", "--invariant", "shop:one_winner")


@pytest.fixture(autouse=True)
def shop(in_tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A module in the current folder, which no later test finds imported."""
    monkeypatch.setenv("COLUMNS", "120")
    path = in_tmp_path / "shop.py"
    path.write_text(SHOP)
    with forgotten(in_tmp_path):
        yield path


def run(*words: str) -> Result:
    result = CliRunner().invoke(cli, words, standalone_mode=False)
    if isinstance(result.exception, TicketlabError):
        raise result.exception
    assert result.exception is None, result.exception
    return result


@pytest.mark.slow
def test_a_fix_is_told_kept_and_drawn(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    settings = ("--reset", "shop:lay_out", "--invariant", "shop:one_winner", "--fix")
    told = run("explore", "shop:claim", *settings, "--html", str(page))
    assert "A fix: hold one lock from shop.py:17 to shop.py:23; all interleavings of 2 processes are" in told.output
    assert '17      stock = json.loads(Path("stock.json").read_text())' in told.output
    assert "<h3>A fix</h3>" in page.read_text()
    result, code = explored("shop:claim", *settings)
    assert (code, result["fix"]["first"], result["fix"]["last"]) == (1, 17, 23)
    assert (result["fix"]["fixed"], result["fix"]["executions"]) == (True, 2)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("shop:claim", "--fix", "--gate", "kernel"), "leave out --gate kernel"),
        (("shop:count", "--fix", "--tasks", "2"), "leave out --fix"),
        (("shop:claim", "--fix", "--faults", "kill"), "leave out --faults or --fix"),
        (("--fix",), "--fix is of a function"),
    ],
)
def test_a_fix_that_cannot_be_searched_is_refused(words: tuple[str, ...], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        run("explore", *words)


def explored(*words: str) -> tuple[Any, int]:
    result = run("explore", *words, "--json")
    return json.loads(result.stdout), result.return_value


@pytest.mark.slow
def test_what_is_found_is_drawn_listed_and_replayed() -> None:
    result = run("explore", *CLAIM)
    assert result.return_value == 1
    assert "shop:claim: ✗ lost update, invariant broken  (2 processes)" in result.output
    assert "rename stock.1 to stock.json ◀" in result.output
    assert "  stock.json: read 2 x by process 1 and 2 x by process 2, changed 1 x by process 1" in result.output
    (case,) = Path(".ticketlab/cases").glob("claim-*.json")
    assert f"  ticketlab replay {case}   # the same schedule again" in result.output
    again = run("replay", str(case))
    assert again.return_value == 1
    assert "10 steps, the same as when the case was saved (processes)." in again.output


@pytest.mark.slow
def test_a_result_names_its_command_and_is_drawn_as_a_page() -> None:
    found, code = explored(*CLAIM, "--html", "page.html", "--save", "before")
    assert code == 1
    assert found["command"] == f"ticketlab explore {' '.join(CLAIM)}"
    assert found["seen"][0]["resource"] == "stock.json"
    assert found["case"]["settings"] == {"reset": "shop:lay_out", "invariant": "shop:one_winner"}
    page = Path("page.html").read_text()
    assert "shop:claim: ✗ lost update, invariant broken" in page
    assert "stock.json: read 2 x by process 1" in page
    for saved in (".ticketlab/runs/latest", ".ticketlab/baselines/before.json", found["file"]):
        run("report", saved, "--html", "again.html", "--force")
        assert "shop:claim: ✗ lost update, invariant broken" in Path("again.html").read_text()


@pytest.mark.slow
def test_a_policy_of_operating_systems_draws_what_it_ran_on_the_page_of_a_kept_run_too() -> None:
    result = run("explore", *CLAIM, "--policy", "rr:1")
    drawn = result.output.split("The schedule of the last execution, in steps\n")[1].splitlines()
    assert drawn[0].startswith("rr:1: round robin")
    assert drawn[2].startswith("process 1  ██")
    found, _ = explored(*CLAIM, "--policy", "fcfs")
    assert (found["valid"], found["schedule"]["switches"]) == (None, 1)
    assert [job["waiting"] for job in found["schedule"]["jobs"]] == [0, found["schedule"]["turns"][0]["end"]]
    run("report", ".ticketlab/runs/latest", "--html", "kept.html")
    assert "The schedule of the last execution, by fcfs" in Path("kept.html").read_text()


def test_a_file_is_named_by_its_path_and_right_is_right(in_tmp_path: Path) -> None:
    folder = in_tmp_path / "code"
    folder.mkdir()
    (folder / "logs.py").write_text(SHOP)
    result = run("explore", "code/logs.py:log")
    assert result.return_value == 0
    assert "code/logs.py:log: ✓ correct  (2 processes)" in result.output
    assert "Exhausted: all interleavings of 2 processes are safe" in result.output


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "words", "seen"),
    [
        ("thread", (*CLAIM, "--threads", "2"), "stock.json: read 2 x by thread 1 and 2 x by thread 2"),
        (
            "task",
            ("shop:count", "--tasks", "2", "--reset", "shop:put_back", "--invariant", "shop:all_counted"),
            "memory: changed 2 x by task 1 and 2 x by task 2",
        ),
    ],
)
def test_threads_and_tasks_take_part_in_place_of_processes(kind: str, words: Sequence[str], seen: str) -> None:
    result = run("explore", *words, "--html", "page.html")
    assert result.return_value == 1
    assert f"{kind} 1 " in result.output
    assert seen in result.output
    assert seen in Path("page.html").read_text()
    (case,) = Path(".ticketlab/cases").glob("*.json")
    again = run("replay", str(case))
    assert again.return_value == 1
    assert f"the same as when the case was saved ({kind}s)." in again.output
    with pytest.raises(UsageError, match=f"this case is of {kind}s: leave out --executor processes"):
        run("replay", str(case), "--executor", "processes")


@pytest.mark.slow
def test_the_kernel_stops_the_calls_of_a_function_if_asked() -> None:
    command = (*CLAIM, "--gate", "kernel")
    result = run("explore", *command, "--html", "page.html")
    assert result.return_value == 1
    assert "of 4 executions by dpor, kernel" in result.output
    assert "(found on real processes, under the gate)" in result.output
    assert re.search(r"shop.py:\d+  stock = json.loads", result.output)
    assert "process 1: not to be seen" in result.output
    (case,) = Path(".ticketlab/cases").glob("*.json")
    again = run("replay", str(case))
    assert (again.return_value, "the same as when the case was saved (kernel)." in again.output) == (1, True)
    run("report", str(case), "--html", "again.html")
    for page in ("page.html", "again.html"):
        assert "shop:claim: ✗ check then act, invariant broken" in Path(page).read_text()
    with pytest.raises(UsageError, match="this case is of the gate kernel: leave out --executor inline"):
        run("replay", str(case), "--executor", "inline")


@pytest.mark.slow
@pytest.mark.usefixtures("memory_of_other_tests")
def test_what_no_probe_told_is_in_the_text_and_on_the_page(shop: Path) -> None:
    shop.write_text("import subprocess\n\ndef log(): subprocess.run(['sh', '-c', 'echo >> log'], check=True)")
    result = run("explore", "shop:log", "--gate", "kernel", "--html", "page.html")
    told = "the kernel saw process 1 and process 2 append to, create and look for log, and no probe told it"
    assert (result.return_value, told in result.output, told in Path("page.html").read_text()) == (0, True, True)


@pytest.mark.parametrize("name", ["numbers", "rich"])
def test_a_file_that_hides_a_module_that_the_lab_needs_is_named(name: str, in_tmp_path: Path) -> None:
    (in_tmp_path / f"{name}.py").write_text(SHOP)
    script = f"{sysconfig.get_path('scripts')}/ticketlab"  # with -m, Python itself would search this folder first
    for words in ([script, "explore", f"{name}.py:log"], [script, "race", f"{name}:log", "--times", "1"]):
        done = subprocess.run(words, cwd=in_tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(
            f"ticketlab: {in_tmp_path / name}.py hides the module {name!r} that the lab needs ("
        )
        assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_what_shares_nothing_is_undecided_unless_it_may_be() -> None:
    found, code = explored("shop:nothing")
    assert (code, found["valid"]) == (3, None)
    assert explored("shop:nothing", "--unseen", "allow")[1] == 0


@pytest.mark.slow
def test_a_case_of_a_function_that_has_changed_names_the_first_other_step(shop: Path) -> None:
    found, _ = explored(*CLAIM)
    shop.write_text(SHOP.replace('Path(f"stock.{who}")', 'Path(f"other.{who}")'))
    with (
        forgotten(shop.parent),
        pytest.raises(Nondeterminism, match=r"step 3 was 'create stock.1' when the case was saved and is"),
    ):
        run("replay", found["file"])
    shop.write_text(SHOP.replace("if stock", "if not stock"))
    with (
        forgotten(shop.parent),
        pytest.raises(Nondeterminism, match=r"step 3 was 'create stock.1' when .* is not made now"),
    ):
        run("replay", found["file"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["claim"], "'claim' does not say where a function is: write module:function, or path/to/file.py:function"),
        (["shop:clam"], "unknown function of shop 'clam': did you mean 'claim'"),
        (["shp:claim"], "unknown module 'shp': did you mean 'shop'"),
        (["shp.py:claim"], "there is no file shp.py"),
        (["shop:STOCK"], "shop:STOCK is of the type int: a function is needed"),
        (["broken:claim"], r"cannot import broken: ModuleNotFoundError: No module named 'nowhere' \(broken.py:1\)"),
        (["shop:claim", "--reset", "shop:layout"], "unknown function of shop 'layout': did you mean 'lay_out'"),
        (["shop:claim", "--buyers", "3"], "--buyers is of purchases, and shop:claim is a function"),
        (["shop:claim", "--workers", "2"], "--workers is of purchases, and shop:claim is a function"),
        (["--processes", "3"], "--processes is of a function: name one, as in shop.checkout:claim"),
        (["shop:claim", "--executor", "inline", "--faults", "kill"], "the fault kill needs real processes"),
        (["shop:claim", "--faults", "locked"], "the fault locked cannot be injected into a function"),
        (["shop:claim", "--threads", "2", "--processes", "2"], "--threads and --processes exclude each other"),
        (["shop:count", "--tasks", "2", "--threads", "2"], "--threads and --tasks exclude each other"),
        (["shop:claim", "--threads", "2", "--executor", "inline"], "--threads and --executor exclude each other"),
        (["shop:count", "--tasks", "2", "--faults", "pause"], "no fault can be injected into a task of an event loop"),
        (["shop:claim", "--tasks", "2"], "shop:claim is no coroutine function"),
        (["shop:claim", "--gate", "kernel", "--threads", "2"], "the gate kernel does not go with threads: it stops"),
        (["shop:claim", "--gate", "kernel", "--faults", "kill"], "the gate kernel does not go with faults: the probes"),
        (["shop:claim", "--gate", "kernel", "--executor", "inline"], "the gate kernel does not go with executor"),
        (["shop.py", "--gate", "kernel"], "--gate is of purchases or functions, and this is a program"),
        (["--tasks", "2"], "--tasks is of a function: name one, as in shop.checkout:claim"),
    ],
)
def test_a_mistake_is_refused_in_one_line(words: list[str], message: str) -> None:
    Path("broken.py").write_text("import nowhere")
    with pytest.raises(UsageError, match="^" + message):
        run("explore", *words)


@pytest.mark.slow
def test_a_live_race_is_told_kept_and_drawn() -> None:
    result = run("race", "shop:log", "--times", "3", "--processes", "3", "--html", "page.html", "--json")
    found = json.loads(result.stdout)
    assert result.return_value == 0
    assert (found["kind"], found["races"], found["wrong"]) == ("function-race", 3, 0)
    assert found["command"] == "ticketlab race shop:log --processes 3 --times 3"
    assert "shop:log: ✓ correct" in Path("page.html").read_text()
    told = run("race", "shop:log", "--times", "1").stdout
    assert "0 of 1 race went wrong" in told
    assert "  ticketlab explore shop:log   # every schedule, and not only those that happened" in told
    with pytest.raises(UsageError, match=r"^--faults is injected into functions in an exploration, and not in a race"):
        run("race", "shop:log", "--faults", "kill")
