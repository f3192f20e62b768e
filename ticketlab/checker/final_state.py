"""A history against the books in its own metadata: the last state, and the ledger if one was kept.

Linearizability speaks of answers only. If the last sales were overwritten and nobody looked afterwards, every answer
fits, and the books are wrong all the same. So a history may end with what a store said when it was read afresh:

    {"meta": {"model": "counter", "stock": 5, "books": {"stocks": {"main": {"remaining": 0, "issued": 5}},
                                                        "ledger": [{"buyer": 1, "section": "main", "tickets": [1]}]}}}

`issued` is how many tickets the books think were ever sold; cancellations do not lower it. `holds`, a list of objects
with a `quantity`, may say what is held. Sums are compared (see `sums`), section by section and, with a ledger, buyer by
buyer, so it does not matter in which order things happened. An order is carried out as a whole or not at all: what an
unanswered order for two tickets may have bought is none or two. (A ledger's entry may be an order or a single ticket.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from ticketlab.checker import sums
from ticketlab.checker.columns import UNKNOWN, Call, Columns, MalformedHistory
from ticketlab.core.errors import UsageError
from ticketlab.core.json_fields import JsonField
from ticketlab.core.verdict import Anomaly

_OF_TICKETS: Final = ("counter", "holds")
"""The models whose stock is a number of tickets."""


class _Stock(NamedTuple):
    """A section's record in the books."""

    remaining: int
    issued: int
    held: int


class _Books(NamedTuple):
    """Records by section; tickets sold, and tickets given back, by section and buyer; None if no ledger was kept."""

    stocks: Mapping[str, _Stock]
    sold: Counter[tuple[str, int]] | None
    given_back: Counter[str]


@dataclass(slots=True)
class _Receipts:
    """The results of purchases in one section, as numbers of tickets; `returned` and `maybe` by buyer.

    `maybe` are the most that can have been sold beyond `returned`: by orders that never returned, and by confirming a
    hold whose number of tickets no call returned; buyers of the latter are `vague`. `answered` and `unanswered` are the
    sizes of the orders that returned and of those that never did.
    """

    returned: Counter[int] = field(default_factory=Counter)
    maybe: Counter[int] = field(default_factory=Counter)
    answered: dict[int, list[int]] = field(default_factory=dict)
    unanswered: dict[int, list[int]] = field(default_factory=dict)
    vague: set[int] = field(default_factory=set)
    given_back: int = 0
    maybe_given_back: int = 0
    with_holds: bool = False

    def add(self, buyer: int, least: int, most: int, *, answered: bool) -> None:
        """Add an order that bought between `least` and `most` tickets, or nothing if it never returned."""
        self.returned[buyer] += least if answered else 0
        self.maybe[buyer] += most - least if answered else most
        if least < most:
            self.vague.add(buyer)
        (self.answered if answered else self.unanswered).setdefault(buyer, []).append(most)

    def differences(self, written: Counter[int]) -> tuple[list[int], list[int]]:
        """Return the buyers of whom less is written than their calls returned, and those of whom too much is."""
        missing, extra = sorted(self.returned - written), sorted(written - self.returned - self.maybe)
        for buyer in sorted(self.unanswered.keys() - self.vague):
            count, returned = written[buyer], self.returned[buyer]
            unanswered = self.unanswered[buyer]
            if returned < count <= returned + self.maybe[buyer] and not _add_up(unanswered, count - returned):
                one_left_out = _add_up([*self.answered.get(buyer, ()), *unanswered], count)
                (missing if one_left_out else extra).append(buyer)
        return sorted(missing), sorted(extra)


def _add_up(sizes: Iterable[int], total: int) -> bool:
    """Whether some of these sizes add up to a total; bit k of `sums_found` says that some add up to k."""
    mask, sums_found = (1 << total + 1) - 1, 1
    for size in sizes:
        if size <= total:
            sums_found |= sums_found << size & mask
    return bool(sums_found >> total & 1)


def judge_closing(columns: Columns, model: str = "", stock: int | None = None) -> list[Anomaly]:
    """Return what the history's receipts and its own books prove about each other; nothing if it carries no books.

    `model` and `stock`, where given, come before those in the metadata.

    Raises:
        MalformedHistory: the books are not as they should be.
    """
    if "books" not in columns.meta:
        return []
    try:
        books = _books(JsonField(columns.meta["books"], "line 1", "meta.books"))
    except UsageError as error:
        raise MalformedHistory(str(error)) from None
    receipts = _receipts(columns, books)
    tickets = _tickets(columns, books, stock) if (model or columns.meta.get("model")) in _OF_TICKETS else {}
    found: list[Anomaly] = []
    for section in books.stocks:
        found += _judge(section, receipts.get(section, _Receipts()), books, tickets.get(section))
    return found


