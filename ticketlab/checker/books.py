"""Two oracles held against each other: what the buyers were told, and what the books say afterwards.

This judge needs no times and no interleaving, only sums, so it is exact whatever the schedule was. For each section,
let `told` be the tickets of all sales that buyers were told of, and `maybe` those of operations that never returned.
Ticket numbers count sales, so the books' `issued` is how many tickets they think were ever sold:

- told > issued: the books forgot sales, by overwriting them (lost update);
- issued > told + maybe: the books hold sales that nobody was told of (ghost sale).

With holds, a confirmation is the sale. Whether a hold stood when it was confirmed, and whether what it kept was given
back in time, is a matter of times and not judged here; but no ticket may be missing from the books: what remains, what
is held and what was issued, void numbers aside, is all that there ever was.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ticketlab.core.history import Operation
from ticketlab.core.inventory import Books, Inventory, Stock
from ticketlab.core.text import join_words, pluralize
from ticketlab.core.verdict import Anomaly


@dataclass(slots=True)
class _Section:
    """One section's operations, sorted by what the buyer was told."""

    name: str
    tickets: int
    sold: list[Operation] = field(default_factory=list)
    refused: list[Operation] = field(default_factory=list)
    cancelled: list[Operation] = field(default_factory=list)
    unknown: list[Operation] = field(default_factory=list)
    holds: list[Operation] = field(default_factory=list)  # that were granted, or may have been

    @property
    def told(self) -> int:
        return sum(len(operation.tickets) for operation in self.sold)

    @property
    def maybe(self) -> int:
        bought = sum(_quantity(operation) for operation in self.unknown if operation.op == "buy")
        held = {operation.result: _quantity(operation) for operation in self.holds}
        return bought + sum(held.get(str(each.arg), 0) for each in self.unknown if each.op == "confirm")

    @property
    def ever_held(self) -> int:
        return sum(_quantity(operation) for operation in self.holds)

    @property
    def given_back(self) -> int:
        return sum(_quantity(operation) for operation in (*self.cancelled, *self.unknown) if operation.op == "cancel")


def judge_books(inventory: Inventory, operations: Sequence[Operation], books: Books | None) -> list[Anomaly]:
    """Return every anomaly that receipts and books prove; `books` is None where they could not be read."""
    sections = {name: _Section(name, tickets) for name, tickets in inventory.sections.items()}
    for operation in operations:
        _file(sections[operation.section], operation)
    found = list(_torn_reads(operations))
    for section in sections.values():
        found += _receipts(section)
        if books is not None:
            found += _against_books(section, books)
    return found


def _file(section: _Section, operation: Operation) -> None:
    if operation.op == "hold" and operation.result not in ("soldout", "failed"):
        section.holds.append(operation)
    if operation.unknown:
        section.unknown.append(operation)
    elif operation.op in ("buy", "confirm") and operation.result == "ok":
        section.sold.append(operation)
    elif operation.op in ("buy", "hold") and operation.result == "soldout":
        section.refused.append(operation)
    elif operation.op == "cancel" and operation.result == "ok":
        section.cancelled.append(operation)


def _quantity(operation: Operation) -> int:
    asked = operation.arg[0] if isinstance(operation.arg, list) else operation.arg
    return asked if isinstance(asked, int) else 0


def _receipts(section: _Section) -> Iterator[Anomaly]:
    """What the receipts alone prove."""
    held = section.told - section.given_back
    if held > section.tickets:
        yield Anomaly(
            "oversold",
            f"{pluralize(held, 'ticket')} of section {section.name!r} are sold, and it has only {section.tickets}",
            _evidence(section, section.sold, available=section.tickets, sold=held),
        )
    yield from _sold_twice(section)
    sold = sum(len(operation.tickets) for operation in section.sold if operation.op == "buy")
    maybe = sum(_quantity(operation) for operation in section.unknown if operation.op == "buy")
    left = section.tickets - sold - maybe - section.ever_held  # who confirms had held before
    early = [operation for operation in section.refused if _quantity(operation) <= left]
    if early:
        yield Anomaly(
            "undersold",
            f"{_buyers(early)} got no ticket of section {section.name!r}, which never had fewer than {left} left",
            _evidence(section, early, left=left),
        )


def _sold_twice(section: _Section) -> Iterator[Anomaly]:
    holders: dict[int, list[Operation]] = defaultdict(list)
    for operation in section.sold:
        for ticket in operation.tickets:
            holders[ticket].append(operation)
    twice = {ticket: operations for ticket, operations in sorted(holders.items()) if len(operations) > 1}
    if twice:
        worst, operations = max(twice.items(), key=lambda item: len(item[1]))
        yield Anomaly(
            "ticket sold twice",
            f"ticket {worst} of section {section.name!r} is held by {_buyers(operations)}"
            + (f", and {pluralize(len(twice) - 1, 'more ticket')} by several" if len(twice) > 1 else ""),
            {
                "section": section.name,
                "tickets": {
                    str(ticket): [described(each) for each in each_sold] for ticket, each_sold in twice.items()
                },
            },
        )


