"""Two oracles compared with each other: the results of purchases, and what the books say afterwards.

This judge needs no times and no interleaving, only sums (see `sums`), so it is exact whatever the schedule was.

- Receipts alone prove an oversell, a ticket that was sold twice, and a refusal while enough tickets were left.
- Receipts and books prove a lost update, a ghost sale, sales that the ledger lacks, and tickets that are lost.

With holds, a confirmation is the sale. Whether a hold was still open when it was confirmed, and whether its tickets
were for sale again in time, is a matter of times and not judged here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ticketlab.checker import sums
from ticketlab.core.errors import TornRead
from ticketlab.core.history import Operation
from ticketlab.core.inventory import Books, Inventory
from ticketlab.core.text import pluralize
from ticketlab.core.verdict import Anomaly


@dataclass(slots=True)
class _Section:
    """One section's operations, sorted by their results."""

    name: str
    tickets: int
    sold: list[Operation] = field(default_factory=list)
    refused: list[Operation] = field(default_factory=list)
    cancelled: list[Operation] = field(default_factory=list)
    unknown: list[Operation] = field(default_factory=list)
    holds: list[Operation] = field(default_factory=list)  # that were granted, or may have been

    @property
    def returned(self) -> int:
        return sum(len(operation.tickets) for operation in self.sold)

    @property
    def maybe(self) -> Counter[int]:
        """The most tickets that orders that never returned can have bought, by buyer."""
        held = {operation.result: _quantity(operation) for operation in self.holds if not operation.unknown}
        unknown_hold = max((_quantity(operation) for operation in self.holds if operation.unknown), default=0)
        found: Counter[int] = Counter()
        for each in self.unknown:
            if each.op == "buy":
                found[each.process] += _quantity(each)
            elif each.op == "confirm":
                found[each.process] += held.get(str(each.arg), unknown_hold)
        return found

    @property
    def ever_held(self) -> int:
        return sum(_quantity(operation) for operation in self.holds)

    @property
    def given_back(self) -> int:
        return sum(_quantity(operation) for operation in self.cancelled)

    @property
    def maybe_given_back(self) -> int:
        return sum(_quantity(operation) for operation in self.unknown if operation.op == "cancel")


def judge_books(inventory: Inventory, operations: Sequence[Operation], books: Books | None) -> list[Anomaly]:
    """Return every anomaly that receipts and books prove; `books` is None if they could not be read."""
    sections = {name: _Section(name, tickets) for name, tickets in inventory.sections.items()}
    for operation in operations:
        _file(sections[operation.section], operation)
    found = list(_torn_reads(operations))
    for section in sections.values():
        found += _receipts(section)
        if books is not None:
            found += _against_books(section, books)
    if books is not None and not any(one.name == "ticket sold twice" for one in found):
        found += sums.repeated_entries(books.ledger or ())
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
    """Return how many tickets were asked for or given back; 0 if a hold is named, which has the number."""
    asked = operation.arg[0] if isinstance(operation.arg, list) else operation.arg
    return asked if isinstance(asked, int) else 0


def _receipts(section: _Section) -> Iterator[Anomaly]:
    """Yield the anomalies that the receipts alone prove."""
    sold = section.returned - section.given_back - section.maybe_given_back
    if sold > section.tickets:
        least = "at least " if section.maybe_given_back else ""
        yield Anomaly(
            "oversold",
            f"{least}{pluralize(sold, 'ticket')} of section {section.name!r} are sold, "
            f"and it has only {section.tickets:,}",
            _evidence(section, section.sold, available=section.tickets, sold=sold),
        )
    yield from _sold_twice(section)
    bought = sum(len(operation.tickets) for operation in section.sold if operation.op == "buy")
    maybe = sum(_quantity(operation) for operation in section.unknown if operation.op == "buy")
    left = section.tickets - bought - maybe - section.ever_held  # what was confirmed had been held before
    early = [operation for operation in section.refused if _quantity(operation) <= left]
    if early:
        yield Anomaly(
            "undersold",
            f"{_buyers(early)} got no ticket of section {section.name!r}, which never had fewer than {left:,} left",
            _evidence(section, early, left=left),
        )


