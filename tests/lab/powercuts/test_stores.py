"""What a power cut leaves of each store: those that promise to outlive it do, and the others are convicted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ticketlab.core.disk import Disk
from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.core.spec import Spec
from ticketlab.explorer.analysis.trace import Nondeterminism
from ticketlab.gate.watched import Looks
from ticketlab.lab.powercuts.case import PowerCutCase
from ticketlab.lab.powercuts.explore import PowerCutExploration, explore_power_cuts, replay_power_cut, subject_of_store
from ticketlab.lab.powercuts.judges import Judged, StateJudge
from ticketlab.lab.powercuts.matrix import power_cut_row
from ticketlab.lab.powercuts.recording import recorded
from ticketlab.lab.powercuts.search import CutSearcher, JudgedStates
from ticketlab.lab.powercuts.stores import (
    StoreStateJudge,
    opening_folder,
    power_cut_specs,
    purchases_of,
    why_no_power_cut,
)


def searched(store: str, *models: str, most: int = 1_000) -> PowerCutExploration:
    return explore_power_cuts(subject_of_store(Spec.parse(store)), models, most=most)


@pytest.mark.slow
@pytest.mark.parametrize("store", ["json:durable", "json:journal", "sqlite:synchronous=full"])
def test_a_store_that_promises_to_outlive_a_power_cut_does(store: str) -> None:
    found = searched(store, "strict", "ext4")
    assert found.verdict.valid is True
    assert [each.search.left for each in found.models] == [0, 0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("store", "model", "name"),
    [
        ("json:rename", "strict", "vanished sale"),
        ("json:rename", "ext4", "vanished sale"),
        ("json:truncate", "ext4", "corrupted file"),
        ("json:in-place", "strict", "corrupted file"),
        ("sqlite", "ext4", "vanished sale"),
        ("sqlite:journal=delete,synchronous=full", "ext4", "vanished sale"),
    ],
)
def test_a_store_that_does_not_is_convicted_and_the_case_replays(store: str, model: str, name: str) -> None:
    found = searched(store, model)
    assert found.finding is not None
    assert found.finding.anomalies[0].name == name
    case = PowerCutCase.from_json(found.finding.case.to_json())
    assert case == found.finding.case
    again = replay_power_cut(case)
    assert [each.to_json() for each in again.finding.anomalies] == [each.to_json() for each in found.finding.anomalies]
    assert again.finding.fates == found.finding.fates


@pytest.mark.slow
def test_the_folder_of_a_removed_journal_is_what_synchronous_extra_adds() -> None:
    """SQLite's documents say so of synchronous=EXTRA, and the test above that FULL is not enough."""
    assert searched("sqlite:journal=delete,synchronous=extra", "strict").verdict.valid is True


@pytest.mark.slow
def test_a_store_is_searched_with_the_same_result_again() -> None:
    rows = [power_cut_row(Spec.parse("json:truncate"), ["ext4", "strict"]) for _ in range(2)]
    for row in rows:
        row["finding"]["left"] = []  # a file that is new has the number of its process
    assert rows[0] == rows[1]


class LooksAtEverything:
    """A judge whose recovery might have looked at anything, so that every state is laid out."""

    heeds_promise = True

    def __init__(self, judge: StateJudge) -> None:
        self._judge = judge

    def judge(self, disk: Disk, told: str) -> Judged:
        return Judged(self._judge.judge(disk, told).anomalies, Looks(everything=True))


@pytest.mark.slow
@pytest.mark.parametrize("model", ["ext4", "strict"])
@pytest.mark.parametrize("store", ["json:truncate", "json:rename", "json:durable", "json:journal"])
def test_states_that_are_not_laid_out_would_show_nothing_else(store: str, model: str, tmp_path: Path) -> None:
    spec = Spec.parse(store)
    (tmp_path / "opening").mkdir()
    opening_folder(spec, tmp_path / "opening")
    recording = recorded(purchases_of(spec, tmp_path / "opening"))
    judge = StoreStateJudge(spec, tmp_path)
    few = CutSearcher(recording, model, JudgedStates(judge), exhaust=True).run()
    all_of_them = CutSearcher(recording, model, JudgedStates(LooksAtEverything(judge)), exhaust=True).run()
    assert few.wrong.keys() == all_of_them.wrong.keys()
    assert few.states <= all_of_them.states
    assert all_of_them.left == 0


def test_what_is_not_laid_out_is_said_and_proves_nothing() -> None:
    found = searched("json:journal", "strict", most=3)
    assert found.verdict.valid is None
    assert "parts of the others were not" in found.verdict.reason


def test_every_store_is_in_the_table_or_has_a_reason() -> None:
    reasons = {spec.name: why_no_power_cut(spec) for spec in power_cut_specs()}
    assert {name for name, reason in reasons.items() if not reason} == {"json", "sqlite"}
    with pytest.raises(UsageError, match="no files"):
        subject_of_store(Spec.parse("memory"))


@pytest.mark.parametrize("other", [{"family": 1}, {"chosen": []}, {"chosen": [99]}])
def test_a_state_that_the_model_does_not_know_is_no_verdict(other: dict[str, Any]) -> None:
    found = searched("json:rename", "strict")
    assert found.finding is not None
    data = found.finding.case.to_json()
    data |= {key: value * len(data["chosen"]) if key == "chosen" else value for key, value in other.items()}
    with pytest.raises(TicketlabError, match="the model knows other disk states now"):
        replay_power_cut(PowerCutCase.from_json(data))


def test_another_step_than_that_of_the_case_is_no_verdict() -> None:
    found = searched("json:rename", "ext4")
    assert found.finding is not None
    data = found.finding.case.to_json()
    data["steps"][1] = "write something else"
    with pytest.raises(Nondeterminism, match="step 2 was 'write something else'"):
        replay_power_cut(PowerCutCase.from_json(data))
