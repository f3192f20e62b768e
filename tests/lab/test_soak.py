"""The soak, in small: random faults in random races, two judges that agree, nothing left behind."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.soak import races as soak
from ticketlab import race
from ticketlab.core.scenario import Scenario
from ticketlab.lab.racing.options import RaceOptions

pytestmark = pytest.mark.usefixtures("in_tmp_path")


@pytest.mark.slow
def test_a_short_soak_finds_no_trouble(tmp_path: Path) -> None:
    words = ["--races", "40", "--seed", "3", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.soak.races", *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    counts = json.loads(done.stdout)
    assert (done.returncode, counts["troubles"], done.stderr) == (0, [], "")
    assert counts["races"] == 40
    assert counts["injected"]["kill"] > 20


@pytest.mark.slow
def test_a_strategy_that_was_wrongly_taken_to_be_safe_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak, "GOES_WRONG_BY", {("json:rename", "lock"): soak.NOTHING})
    counts = soak.soak(races=12, seed=0, first=0, say=False)
    assert counts["verdicts"]["lock never released"] == len(counts["troubles"]) > 0
    assert "lock never released, which should not be\n  ticketlab race --store json:rename" in counts["troubles"][0]


def test_judges_that_contradict_each_other_are_found_out() -> None:
    scenario = Scenario.of("json:rename", "flock", buyers=3, tickets=2)
    result = race(scenario, RaceOptions())
    assert soak.quarrel(result, scenario) == ""
    emptied = {**result.books, "ledger": []}
    emptied["stocks"] = {
        name: stock | {"issued": 0, "remaining": stock["tickets"]} for name, stock in result.books["stocks"].items()
    }
    assert (
        soak.quarrel(replace(result, books=emptied), scenario) == "the receipts say lost update, the history says valid"
    )


def test_what_is_left_open_is_found_out() -> None:
    before = soak.surroundings()
    with Path("open").open("w"):
        assert soak.surroundings() != before
    assert soak.surroundings() == before
