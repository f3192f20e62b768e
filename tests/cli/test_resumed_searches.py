"""`ticketlab explore --resume`: a search that stopped goes on in another process, and is refused if it cannot."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command_line import ENVIRONMENT
from tests.cli.whole_lab import WholeLab, wait_until

SHOP = """\
from multiprocessing import Lock, Value

lock, total, steps = Lock(), Value("i", 0), Value("i", 0)


def visit():
    for _ in range(2):
        with lock:
            total.value += 1
        with lock:
            steps.value += 1


def lay_out(calls=[]):
    calls.append(0)
    if len(calls) == 50:
        open(f"{__file__}.searching", "w").close()


def miscount():
    total.value += 1
    steps.value += 1
"""
MOST = 400


def lab(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ticketlab", *words]
    how = ENVIRONMENT | environment
    return subprocess.run(command, cwd=folder, env=how, capture_output=True, text=True, check=False, timeout=120)


def told(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Return what a search printed as JSON, but for how it was asked for and how long it took."""
    found: dict[str, Any] = json.loads(done.stdout)
    return {key: value for key, value in found.items() if key not in ("seconds", "environment", "command", "resume")}


def kept_by(done: subprocess.CompletedProcess[str]) -> str:
    """Return the file in which a search was kept, as its last line says."""
    text = json.loads(done.stdout)["resume"] if done.stdout.startswith("{") else done.stdout.rstrip().splitlines()[-1]
    found = re.search(r"ticketlab explore --resume (\S+search\.json)", text)
    assert found is not None, (done.stdout, done.stderr)
    return found[1]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "shop.py").write_text(SHOP)
    return tmp_path


@pytest.fixture
def kept(shop: Path) -> str:
    return kept_by(lab(shop, "explore", "shop:visit", "--executions", "20", "--executor", "inline"))


PURCHASES = ("explore", "--store", "json", "--strategy", "none", "--exhaust")


@pytest.mark.parametrize(
    "words",
    [
        ("explore", "shop:visit", "--executor", "inline", "--processes", "3"),
        ("explore", "shop:visit", "--policy", "dpor", "--threads", "3"),
        pytest.param(("explore", "shop:miscount", "--policy", "pct:3", "--exhaust"), marks=pytest.mark.slow),
        pytest.param(("explore", "shop:visit", "--policy", "feedback"), marks=pytest.mark.slow),
        pytest.param((*PURCHASES, "--policy", "pos"), marks=pytest.mark.slow),
        pytest.param((*PURCHASES, "--policy", "portfolio", "--orders", "2"), marks=pytest.mark.slow),
    ],
)
def test_in_another_process_a_search_comes_to_the_same(shop: Path, words: tuple[str, ...]) -> None:
    whole = lab(shop, *words, "--executions", str(MOST), "--json")
    first = kept_by(lab(shop, *words, "--executions", "97"))
    second = kept_by(lab(shop, "explore", "--resume", first, "--executions", "131", "--json"))
    third = lab(shop, "explore", "--resume", second, "--executions", str(MOST), "--json")
    assert third.returncode == whole.returncode
    assert told(third) == told(whole)


@pytest.mark.slow
def test_a_limit_that_was_reached_is_added_once_more(shop: Path, kept: str) -> None:
    again = lab(shop, "explore", "--resume", kept, "--json")
    assert told(again)["executions"] == 40
    other = lab(shop, "explore", "shop:visit", "--executions", "20", "--executor", "inline")
    assert other.stdout.splitlines()[-1].startswith("  ticketlab explore --resume .ticketlab/runs/")


def test_a_search_that_came_to_its_end_offers_nothing(shop: Path) -> None:
    done = lab(shop, "explore", "--store", "json", "--strategy", "flock")
    assert "Exhausted" in done.stdout
    assert "--resume" not in done.stdout
    assert list(shop.glob(".ticketlab/runs/*/search.json")) == []


@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_ctrl_c_keeps_a_search(shop: Path, executor: str) -> None:
    words = ["explore", "shop:visit", "--executor", executor, "--processes", "3", "--executions", "1000000000"]
    with WholeLab([*words, "--reset", "shop:lay_out"], shop) as running:
        wait_until((shop / "shop.py.searching").exists)
        running.interrupt()
        output, errors = running.await_end()
    assert running.command.returncode == 130
    assert errors == "ticketlab: interrupted: all processes were stopped, and nothing is left behind\n"
    file = kept_by(subprocess.CompletedProcess([], 130, output, ""))
    done = json.loads((shop / file).read_text())["executions"]
    again = lab(shop, "explore", "--resume", file, "--executions", str(done + 5), "--json")
    assert told(again)["executions"] == done + 5
    assert again.returncode == 3


def refused(folder: Path, *words: str, **environment: str) -> str:
    done = lab(folder, "explore", "--resume", *words, **environment)
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    return done.stderr


@pytest.mark.slow
def test_a_search_is_gone_on_with_as_it_was_begun(shop: Path, kept: str) -> None:
    assert "leave out --policy" in refused(shop, kept, "--policy", "dfs")
    assert "leave out shop:visit" in refused(shop, kept, "shop:visit")
    assert "the search has had 20 already" in refused(shop, kept, "--executions", "20")
    assert "settings have changed since the search was begun" in refused(shop, kept, TICKETLAB_POLICY="dfs")
    assert "shop.py is not here" in refused(shop / ".ticketlab", str(shop / kept))


def test_a_search_of_other_code_is_refused(shop: Path, kept: str) -> None:
    (shop / "shop.py").write_text(SHOP.replace("range(2)", "range(3)"))
    assert "shop.py has changed since this search was begun: search anew" in refused(shop, kept)


@pytest.mark.parametrize("what", ["Python", "ticketlab"])
def test_a_search_by_another_lab_is_refused(shop: Path, kept: str, what: str) -> None:
    file = json.loads((shop / kept).read_text())
    file["versions"][what] = "0.0"
    (shop / kept).write_text(json.dumps(file))
    assert f"this search was made by {what} 0.0, and this is " in refused(shop, kept)


@pytest.mark.parametrize("search", ["", "AAAA", "eJxLTEoGAAJNASc="])
def test_a_damaged_file_is_refused(shop: Path, kept: str, search: str) -> None:
    file = json.loads((shop / kept).read_text())
    (shop / kept).write_text(json.dumps({**file, "search": search}))
    assert "the kept search is damaged" in refused(shop, kept)


def test_a_file_of_another_kind_is_refused(shop: Path, kept: str) -> None:
    assert "is not a kept search of ticketlab" in refused(shop, str(Path(kept).parent / "result.json"))
    assert "no-such-file" in refused(shop, "no-such-file")
