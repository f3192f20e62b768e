"""For every kind of anomaly a history that must fail, with its name, proof and sentence; beside it ones that pass."""

from __future__ import annotations

import pytest

from ticketlab.checker import Model, cas_register, check, counter, seats
from ticketlab.core.history import Answer, Arg, History, Operation


def op(
    process: int, name: str, arg: Arg, result: Answer, begin: float, end: float | None, section: str = ""
) -> Operation:
    returned = None if end is None else int(end * 1_000_000)
    return Operation(process, name, arg, result, int(begin * 1_000_000), returned, section)


def buy(process: int, begin: float, end: float | None, result: Answer = "ok", number: int = 1) -> Operation:
    return op(process, "buy", number, result, begin, end)


def search(process: int, left: int, begin: float, end: float) -> Operation:
    return op(process, "search", None, left, begin, end)


FOUR_SALES = [buy(1, 0, 1), buy(2, 0, 1.5), buy(3, 0.5, 2), buy(4, 1, 5)]
BAD: dict[str, tuple[Model, list[Operation], str, int, str]] = {
    "oversold": (
        counter(2),
        [buy(1, 0, 3), buy(2, 1, 3), buy(3, 1, 4), buy(4, 2, 9)],
        "oversold",
        3,
        "buyers 1, 2 and 3 were sold 3 tickets, but there were only 2",
    ),
    "refused before the last sale began": (
        counter(5),
        [*FOUR_SALES, buy(12, 2, 3.1, "soldout"), buy(5, 4, 6)],
        "undersold",
        1,
        (
            "buyer 12 was refused at 3.1 ms, but before 4.0 ms at most 4 of 5 tickets can have been sold: "
            "the next sale had not begun"
        ),
    ),
    "refused though never sold out": (
        counter(5),
        [*FOUR_SALES, buy(12, 2, 3.1, "soldout")],
        "undersold",
        1,
        "buyer 12 was refused at 3.1 ms, but in the whole history at most 4 of 5 tickets can have been sold",
    ),
    "refused, then tickets are left": (
        counter(2),
        [buy(1, 0, 9), buy(2, 0, 9), buy(3, 1, 2, "soldout"), search(4, 1, 3, 4)],
        "undersold",
        2,
        (
            "buyer 3 was refused at 2.0 ms, so at least 2 of 2 tickets were sold by then; "
            "yet buyer 4's search, invoked only at 3.0 ms, "
            "returned that 1 ticket was left"
        ),
    ),
    "count goes back": (
        counter(5),
        [buy(1, 0, 9), search(2, 4, 1, 2), search(3, 5, 3, 4)],
        "stale read",
        2,
        (
            "buyer 2's search returned at 2.0 ms that 4 tickets were left, so at least 1 of 5 tickets "
            "were sold by then; yet buyer 3's search, "
            "invoked only at 3.0 ms, returned that 5 tickets were left"
        ),
    ),
    "a sale is forgotten": (
        counter(5),
        [buy(1, 0, 1), buy(2, 0, 1), search(3, 4, 2, 3)],
        "lost update",
        3,
        (
            "buyers 1 and 2 bought 2 tickets, the last at 1.0 ms; yet buyer 3's search, invoked "
            "only at 2.0 ms, returned that "
            "4 tickets were left"
        ),
    ),
    "a sale is not seen at first": (
        counter(5),
        [buy(1, 0, 1), search(2, 5, 2, 3), search(3, 4, 4, 5)],
        "stale read",
        2,
        (
            "buyer 1 bought 1 ticket, the last at 1.0 ms; yet buyer 2's search, invoked only at 2.0 ms, returned "
            "that 5 tickets were left"
        ),
    ),
    "tickets gone that nobody bought": (
        counter(5),
        [buy(1, 0, 1), search(2, 3, 2, 3)],
        "ghost sale",
        1,
        (
            "buyer 2's search returned at 3.0 ms that 3 tickets were left, but in the whole history at most 1 of 5 "
            "tickets can have been sold"
        ),
    ),
    "less than nothing": (
        counter(1),
        [search(1, -1, 0, 3)],
        "negative stock",
        1,
        "buyer 1's search returned at 3.0 ms that -1 tickets were left",
    ),
    "orders of two leave an even number": (
        counter(4),
        [buy(1, 0, 3, "ok", 2), search(2, 3, 0, 3)],
        "impossible count",
        1,
        "buyer 2's search returned at 3.0 ms that 3 tickets were left, but every sale took 2",
    ),
    "mixed sizes oversold": (
        counter(5),
        [buy(1, 0, 1, "ok", 2), buy(2, 0, 1, "ok", 3), buy(3, 0, 3, "ok", 1)],
        "oversold",
        3,
        "buyers 2, 1 and 3 were sold 6 tickets, but there were only 5",
    ),
    "mixed sizes, a sale is forgotten": (
        counter(9),
        [buy(1, 0, 1, "ok", 2), buy(2, 0, 1, "ok", 3), search(3, 7, 2, 3)],
        "lost update",
        2,
        (
            "with 9 tickets at first these cannot all be right, whatever the others did: "
            "buyer 2 buy(3) -> ok (0.0 ms to 1.0 ms); "
            "buyer 3 search() -> 7 (2.0 ms to 3.0 ms)"
        ),
    ),
    "cancelled tickets do not come back": (
        counter(1),
        [buy(1, 0, 1), op(1, "cancel", 1, "ok", 1, 2), buy(2, 3, 4, "soldout")],
        "undersold",
        2,
        (
            "with 1 ticket at first these cannot all be right, whatever the others did: "
            "buyer 1 cancel(1) -> ok (1.0 ms to 2.0 ms); "
            "buyer 2 buy(1) -> soldout (3.0 ms to 4.0 ms)"
        ),
    ),
    "refused too early, in several sizes": (
        counter(4),
        [search(3, 3, 2, 5), buy(5, 2, 3, "soldout"), buy(0, 3, 8, "ok", 2), buy(4, 9, 12), search(5, 1, 4, 13)],
        "undersold",
        1,
        "buyer 5 was refused at 1.0 ms, but by then at most 2 of 4 tickets can have been sold",
    ),
    "one order larger than the stock": (
        counter(2),
        [buy(1, 0, 1, "ok", 3), op(3, "cancel", 1, "unknown", 0, 2)],
        "oversold",
        1,
        "buyer 1 was sold 3 tickets at 1.0 ms, but there were only 2",
    ),
    "cancelled more than was sold": (
        counter(4),
        [buy(1, 0, 1), op(2, "cancel", 2, "ok", 1, 2), buy(3, 3, 4)],
        "unsold tickets cancelled",
        1,
        "buyer 2 gave back 2 tickets at 2.0 ms, but by then at most 1 of 4 tickets can have been sold",
    ),
    "a count that no choice of orders leaves": (
        counter(9),
        [buy(1, 0, 1, "ok", 2), buy(2, 0, 1, "ok", 4), search(3, 6, 2, 3)],
        "lost update",
        1,
        (
            "buyer 3's search returned at 3.0 ms that 6 tickets were left, "
            "but no choice of the orders that had begun by then makes that possible"
        ),
    ),
    "seat sold twice": (
        seats(),
        [op(1, "buyseat", "A1", "ok", 0, 2), op(2, "buyseat", "A1", "ok", 1, 3)],
        "ticket sold twice",
        2,
        "buyer 1 and buyer 2 were both sold seat A1, at 2.0 ms and at 3.0 ms",
    ),
    "seat refused before it was sold": (
        seats(),
        [op(1, "buyseat", 7, "taken", 0, 2), op(2, "buyseat", 7, "ok", 3, 4)],
        "undersold",
        1,
        "buyer 1 was refused seat 7 at 2.0 ms, but buyer 2, who was sold it, invoked the order only at 3.0 ms",
    ),
    "register": (
        cas_register(0),
        [op(1, "write", 1, "ok", 0, 1), op(2, "read", None, 0, 2, 3), op(3, "read", None, 1, 0, 9)],
        "not linearizable",
        2,
        (
            "from 0 no order explains these, whatever the others did: process 1 write(1) -> ok (0.0 ms to 1.0 ms); "
            "process 2 read() -> 0 (2.0 ms to 3.0 ms)"
        ),
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_an_anomaly_has_its_name_its_smallest_proof_and_its_sentence(name: str) -> None:
    model, operations, kind, size, sentence = BAD[name]
    verdict = check(History({}, tuple(operations)), model)
    assert verdict.valid is False
    anomaly = verdict.anomalies[0]
    assert (anomaly.name, anomaly.sentence) == (kind, sentence)
    assert anomaly.evidence["size"] == len(anomaly.evidence["operations"]) == size
    assert anomaly.evidence["minimal"] is True


GOOD: dict[str, tuple[Model, list[Operation]]] = {
    "nothing": (counter(1), []),
    "stock of nothing": (counter(0), [buy(1, 0, 1, "soldout"), search(2, 0, 0, 1)]),
    "refused while the last sale was under way": (counter(5), [*FOUR_SALES, buy(12, 2, 4, "soldout"), buy(5, 4, 6)]),
    "counts of concurrent searches differ": (counter(5), [buy(1, 0, 9), search(2, 4, 1, 3), search(3, 5, 3, 4)]),
    "an unknown sale explains a refusal": (counter(1), [buy(1, 0, None, None), buy(2, 1, 2, "soldout")]),
    "an unknown sale need not have happened": (counter(1), [buy(1, 0, 1, "unknown"), buy(2, 2, 3)]),
    "an order too large": (counter(2), [buy(1, 0, 1, "soldout", 3), buy(2, 2, 3, "ok", 2)]),
    "failed orders say nothing": (counter(1), [buy(1, 0, 1, "failed", 7), buy(1, 2, 3)]),
    "cancelled tickets are sold again": (
        counter(1),
        [buy(1, 0, 1), op(1, "cancel", 1, "ok", 1, 3), buy(2, 2, 3), search(3, 0, 9, 9)],
    ),
    "a seat refused during its sale": (
        seats(),
        [op(1, "buyseat", 7, "taken", 0, 2), op(2, "buyseat", 7, "ok", 2, 4)],
    ),
    "sections apart": (
        counter({"A": 1, "B": 0}),
        [op(1, "buy", 1, "ok", 0, 1, "A"), op(2, "buy", 1, "soldout", 0, 1, "B")],
    ),
    "a lost write seen later": (
        cas_register(),
        [op(1, "write", 1, None, 0, None), op(2, "read", None, None, 1, 2), op(2, "cas", [1, 2], "ok", 3, 4)],
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_history_is_valid(name: str) -> None:
    model, operations = GOOD[name]
    assert check(History({}, tuple(operations)), model).valid is True


def test_an_oversold_section_is_still_searched_for_forgotten_sales() -> None:
    operations = [buy(1, 0, 1), buy(2, 0, 1), buy(3, 2, 3), search(4, 2, 4, 5)]
    verdict = check(History({"model": "counter", "stock": 2}, tuple(operations)))
    assert [anomaly.name for anomaly in verdict.anomalies] == ["oversold", "lost update"]


def test_every_section_is_judged() -> None:
    operations = [op(1, "buy", 1, "ok", 0, 1, "A"), op(2, "buy", 1, "ok", 0, 1, "B")]
    verdict = check(History({"model": "counter", "stock": {"A": 0, "B": 0}}, tuple(operations)))
    assert [anomaly.evidence["section"] for anomaly in verdict.anomalies] == ["A", "B"]


def test_a_large_proof_shows_its_first_hundred_operations_and_counts_all() -> None:
    operations = [buy(p, 0, 1) for p in range(300)]
    evidence = check(History({"model": "counter", "stock": 250}, tuple(operations))).anomalies[0].evidence
    assert (evidence["size"], evidence["shown"], len(evidence["operations"]), len(evidence["rows"])) == (
        251,
        100,
        100,
        251,
    )
