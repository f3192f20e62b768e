"""The table of an interleaving is short, and marks what decides."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from ticketlab import explore
from ticketlab.core import pacing
from ticketlab.core.inventory import Inventory
from ticketlab.core.pacing import sleep
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.explorer.results import ExploreOptions, Finding
from ticketlab.lab.exploring.function_session import BuyerSession
from ticketlab.report.interleaving import MARK, interleaving, lines
from ticketlab.testing.functions import FunctionRace, check_function

pytestmark = pytest.mark.usefixtures("in_tmp_path")


def found(store: str, strategy: str, how: ExploreOptions) -> Finding:
    scenario = Scenario(Spec.parse(store), Spec.parse(strategy), 3, Inventory({"main": 2}))
    finding = explore(scenario, how).finding
    assert finding is not None
    return finding


def test_a_lost_update_is_marked_at_the_stale_read_the_change_and_the_overwriting() -> None:
    finding = found("memory", "none", ExploreOptions())
    marked = [
        (line.who, line.step.action.value, line.learnt)
        for line in lines(finding.execution, finding.anomalies)
        if line.decides
    ]
    assert marked == [
        (0, "read", (("remaining", 2),)),
        (1, "write", (("remaining", 1),)),
        (0, "write", (("remaining", 1),)),
    ]


def test_a_torn_read_is_marked_with_both_pieces_of_the_write() -> None:
    finding = found("json:truncate", "none", ExploreOptions())
    marked = [
        (line.who, line.step.action.value) for line in lines(finding.execution, finding.anomalies) if line.decides
    ]
    assert marked == [(0, "truncate"), (1, "read"), (0, "write")]


def test_the_table_has_one_column_for_each_buyer_and_ends_with_the_anomaly() -> None:
    finding = found("memory", "none", ExploreOptions())
    page = StringIO()
    Console(file=page, width=120).print(interleaving(finding.execution, 3, finding.anomalies))
    assert [line.rstrip() for line in page.getvalue().splitlines()] == [
        "   buyer 1           buyer 2",
        f"1  read main → 2 {MARK}",
        "2                    read main → 2",
        f"3                    write main → 1 {MARK}",
        f"4  write main → 1 {MARK}",
        f"{MARK} the order of these steps decides what goes wrong",
        "",
        "ticket sold twice: ticket 1 of section 'main' was sold to buyers 1 and 2",
        "lost update: purchases returned 2 sold tickets of section 'main', the books count 1: 1 overwritten",
    ]


@pytest.mark.parametrize(
    ("store", "strategy"), [("json:in-place", "none"), ("json:rename", "none"), ("json:rename", "flock:data-file")]
)
def test_textbook_cases_take_at_most_twenty_lines(store: str, strategy: str) -> None:
    finding = found(store, strategy, ExploreOptions())
    assert len(lines(finding.execution, finding.anomalies)) <= 20
    assert any(line.decides for line in lines(finding.execution, finding.anomalies))


@pytest.mark.slow
def test_tries_in_vain_are_drawn_at_their_beginning_and_end() -> None:
    def wait_for_ever(checkout: BuyerSession) -> None:
        while checkout.read("main").remaining:
            pacing.note(pacing.RETRY, "full")
            pacing.now()  # whoever looks at the clock is let go on, since time may end its wait
            sleep(0.1)

    with pytest.raises(AssertionError) as failed:
        check_function(wait_for_ever, FunctionRace(buyers=1, store="memory"))
    _, table, found, _ = str(failed.value).split("\n\n")
    assert [line.split() for line in table.splitlines()] == [
        ["buyer", "1"],
        ["1", "read", "main", "→", "1,", "retry", "full"],
        ["2", "let", "0.1", "s", "pass"],
        ["3", "read", "main", "→", "1,", "retry", "full"],
        ["..."],
        ["200", "let", "0.1", "s", "pass"],
        ["201", "read", "main", "→", "1,", "retry", "full"],
        ["waits:", "read", "main"],
        ["...", "the", "same", "tries", "once", "more,", "each", "after", "the", "wait", "before"],
    ]
    assert found == ("livelock: buyer 1 tries again and again to read main, and nobody is left to make that possible")