def _against_books(section: _Section, books: Books) -> Iterator[Anomaly]:
    """What the books prove when they are held against the receipts."""
    stock = books.stocks[section.name]
    lost, ghosts = section.told - stock.issued, stock.issued - section.told - section.maybe
    if stock.remaining < 0:
        yield Anomaly(
            "negative stock",
            f"the books say that {stock.remaining} tickets of section {section.name!r} are left",
            {"section": section.name, "remaining": stock.remaining},
        )
    if section.holds:
        yield from _sum(section, stock)
    missing, extra = _ledger_differences(section, books)
    if lost > 0:
        yield Anomaly(
            "lost update",
            f"buyers were told of {pluralize(section.told, 'sold ticket')} of section {section.name!r}, "
            f"the books count {stock.issued}: {lost} overwritten",
            _evidence(section, missing or section.sold, told=section.told, pluralize=stock.issued),
        )
    elif missing:
        yield Anomaly(
            "vanished sale",
            f"{_buyers(missing)} heard of a sale in section {section.name!r} that the ledger does not have",
            _evidence(section, missing),
        )
    if ghosts > 0 or extra:
        count = max(ghosts, sum(extra.values()))
        yield Anomaly(
            "ghost sale",
            f"the books have {pluralize(count, 'sold ticket')} of section {section.name!r} that nobody was told of",
            {"section": section.name, "told": section.told, "counted": stock.issued, "entries": _entries(extra)},
        )


def _sum(section: _Section, stock: Stock) -> Iterator[Anomaly]:
    """Count all tickets of a section that the books know of: those given back have left void numbers behind."""
    there = stock.remaining + stock.held + stock.issued
    facts = {"section": section.name, "remaining": stock.remaining, "held": stock.held, "issued": stock.issued}
    if there < section.tickets:
        gone = pluralize(section.tickets - there, "ticket")
        yield Anomaly(
            "hold leaked", f"{gone} of section {section.name!r} are neither sold nor held nor for sale", facts
        )
    most = section.tickets + section.given_back
    if there > most:
        sentence = f"the books know of {there} tickets of section {section.name!r}, and there are only {most}: "
        yield Anomaly("resold hold", f"{sentence}what was sold is held, or for sale, as well", facts)


def _ledger_differences(section: _Section, books: Books) -> tuple[list[Operation], Counter[tuple[int, int]]]:
    """Return the sales that the ledger lacks, and the (buyer, ticket) that only the ledger has."""
    if books.ledger is None:
        return [], Counter()
    sales = [entry for entry in books.ledger if entry.section == section.name and not entry.cancels]
    written = Counter((entry.buyer, ticket) for entry in sales for ticket in entry.tickets)
    told = Counter((operation.process, ticket) for operation in section.sold for ticket in operation.tickets)
    lacking = told - written
    missing = [each for each in section.sold if any((each.process, ticket) in lacking for ticket in each.tickets)]
    unsure = {operation.process for operation in section.unknown}
    extra = Counter({key: count for key, count in (written - told).items() if key[0] not in unsure})
    return missing, extra


def _torn_reads(operations: Sequence[Operation]) -> Iterator[Anomaly]:
    torn = [operation for operation in operations if operation.error.startswith("TornRead")]
    if torn:
        yield Anomaly(
            "torn read",
            f"{_buyers(torn)} met a half-written record: {torn[0].error.partition(': ')[2]}",
            {"operations": [described(operation) for operation in torn]},
        )


def _evidence(section: _Section, operations: Sequence[Operation], **figures: int) -> Mapping[str, Any]:
    return {"section": section.name, **figures, "operations": [described(operation) for operation in operations]}


def _entries(extra: Counter[tuple[int, int]]) -> list[dict[str, int]]:
    return [{"buyer": buyer, "ticket": ticket} for buyer, ticket in sorted(extra.elements())]


def _buyers(operations: Sequence[Operation]) -> str:
    """Name up to three buyers, and count the others: "buyers 3, 8, 9 and 12 more"."""
    numbers = [str(number) for number in sorted({operation.process for operation in operations})]
    named = numbers if len(numbers) <= 3 else [*numbers[:3], f"{len(numbers) - 3} more"]
    return f"buyer {named[0]}" if len(numbers) == 1 else f"buyers {join_words(named)}"


def described(operation: Operation) -> dict[str, Any]:
    """Return an operation as evidence shows it."""
    return {
        "buyer": operation.process,
        "op": operation.op,
        "arg": operation.arg,
        "result": operation.result,
        "tickets": list(operation.tickets),
        "invoke_ns": operation.invoke_ns,
        "return_ns": operation.return_ns,
        "accesses": [{"ns": ns, "action": action, "remaining": count} for ns, action, count in operation.accesses],
    } | ({"error": operation.error} if operation.error else {})
