"""Comparisons: interleaved rounds, one verdict over all of them, and what is left of one that is cut short."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lab.comparisons import MACHINE, RIGHT, UNDECIDED, WRONG, cell, comparison, document, result
from ticketlab.core.errors import TicketlabError
from ticketlab.core.result import Result
from ticketlab.core.verdict import Anomaly, Verdict
from ticketlab.lab.artifacts.result_files import parse_document
from ticketlab.lab.comparing.cells import Cell, CellMatrix, cell_matrix
from ticketlab.lab.comparing.comparison import MOST_SALES, Comparison, SamplingPlan, merged

VERDICTS = st.lists(st.sampled_from([RIGHT, UNDECIDED, WRONG]), min_size=1, max_size=6)


@given(VERDICTS)
def test_once_wrong_is_wrong_and_once_undecided_is_never_a_pass(verdicts: list[Verdict]) -> None:
    found = {verdict.valid for verdict in verdicts}
    assert merged(verdicts).valid == (False if False in found else None if None in found else True)


def test_the_first_anomaly_of_each_name_is_kept() -> None:
    rounds = [Verdict([Anomaly("oversold", text)]) for text in ("first", "second")]
    assert [anomaly.sentence for anomaly in merged(rounds).anomalies] == ["first"]


RACED = st.lists(st.tuples(st.integers(1, 10_000), st.floats(0, 100)), min_size=1, max_size=4)


@given(RACED, st.integers(1, 500), st.integers(1, 50))
def test_the_next_race_stays_within_its_bounds(raced: list[tuple[int, float]], buyers: int, rounds: int) -> None:
    following = SamplingPlan(rounds, 2.0).next_orders(raced, buyers)
    assert 1 <= following <= 10 * raced[-1][0]
    assert following * buyers <= MOST_SALES
    assert SamplingPlan(rounds, 2.0, orders=7).next_orders(raced, buyers) == 7


@given(st.floats(0, 0.5), st.floats(10, 1000))
def test_rounds_are_as_long_as_wanted_however_long_the_buyers_take_to_wake_up(wake_s: float, rate: float) -> None:
    """One buyer's orders take `wake_s` and then 1 / `rate` seconds each; four races are enough from 1 order."""
    effort, raced, orders = SamplingPlan(1, 1.0), [], 1
    for _ in range(4):
        raced.append((orders, wake_s + orders / rate))
        orders = effort.next_orders(raced, 1)
    assert wake_s + orders / rate == pytest.approx(1.0, rel=0.3, abs=1 / rate)


def test_a_warm_up_goes_on_until_a_race_is_long_enough() -> None:
    raced: list[int] = []

    def race(which: Cell, orders: int) -> Result:
        raced.append(orders)
        found = result(which, orders, 1.0)
        return replace(found, metrics=replace(found.metrics, race_s=0.5 + 0.001 * orders))

    Comparison(CellMatrix([cell(buyers=20)], []), SamplingPlan(1, 1.0), race_cell=race, measured_on=MACHINE).run(
        lambda *_: None
    )
    assert raced == [10, 20, 200, 400]  # the last one is the round that counts


def test_cells_take_turns_round_by_round_in_alternating_order() -> None:
    order: list[str] = []

    def race(which: Cell, orders: int) -> Result:
        order.append(str(which.strategy))
        return result(which, orders, 100.0)

    cells = [cell(name) for name in ("lock", "flock", "clerk")]
    Comparison(CellMatrix(cells, []), SamplingPlan(2, 1.0), race_cell=race).run(lambda *_: None)
    forwards = ["lock", "flock", "clerk"]
    assert order == [*forwards, *forwards, *reversed(forwards)]


def test_a_machine_that_slows_down_harms_none_more_than_the_others() -> None:
    speed = count(1000, -100)

    def race(which: Cell, orders: int) -> Result:
        return result(which, orders, float(next(speed)) * (2 if str(which.strategy) == "lock" else 1))

    found = Comparison(CellMatrix([cell("flock"), cell("lock")], []), SamplingPlan(3, 1.0), race_cell=race)
    found.run(lambda *_: None)
    rows = {row["strategy"]: row for row in found.result().to_json("")["rows"]}
    assert (rows["lock"]["rank"], rows["flock"]["rank"]) == (1, 2)
    assert not rows["lock"]["unsettled"]


