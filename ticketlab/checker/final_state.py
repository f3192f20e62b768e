"""A history against the books that its own metadata carry: the last state, and the ledger where one was kept.

Linearizability speaks of answers only. If the last sales were overwritten and nobody looked afterwards, every answer
fits and the books are wrong all the same; so a history may end with what a store said when it was read afresh:

    {"meta": {"model": "counter", "stock": 5, "books": {"stocks": {"main": {"remaining": 0, "issued": 5}},
                                                        "ledger": [{"buyer": 1, "section": "main", "tickets": [1]}]}}}

`issued` is how many tickets the books think were ever sold; cancellations do not lower it. Sums are compared, section
by section and, with a ledger, buyer by buyer, so it does not matter in which order things happened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from ticketlab.checker.columns import Columns, MalformedHistory
from ticketlab.core.text import join_words, pluralize
from ticketlab.core.verdict import Anomaly

Sums = Counter[tuple[str, int]]
"""Tickets by section and process."""


def judge_closing(columns: Columns) -> list[Anomaly]:
    """Return what the history's receipts and its own books prove about each other; nothing where it carries none.

    Raises:
        MalformedHistory: the books are not as they should be.
    """
    if "books" not in columns.meta:
        return []
    issued, remaining, ledger = _books(columns.meta["books"])
    told, maybe = _receipts(columns, next(iter(issued), ""))
    found: list[Anomaly] = []
    for section, count in issued.items():
        found += _counts(section, count, remaining[section], _of(told, section), _of(maybe, section))
        if ledger is not None and _of(told, section) <= count:
            found += _entries(section, told, maybe, ledger)
    return found


def _of(sums: Sums, section: str) -> int:
    return sum(tickets for (name, _), tickets in sums.items() if name == section)


def _receipts(columns: Columns, only: str) -> tuple[Sums, Sums]:
    """Sum the tickets that were sold for certain, and those of orders that nobody answered."""
    told: Sums = Counter()
    maybe: Sums = Counter()
    held = {call.result: call.arg[0] for call in columns.calls if call.op == "hold"}
    for row, process in enumerate(columns.process):
        call = columns.calls[columns.what[row]]
        if call.op in ("buy", "confirm"):
            key = (call.section or only, process)
            tickets = call.arg if call.op == "buy" else held.get(call.arg, 0)
            if columns.unanswered(row):
                maybe[key] += tickets
            elif call.result == "ok":
                told[key] += tickets
    return told, maybe


def _counts(section: str, issued: int, remaining: int, told: int, maybe: int) -> Iterator[Anomaly]:
    facts = {"section": section, "told": told, "counted": issued}
    sales = f"buyers were told of {pluralize(told, 'sold ticket')} of section {section!r}, the books count {issued:,}"
    if told > issued:
        yield Anomaly("lost update", f"{sales}: {told - issued:,} overwritten", facts)
    elif issued > told + maybe:
        yield Anomaly("ghost sale", f"{sales}: nobody was told of {issued - told - maybe:,}", facts)
    if remaining < 0:
        sentence = f"the books say that {remaining:,} tickets of section {section!r} are left"
        yield Anomaly("negative stock", sentence, {"section": section, "remaining": remaining})


def _entries(section: str, told: Sums, maybe: Sums, ledger: Sums) -> Iterator[Anomaly]:
    missing = sorted(process for (name, process) in told - ledger if name == section)
    extra = sorted(process for (name, process) in ledger - told - maybe if name == section)
    if missing:
        sentence = f"{_buyers(missing)} heard of a sale in section {section!r} that the ledger does not have"
        yield Anomaly("vanished sale", sentence, {"section": section, "buyers": missing})
    if extra:
        sentence = f"the ledger has a sale to {_buyers(extra)} in section {section!r} that nobody was told of"
        yield Anomaly("ghost sale", sentence, {"section": section, "buyers": extra})


def _buyers(processes: list[int]) -> str:
    named = [str(process) for process in processes[:3]] + ([f"{len(processes) - 3} more"] if len(processes) > 3 else [])
    return f"buyer {named[0]}" if len(processes) == 1 else f"buyers {join_words(named)}"


def _books(books: Any) -> tuple[dict[str, int], dict[str, int], Sums | None]:
    """Take issued and remaining by section, and the ledger's sales by section and buyer."""
    try:
        stocks: Mapping[str, Any] = books["stocks"]
        issued = {name: _atomic_accesses(stock["issued"]) for name, stock in stocks.items()}
        remaining = {name: _atomic_accesses(stock["remaining"]) for name, stock in stocks.items()}
        if books.get("ledger") is None:
            return issued, remaining, None
        ledger: Sums = Counter()
        for entry in books["ledger"]:
            if not entry.get("cancels", False):
                ledger[entry["section"], _atomic_accesses(entry["buyer"])] += len(entry["tickets"])
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        what = f"key {error} is missing" if isinstance(error, KeyError) else str(error)
        raise MalformedHistory(f'line 1: meta has "books" that cannot be read: {what}') from None
    return issued, remaining, ledger


def _atomic_accesses(number: Any) -> int:
    if type(number) is not int:
        raise ValueError(f"{number!r} is not a whole number")
    return number
