"""The ten anomalies of Hermitage and that of a reader, each as small scenarios of tickets that can show it.

The names are Adya's ("Weak Consistency: A Generalized Theory and Optimistic Implementations for Distributed
Transactions", 1999), those of OTV and PMP as in Bailis et al. ("Highly Available Transactions", VLDB 2014) and
Hermitage, P4 as in Berenson et al. ("A Critique of ANSI SQL Isolation Levels", SIGMOD 1995). G2-RO is the anomaly of
Fekete, O'Neil and O'Neil ("A Read-Only Transaction Anomaly Under Snapshot Isolation", SIGMOD Record 33(3), 2004), with
no more statements than it takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from ticketlab.lab.isolation.transactions import (
    OPENING,
    IsolationScenario,
    TransactionOutcome,
    add,
    delete,
    find,
    insert,
    read,
    transaction,
    write,
)

_Outcomes = Sequence[TransactionOutcome]
_Rows = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class IsolationAnomaly:
    """An anomaly: its name in the literature, its name in words, and what it does to people who buy tickets."""

    key: str
    name: str
    tickets: str
    scenarios: tuple[IsolationScenario, ...]


def _mixed(_outcomes: _Outcomes, rows: _Rows) -> bool:
    return (rows["a"], rows["b"]) in ((11, 22), (12, 21))


def _sees_101(outcomes: _Outcomes, _rows: _Rows) -> bool:
    return outcomes[1].seen == (101,)


def _each_sees_the_other(outcomes: _Outcomes, _rows: _Rows) -> bool:
    return outcomes[0].seen[1] == 22 and outcomes[1].seen[1] == 11


def _vanishes(outcomes: _Outcomes, rows: _Rows) -> bool:
    """Whether the third transaction sees a version of one row, and later an older version of the other row."""
    order = (11, 12) if rows["a"] == 12 else (12, 11)
    ages = {10: 0, 20: 0, order[0]: 1, order[1]: 2}
    ages |= {19: ages[11], 18: ages[12]}
    seen = [(name, ages[number]) for name, number in zip("aba", outcomes[2].seen, strict=True)]  # type: ignore[index]
    return any(one[0] != later[0] and one[1] > later[1] for one, later in combinations(seen, 2))


def _reads_differ(outcomes: _Outcomes, _rows: _Rows) -> bool:
    return outcomes[0].seen[0] != outcomes[0].seen[1]


def _still_there(outcomes: _Outcomes, _rows: _Rows) -> bool:
    return outcomes[1].seen[-1] != ()


def _both_read_the_old(outcomes: _Outcomes, _rows: _Rows) -> bool:
    return all(outcome.seen[0] == OPENING["a"] for outcome in outcomes)


def _one_old_one_new(outcomes: _Outcomes, _rows: _Rows) -> bool:
    return outcomes[0].seen in ((10, 18), (12, 20))


def _reads_old_deletes_new(outcomes: _Outcomes, _rows: _Rows) -> bool:
    return outcomes[0].seen == (10, 0)


def _both_read_both_old(outcomes: _Outcomes, _rows: _Rows) -> bool:
    return all(outcome.seen[:2] == (10, 20) for outcome in outcomes)


def _both_found_none(outcomes: _Outcomes, _rows: _Rows) -> bool:
    return all(outcome.seen[0] == () for outcome in outcomes)


def _shows_what_no_order_has(outcomes: _Outcomes, _rows: _Rows) -> bool:
    """Whether the reader sees the first writer and not the second, though the second has not seen the first."""
    return outcomes[1].seen[0] == 20 and outcomes[2].seen == (10, 21)


_MOVE_TO_12: Final = transaction(write("a", 12), write("b", 18))
_LOOK_TWICE: Final = (read("a"), read("b"), read("a"))  # from a to b, and from b to a

ANOMALIES: Final = (
    IsolationAnomaly(
        "G0",
        "dirty write",
        "two purchases change two sections, and each section keeps the change of another one",
        (
            IsolationScenario(
                "two writers of two rows",
                (transaction(write("a", 11), write("b", 21)), transaction(write("a", 12), write("b", 22))),
                _mixed,
            ),
        ),
    ),
    IsolationAnomaly(
        "G1a",
        "aborted read",
        "a search counts a sale that is rolled back",
        (
            IsolationScenario(
                "a reader of a write that is rolled back",
                (transaction(write("a", 101), aborts=True), transaction(read("a"))),
                _sees_101,
            ),
        ),
    ),
    IsolationAnomaly(
        "G1b",
        "intermediate read",
        "a search sees a number from the middle of a purchase",
        (
            IsolationScenario(
                "a reader of a row that is written twice",
                (transaction(write("a", 101), write("a", 11)), transaction(read("a"))),
                _sees_101,
            ),
        ),
    ),
    IsolationAnomaly(
        "G1c",
        "circular information flow",
        "two open purchases each see what the other has not committed",
        (
            IsolationScenario(
                "two writers that read each other's row",
                (transaction(write("a", 11), read("b")), transaction(write("b", 22), read("a"))),
                _each_sees_the_other,
            ),
        ),
    ),
    IsolationAnomaly(
        "OTV",
        "observed transaction vanishes",
        "a search sees a purchase in one section, and then the other section without it",
        (
            IsolationScenario(
                "a reader of two rows with two writers",
                (transaction(write("a", 11), write("b", 19)), _MOVE_TO_12, transaction(*_LOOK_TWICE)),
                _vanishes,
            ),
        ),
    ),
    IsolationAnomaly(
        "PMP",
        "predicate-many-preceders",
        "a search by number of tickets finds other sections the second time",
        (
            IsolationScenario(
                "a search that is made twice",
                (transaction(find(30), find(30)), transaction(insert("c", 30))),
                _reads_differ,
            ),
            IsolationScenario(
                "a deletion of what is found, while the rows change",
                (transaction(add(10)), transaction(delete(20), find(20))),
                _still_there,
            ),
        ),
    ),
    IsolationAnomaly(
        "P4",
        "lost update",
        "both read what remains, both write what remains after their own sale: the sum oversells",
        (
            IsolationScenario(
                "two who read a row and write it",
                (transaction(read("a"), write("a", 11)), transaction(read("a"), write("a", 12))),
                _both_read_the_old,
            ),
        ),
    ),
    IsolationAnomaly(
        "G-single",
        "read skew",
        "what remains and what was sold are read from different moments",
        (
            IsolationScenario(
                "a reader of two rows with a writer of both",
                (transaction(read("a"), read("b")), _MOVE_TO_12),
                _one_old_one_new,
            ),
            IsolationScenario(
                "a reader of one row that deletes the other",
                (transaction(read("a"), delete(20)), _MOVE_TO_12),
                _reads_old_deletes_new,
            ),
        ),
    ),
    IsolationAnomaly(
        "G2-item",
        "write skew",
        "a limit over two sections is checked by both, and broken since each sells in another section",
        (
            IsolationScenario(
                "two who read two rows and write one each",
                (
                    transaction(read("a"), read("b"), write("a", 11)),
                    transaction(read("a"), read("b"), write("b", 21)),
                ),
                _both_read_both_old,
            ),
        ),
    ),
    IsolationAnomaly(
        "G2",
        "write skew by a predicate",
        "both count the orders, find room, and insert an order: the orders oversell",
        (
            IsolationScenario(
                "two who look for rows and insert one each",
                (transaction(find(30), insert("c", 30)), transaction(find(30), insert("d", 30))),
                _both_found_none,
            ),
        ),
    ),
    IsolationAnomaly(
        "G2-RO",
        "read-only anomaly",
        "a search sees numbers that no order of the three explains, though the two purchases alone have an order",
        (
            IsolationScenario(
                "a writer, one who reads that row and writes another, and a reader",
                (
                    transaction(write("b", 21)),
                    transaction(read("b"), write("a", 9)),
                    transaction(read("a"), read("b")),
                ),
                _shows_what_no_order_has,
            ),
        ),
    ),
)
