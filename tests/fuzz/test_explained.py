"""The judges of explanations find lies: a mark moved, a holder exchanged, a count changed, a row renamed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fuzz.explained import Explained
from tests.fuzz.explained_tables import judge, printed
from tests.fuzz.explanations import explore
from tests.fuzz.schedule_replay import Row, holders, stale_writes


@pytest.fixture(scope="module")
def overwritten(tmp_path_factory: pytest.TempPathFactory) -> Explained:
    """Return an exploration that found a lost update."""
    return _explored(tmp_path_factory, "--store json:rename --strategy none --buyers 2")


@pytest.fixture(scope="module")
def left_behind(tmp_path_factory: pytest.TempPathFactory) -> Explained:
    """Return an exploration that found a lock never released."""
    return _explored(tmp_path_factory, "--store json --strategy lock --buyers 2 --faults kill")


def _explored(factory: pytest.TempPathFactory, words: str) -> Explained:
    folder: Path = factory.mktemp("explored")
    run = explore(folder, *words.split())
    assert run is not None
    return run


def kinds(run: Explained) -> set[str]:
    return {kind for kind, _ in judge(run)}


def with_step(run: Explained, place: int, **changes: Any) -> Explained:
    steps = [dict(step) for step in run.steps]
    steps[place] |= changes
    return replace(run, steps=steps)


def test_the_printed_table_is_read_as_it_stands(overwritten: Explained) -> None:
    assert [(row.lane, row.step, row.left, row.marked) for row in printed(overwritten)] == [
        (row.lane, row.step, row.left, row.marked) for row in overwritten.rows
    ]


def test_a_mark_in_another_row_is_found(overwritten: Explained) -> None:
    read = next(place for place, row in enumerate(overwritten.rows) if row.action == "read" and not row.marked)
    assert "marks" in kinds(with_step(overwritten, read, marked=True))


def test_a_count_that_nobody_can_have_read_is_found(overwritten: Explained) -> None:
    read = next(place for place, row in enumerate(overwritten.rows) if row.action == "read")
    assert "read" in kinds(with_step(overwritten, read, note="7 left"))


def test_a_step_of_somebody_else_is_found(overwritten: Explained) -> None:
    last = len(overwritten.steps) - 1
    assert "schedule" in kinds(with_step(overwritten, last, lane=1 - overwritten.rows[last].lane))


def test_a_holder_that_holds_nothing_is_found(left_behind: Explained) -> None:
    anomaly = dict(left_behind.result["anomalies"][0])
    anomaly["sentence"] = anomaly["sentence"].replace("buyer 1", "buyer 3")
    lie = replace(left_behind, result=dict(left_behind.result, anomalies=[anomaly]))
    assert "holder" in kinds(lie)


def test_an_unknown_sentence_is_no_pass(left_behind: Explained) -> None:
    anomaly = dict(left_behind.result["anomalies"][0], sentence="it went wrong")
    assert "unknown sentence" in kinds(replace(left_behind, result=dict(left_behind.result, anomalies=[anomaly])))


def row(lane: int, step: str, note: str = "") -> Row:
    action, _, resource = step.partition(" ")
    return Row(None, lane, action, resource, note, False)


def test_who_is_refused_holds_nothing() -> None:
    rows = [row(0, "acquire lock"), row(1, "acquire lock", "unchanged taken")]
    assert holders(rows, "lock", 2) == [0]
    assert holders([*rows, row(0, "release lock")], "lock", 3) == []


def test_a_stale_read_is_followed_by_the_change_and_the_overwriting() -> None:
    rows = [row(0, "read books", "2 left"), row(1, "read books", "2 left"), row(1, "write books", "1 left")]
    assert list(stale_writes(rows)) == []
    ((read, change, over),) = list(stale_writes([*rows, row(0, "write books", "1 left")]))
    assert (read, change.last, over.last) == (0, 2, 3)