def test_a_wrong_strategy_is_never_ranked_and_keeps_its_evidence_short() -> None:
    found = document({"none": 9000.0, "lock": 1000.0}, {"none": WRONG})
    none, lock = found["rows"]
    assert (none["rank"], none["valid"], none["ratio"]) == (None, False, 9.0)
    assert (lock["rank"], lock["valid"], lock["ratio"]) == (1, True, 1.0)
    assert (none["wrong_races"], none["races"]) == (4, 4)
    assert len(none["anomalies"][0]["evidence"]["operations"]) == 20


def test_what_never_claimed_to_be_safe_does_not_make_a_comparison_invalid() -> None:
    assert document({"none": 9.0, "lock": 1.0}, {"none": WRONG})["valid"] is True
    broken = document({"none": 9.0, "lock": 1.0}, {"lock": WRONG})
    assert broken["valid"] is False
    assert [(each["strategy"], each["name"]) for each in broken["anomalies"]] == [("lock", "lost update")]
    assert document({"lock": 1.0}, {"lock": UNDECIDED})["valid"] is None


def test_neighbours_that_are_too_close_to_call_are_named() -> None:
    close = document({"lock": 100.0, "flock": 100.0, "clerk": 50.0})
    assert any("json: lock ≈ flock)" in warning for warning in close["warnings"])
    apart = document({"lock": 100.0, "flock": 90.0})
    assert not any("too close" in warning for warning in apart["warnings"])


def test_a_busy_machine_is_told_of() -> None:
    found = comparison({"lock": 1.0})
    found.environment = MACHINE | {"load_1min": 9.5, "cores": 2}
    assert "1-minute load 9.5 on 2 cores" in found.result().to_json("")["warnings"][0]
    found.environment = MACHINE | {"load_1min": 2.0}
    assert found.result().to_json("")["warnings"] == []


def cut_short_after(races: int) -> Comparison:
    done = count(1)

    def race(which: Cell, orders: int) -> Result:
        if next(done) > races:
            raise TicketlabError("the disk is full")
        return result(which, orders, 100.0)

    found = Comparison(CellMatrix([cell("lock"), cell("flock")], []), SamplingPlan(5, 1.0), race_cell=race)
    with pytest.raises(TicketlabError):
        found.run(lambda *_: None)
    return found


def test_what_is_cut_short_keeps_the_rounds_that_were_finished() -> None:
    found = cut_short_after(7).result().to_json("")  # the warm-up, two rounds, and half of the third
    assert (found["rounds"], found["rounds_wanted"]) == (2, 5)
    assert [len(row["samples"]["p99_ms"]) for row in found["rows"]] == [2, 2]


def test_what_is_cut_short_before_the_first_round_has_no_rows_and_no_verdict() -> None:
    found = cut_short_after(3).result().to_json("")
    assert (found["rounds"], found["rows"], found["valid"]) == (0, [], None)


def test_a_real_comparison_measures_judges_and_reads_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = Comparison(cell_matrix(["sqlite"], ["lock,clerk"], (), ["2"]), SamplingPlan(2, orders=20))
    found.run(lambda *_: None)
    document = found.result().to_json("ticketlab compare")
    assert parse_document(json.dumps(document).encode(), "it")["kind"] == "comparison"
    for row in document["rows"]:
        assert (row["valid"], row["sold"], row["tickets"], row["orders"]) == (True, 40, 40, 20)
        metrics = row["metrics"]
        assert 0 < metrics["p50_ms"] <= metrics["p99_ms"] <= metrics["p999_ms"] <= metrics["longest_ms"]
        assert 0 < metrics["fairness"] <= 1
        assert 0 < metrics["waiting_share"] <= 1
        assert 0 < metrics["longest_wait_ms"] <= metrics["longest_ms"]
        assert metrics["peak_mb"] > 1
        assert metrics["start_s"] > 0
        assert metrics["processor_ms_per_sale"] > 0
        latencies = [ms for _, ms in row["curve"]]
        assert latencies == sorted(latencies)
    assert sorted(row["rank"] for row in document["rows"]) == [1, 2]
    assert [each["pick"] for each in document["recommendations"]] == ["fastest", "fairest", "simplest"]