def _judge(section: str, receipts: _Receipts, books: _Books, tickets: int | None) -> Iterator[Anomaly]:
    record, returned, maybe = books.stocks[section], receipts.returned.total(), receipts.maybe.total()
    claim, facts = sums.returned_claim(section, returned), {"section": section, "returned": returned}
    facts |= {"counted": record.issued}
    lost = list(sums.lost_update(claim, returned, record.issued, facts))
    ghosts = list(sums.ghost_sale(claim, returned, maybe, record.issued, facts))
    yield from (*lost, *ghosts, *sums.negative_stock(section, record.remaining))
    if tickets is not None:
        unsure = max(receipts.maybe_given_back, books.given_back[section] - receipts.given_back)
        yield from sums.wrong_total(
            sums.Total(
                section,
                tickets,
                record.remaining,
                record.held,
                record.issued,
                receipts.given_back,
                unsure,
                receipts.with_holds,
            )
        )
    if books.sold is not None:
        written = Counter({buyer: count for (name, buyer), count in books.sold.items() if name == section})
        missing, extra = receipts.differences(written)
        if not lost:
            yield from sums.missing_entries(section, missing, {"section": section, "buyers": missing})
        if not lost and not ghosts:
            yield from sums.extra_entries(section, extra, {"section": section, "buyers": extra})


def _receipts(columns: Columns, books: _Books) -> dict[str, _Receipts]:
    """Sum the tickets that were sold for certain, and those of orders that nobody answered, section by section."""
    only = next(iter(books.stocks)) if len(books.stocks) == 1 else ""
    sizes = _Sizes(columns)
    found: dict[str, _Receipts] = {}
    for row, process in enumerate(columns.process):
        call = columns.calls[columns.what[row]]
        name = call.section or only
        if name not in books.stocks:
            raise MalformedHistory(f"{columns.place(row)}: section {name!r} is not in the books of the history's meta")
        receipts = found.setdefault(name, _Receipts())
        receipts.with_holds |= call.op == "hold"
        least, most = sizes.of(call)
        answered = not columns.unanswered(row)
        if answered and call.result != "ok":
            continue
        if call.op in ("buy", "confirm"):
            receipts.add(process, least, most, answered=answered)
        elif call.op == "cancel":
            receipts.given_back += most if answered else 0
            receipts.maybe_given_back += 0 if answered else most
    return found


class _Sizes:
    """How many tickets calls are for; a hold's number is in the call that placed it."""

    def __init__(self, columns: Columns) -> None:
        self.held: dict[tuple[str, object], int] = {}
        self.unanswered: dict[str, list[int]] = {}
        for call in columns.calls:
            if call.op == "hold" and call.result == UNKNOWN:
                self.unanswered.setdefault(call.section, []).append(call.arg[0])
            elif call.op == "hold":
                self.held[call.section, call.result] = call.arg[0]

    def of(self, call: Call) -> tuple[int, int]:
        """Return the least and the most tickets that a call sells or gives back, if it does so at all."""
        if type(call.arg) is int:
            return call.arg, call.arg
        if call.op != "confirm":
            return 0, 0
        if (call.section, call.arg) in self.held:
            return (self.held[call.section, call.arg],) * 2
        some = self.unanswered.get(call.section, [0])
        return min(some), max(some)


def _tickets(columns: Columns, books: _Books, stock: int | None) -> dict[str, int]:
    """Return how many tickets each section had at first, as far as the history says."""
    opening = stock if stock is not None else columns.meta.get("stock")
    if isinstance(opening, Mapping):
        return {str(section): tickets for section, tickets in opening.items()}
    return dict.fromkeys(books.stocks, opening) if isinstance(opening, int) and len(books.stocks) == 1 else {}


def _books(field: JsonField) -> _Books:
    stocks = field["stocks"].dict_of(_stock)
    if "ledger" not in field or field["ledger"].or_none(JsonField.values) is None:
        return _Books(stocks, None, Counter())
    sold: Counter[tuple[str, int]] = Counter()
    given_back: Counter[str] = Counter()
    for entry in field["ledger"].items():
        section, count = entry["section"].one_of(stocks), len(entry["tickets"].values())
        if entry["cancels"].otherwise(JsonField.flag, default=False):
            given_back[section] += count
        else:
            sold[section, entry["buyer"].whole()] += count
    return _Books(stocks, sold, given_back)


def _stock(field: JsonField) -> _Stock:
    held = field["holds"].otherwise(lambda holds: sum(holds.list_of(_quantity)), 0)
    return _Stock(field["remaining"].whole(), field["issued"].whole(), held)


def _quantity(hold: JsonField) -> int:
    return hold["quantity"].whole(least=1)
