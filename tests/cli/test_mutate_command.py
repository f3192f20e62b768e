"""`ticketlab mutate`: functions, race tests as pytest runs them, strategies; survivors by their lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command_line import refused, ticketlab

TESTS = """
import fcntl
from pathlib import Path

import ticketlab

def lay_out(folder):
    (folder / "left").write_text("2")

def none_left(folder):
    return (folder / "left").read_text() == "0"

def sell():
    with open("lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        left = int(Path("left").read_text())
        Path("left").write_text(str(left - 1))

@ticketlab.race_test(processes=2, reset=lay_out, invariant=none_left)
def test_sell():
    sell()

def record(who):
    with open("lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with open("log", "a") as log:
            log.write(str(who))

@ticketlab.race_test(processes=2)
def test_record(who):
    record(who)

def test_wrong():
    assert False
"""


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    (tmp_path / "test_shop.py").write_text(TESTS)
    return tmp_path


@pytest.mark.slow
def test_tests_that_notice(folder: Path) -> None:
    done = ticketlab("mutate", "test_shop.py::test_sell", "--json", cwd=folder)
    found = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert (found["kind"], found["valid"], found["survivors"]) == ("mutation", True, 0)
    assert {each["line"] for each in found["mutants"]} == {15}
    assert {each["why"] for each in found["mutants"]} == {"test_shop.py::test_sell"}


@pytest.mark.slow
def test_tests_that_notice_nothing(folder: Path) -> None:
    done = ticketlab("mutate", "test_shop.py::test_record", cwd=folder)
    assert done.returncode == 1
    assert done.stdout.startswith("test_shop.py::test_record: ✗ 4 of 4 mutants survive\n")
    assert "✗ survives  test_shop.py:25  lock, taken away: no test fails" in done.stdout


@pytest.mark.slow
def test_a_function_by_its_path(folder: Path) -> None:
    settings = ("--reset", "test_shop:lay_out", "--invariant", "test_shop:none_left")
    done = ticketlab("mutate", "test_shop.py:sell", *settings, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("test_shop.py:sell: ✓ 4 mutants, and all are convicted\n")
    assert "lock, given back one step earlier: torn read" in done.stdout


def test_a_strategy_on_a_store(tmp_path: Path) -> None:
    done = ticketlab("mutate", "--store", "sqlite", "--strategy", "optimistic", cwd=tmp_path)
    assert done.returncode == 1
    assert "✗ survives   purchase.py:" in done.stdout
    assert "if not _tries_again():" in done.stdout


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "name a function, as in shop.checkout:claim, or tests, or a --store with its --strategy"),
        (("test_shop.py", "shop:claim"), "one function at a time, or tests alone"),
        (("test_shop.py:record", "--store", "json"), "name a function"),
        (("test_shop.py", "--faults", "kill"), "tests say themselves which faults are injected: leave out --faults"),
        (("test_shop.py::test_wrong",), "they do not pass before anything is changed (test_shop.py::test_wrong)"),
        (("test_shop.py::test_nothing",), "test_shop.py::test_nothing: they do not pass before anything is changed"),
        (("test_shop.py:lay_out",), "undecided"),
    ],
)
def test_refusals(words: tuple[str, ...], why: str, folder: Path) -> None:
    if why == "undecided":
        assert ticketlab("mutate", *words, cwd=folder).returncode == 3
    else:
        done = refused("mutate", *words, cwd=folder)
        assert done.returncode == 2
        assert why in done.stderr