def _sold_twice(section: _Section) -> Iterator[Anomaly]:
    holders: dict[int, list[Operation]] = defaultdict(list)
    for operation in section.sold:
        for ticket in operation.tickets:
            holders[ticket].append(operation)
    twice = {ticket: operations for ticket, operations in sorted(holders.items()) if len(operations) > 1}
    if not twice:
        return
    worst, operations = max(twice.items(), key=lambda item: len(item[1]))
    alone = len({operation.process for operation in operations}) == 1
    sold = f"was sold {len(operations):,} times to" if alone else "was sold to"
    sentence = f"ticket {worst} of section {section.name!r} {sold} {_buyers(operations)}"
    if len(twice) > 1:
        sentence += f", and {pluralize(len(twice) - 1, 'more ticket')} by several"
    tickets = {str(ticket): [one.evidence() for one in each_sold] for ticket, each_sold in twice.items()}
    yield Anomaly("ticket sold twice", sentence, {"section": section.name, "tickets": tickets})


def _against_books(section: _Section, books: Books) -> Iterator[Anomaly]:
    """Yield the anomalies that the books prove when they are compared with the receipts."""
    stock = books.stocks[section.name]
    returned, maybe = section.returned, section.maybe
    claim = sums.returned_claim(section.name, returned)
    yield from sums.negative_stock(section.name, stock.remaining)
    yield from sums.wrong_total(_total(section, books))
    missing, extra = _ledger_differences(section, books, maybe)
    evidence = _evidence(section, missing or section.sold, returned=returned, counted=stock.issued)
    lost = list(sums.lost_update(claim, returned, stock.issued, evidence))
    yield from lost or sums.missing_entries(
        section.name, [each.process for each in missing], _evidence(section, missing)
    )
    facts = {"section": section.name, "returned": returned, "counted": stock.issued, "entries": _entries(extra)}
    ghosts = list(sums.ghost_sale(claim, returned, maybe.total(), stock.issued, facts))
    yield from ghosts or sums.extra_entries(section.name, [buyer for buyer, _ in extra], facts)


def _total(section: _Section, books: Books) -> sums.Total:
    """Count the tickets that the books know of; the ledger may have cancellations that are in no receipt."""
    stock, sure, unsure = books.stocks[section.name], section.given_back, section.maybe_given_back
    written = [entry for entry in books.ledger or () if entry.cancels and entry.section == section.name]
    unsure = max(unsure, sum(len(entry.tickets) for entry in written) - sure)
    return sums.Total(
        section.name,
        section.tickets,
        stock.remaining,
        stock.held,
        stock.issued,
        cancelled=sure,
        maybe_cancelled=unsure,
        with_holds=bool(section.holds),
    )


def _ledger_differences(
    section: _Section, books: Books, maybe: Counter[int]
) -> tuple[list[Operation], Counter[tuple[int, int]]]:
    """Return the sales that the ledger lacks, and the (buyer, ticket) that only the ledger has.

    What a buyer may have bought without an answer explains as many tickets as it asked for.
    """
    if books.ledger is None:
        return [], Counter()
    sales = [entry for entry in books.ledger if entry.section == section.name and not entry.cancels]
    written = Counter((entry.buyer, ticket) for entry in sales for ticket in entry.tickets)
    told = Counter((operation.process, ticket) for operation in section.sold for ticket in operation.tickets)
    lacking, beyond = told - written, written - told
    missing = [each for each in section.sold if any((each.process, ticket) in lacking for ticket in each.tickets)]
    by_buyer: Counter[int] = Counter()
    for (buyer, _), count in beyond.items():
        by_buyer[buyer] += count
    return missing, Counter({key: count for key, count in beyond.items() if by_buyer[key[0]] > maybe[key[0]]})


def _torn_reads(operations: Sequence[Operation]) -> Iterator[Anomaly]:
    torn = [operation for operation in operations if operation.error_kind == TornRead.__name__]
    if torn:
        yield Anomaly(
            "torn read",
            f"{_buyers(torn)} met a half-written record: {torn[0].error}",
            {"operations": [operation.evidence() for operation in torn]},
        )


def _evidence(section: _Section, operations: Sequence[Operation], **numbers: int) -> Mapping[str, Any]:
    return {"section": section.name, **numbers, "operations": [operation.evidence() for operation in operations]}


def _entries(extra: Counter[tuple[int, int]]) -> list[dict[str, int]]:
    return [{"buyer": buyer, "ticket": ticket} for buyer, ticket in sorted(extra.elements())]


def _buyers(operations: Sequence[Operation]) -> str:
    return sums.name_buyers(operation.process for operation in operations)
