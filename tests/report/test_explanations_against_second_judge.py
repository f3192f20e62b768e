"""What explorations and races explain is held to a replay of their schedules and to their histories.

The long forms: `uv run python -m tests.fuzz.explanations` and `uv run python -m tests.fuzz.race_explanations`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.explained_tables import judge
from tests.fuzz.explanations import explore
from tests.fuzz.race_explanations import judge_race, race

EXPLORED = {
    "a lost update": "--store json:rename --strategy none --buyers 2",
    "a torn read": "--store json --strategy none --buyers 2",
    "a lock never released, and crash points": "--store json --strategy lock --buyers 2 --faults kill --exhaust",
    "a lease that ended": "--store json:in-place --strategy lease:fenced-writes --buyers 2 --faults pause",
    "faults of a database": "--store sqlite --strategy transaction:immediate --buyers 2 --faults locked --exhaust",
}
RACED = {
    "an oversell": "--store json:rename --strategy none --buyers 4 --tickets 2",
    "killed holders": "--store json:rename --strategy flock --buyers 4 --tickets 3 --faults kill:0.5 --seed 4",
    "killed waiters": "--store json:rename --strategy lock --buyers 6 --tickets 3 --faults kill:0.5 --seed 4"
    " --stall-timeout 1",
}


@pytest.mark.parametrize("what", EXPLORED)
def test_an_exploration_explains_what_happened(what: str, tmp_path: Path) -> None:
    run = explore(tmp_path, *EXPLORED[what].split())
    assert run is not None
    assert judge(run) == []


@pytest.mark.parametrize("what", RACED)
def test_a_race_tells_what_happened(what: str, tmp_path: Path) -> None:
    run = race(tmp_path, *RACED[what].split())
    assert run is not None
    assert judge_race(run) == []
