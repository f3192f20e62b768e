"""Ticket counters: sorts a history by section and kind of operation, and chooses the exact method.

If all sales of a section have one size and nothing is cancelled, the unit-order method (`units`) judges it in
O(n log n). Any other section is judged by the exact frontier search (`frontier`), within a budget. Both methods take
sales that never returned. A cancellation gives back tickets that were sold, so it never lifts the number left
above the stock. Orders that certainly failed, and reads without an answer, say nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from ticketlab.checker import counter_messages, sale_order, units
from ticketlab.checker.budget import Meter
from ticketlab.checker.columns import FAILED, OPEN, UNKNOWN, Call, Columns, MalformedHistory
from ticketlab.checker.explain import Contradiction, Phrasing
from ticketlab.checker.frontier import CountChange, Mixed, Read

OpeningStock = int | Mapping[str, int]
_RESULTS = {"buy": ("ok", "soldout", FAILED, UNKNOWN), "cancel": ("ok", FAILED, UNKNOWN)}


def stock_of(stock: OpeningStock, section: str) -> int:
    """Return the number of tickets of a section; a single number is that of every section (but see `judge`)."""
    return stock if isinstance(stock, int) else stock[section]


def step(stock: OpeningStock, sold: int, call: Call) -> Iterable[int]:
    """Return how many tickets may be sold after an operation: the specification that the fast methods implement."""
    total = stock_of(stock, call.section)
    if call.result == FAILED:
        return (sold,)
    if call.op == "search":
        return (sold,) if call.result in (UNKNOWN, total - sold) else ()
    after = sold + call.arg if call.op == "buy" else sold - call.arg
    fits = 0 <= after <= total
    if call.result == UNKNOWN:
        return (after if fits else sold,)
    return (after,) if fits and call.result == "ok" else (sold,) if not fits and call.result == "soldout" else ()


def validate(stock: OpeningStock, call: Call) -> str:
    """Return why a call is not one of this counter, or an empty string."""
    if call.op == "search":
        if call.arg is not None:
            return f"arg of search is {call.arg!r}: expected null"
        if type(call.result) is not int and call.result not in (UNKNOWN, FAILED):
            return f"result of search is {call.result!r}: expected the number of tickets left, 'failed' or 'unknown'"
    elif call.op not in _RESULTS:
        return f"unknown operation {call.op!r} of model counter: expected 'buy', 'search' or 'cancel'"
    elif type(call.arg) is not int or call.arg < 1:
        return f"arg of {call.op} is {call.arg!r}: expected a number of tickets, at least 1"
    elif call.result not in _RESULTS[call.op]:
        expected = ", ".join(map(repr, _RESULTS[call.op]))
        return f"result of {call.op} is {call.result!r}: expected one of {expected}"
    if not isinstance(stock, int) and call.section not in stock:
        known = ", ".join(map(repr, stock))
        return f"section {call.section!r} is not among the sections in stock: {known}"
    return ""


@dataclass(slots=True)
class _Section:
    """The rows of one section, by what they did."""

    name: str
    stock: int
    sales: list[int] = field(default_factory=list)
    maybes: list[int] = field(default_factory=list)
    searches: list[int] = field(default_factory=list)
    refusals: list[int] = field(default_factory=list)
    cancels: list[int] = field(default_factory=list)
    maybe_cancels: list[int] = field(default_factory=list)


def judge(stock: OpeningStock, columns: Columns, meter: Meter) -> Iterator[Contradiction]:
    """Yield the contradictions, section by section.

    Raises:
        MalformedHistory: one number of tickets, but several sections.
        BudgetSpent: the frontier search ran out.
    """
    names = {call.section for call in columns.calls}
    if isinstance(stock, int) and len(names) > 1:
        found = " and ".join(map(repr, sorted(names)[:2]))
        raise MalformedHistory(
            f"the stock is one number, {stock}, but there are sections {found}: one number each is needed"
        )
    return _judge_all(columns, _sections(stock, columns), meter)


def _judge_all(columns: Columns, sections: Iterable[_Section], meter: Meter) -> Iterator[Contradiction]:
    words = Phrasing(columns)
    for section in sections:
        impossible = _impossible(words, section)
        if impossible:
            yield impossible
            continue
        calls, what = columns.calls, columns.what
        sizes = {calls[code].arg for code in {what[row] for rows in (section.sales, section.maybes) for row in rows}}
        if len(sizes) <= 1 and not section.cancels and not section.maybe_cancels:
            one_size = _units(columns, section, sizes.pop() if sizes else 1)
            if isinstance(one_size, Contradiction):
                yield one_size
            else:
                for finding in units.judge(one_size):
                    yield counter_messages.units(words, section.name, one_size, finding)
        else:
            yield from _mixed(words, section, meter)


def _sections(stock: OpeningStock, columns: Columns) -> list[_Section]:
    """Sort the rows by section and kind of operation; each distinct call is looked at once."""
    sections: dict[str, _Section] = {}
    ignored: list[int] = []
    bins: list[list[int]] = []
    for call in columns.calls:
        name = call.section
        if name not in sections:
            sections[name] = _Section(name, stock_of(stock, name))
        section = sections[name]
        if call.result == FAILED or (call.op == "search" and call.result == UNKNOWN):
            bins.append(ignored)
        elif call.op == "search":
            bins.append(section.searches)
        elif call.op == "buy":
            bins.append({"ok": section.sales, "soldout": section.refusals}.get(str(call.result), section.maybes))
        else:
            bins.append(section.cancels if call.result == "ok" else section.maybe_cancels)
    for row, code in enumerate(columns.what):
        bins[code].append(row)
    return list(sections.values())


def _impossible(words: Phrasing, section: _Section) -> Contradiction | None:
    """Return a contradiction if a search returned a number that no counter of this stock can show."""
    calls, what = words.columns.calls, words.columns.what
    for row in section.searches:
        left = calls[what[row]].result
        assert isinstance(left, int)
        if not 0 <= left <= section.stock:
            return counter_messages.impossible(words, section.name, section.stock, row, left)
    return None


def _units(columns: Columns, section: _Section, size: int) -> units.Units | Contradiction:
    """Translate tickets into levels (see `units`); a read between two levels, or above the last, contradicts alone."""
    calls, what, stock = columns.calls, columns.what, section.stock
    searches, search_levels, refusals, refusal_levels = section.searches, [], [], []
    level_of: dict[int, int] = {}
    for code, call in enumerate(calls):
        if call.op == "search" and type(call.result) is int and call.section == section.name:
            level_of[code] = (stock - call.result) // size if (stock - call.result) % size == 0 else -1
    search_levels = [level_of[what[row]] for row in searches]
    if -1 in search_levels:
        return counter_messages.between_levels(Phrasing(columns), section.name, size, searches[search_levels.index(-1)])
    for row in section.refusals:
        needed = -(-(stock - calls[what[row]].arg + 1) // size)
        if needed > stock // size:
            return counter_messages.never_short(Phrasing(columns), section.name, stock % size, row)
        if needed > 0:
            refusals.append(row)
            refusal_levels.append(needed)
    return units.Units(
        columns, stock, size, section.sales, section.maybes, searches, search_levels, refusals, refusal_levels
    )


def _mixed(words: Phrasing, section: _Section, meter: Meter) -> Iterator[Contradiction]:
    """Judge by search; if the sales alone exceed the stock, reads are judged as if there had been enough tickets."""
    mixed = _as_mixed(words.columns, section)
    sold = sum(change.delta for change in mixed.changes if change.back != OPEN)
    too_many = sold > section.stock and not section.cancels and not section.maybe_cancels
    if too_many:
        yield counter_messages.oversold(words, section.name, section.stock, _most(mixed, section.stock))
    enough = sum(change.delta for change in mixed.changes if change.delta > 0)
    stuck = sale_order.judge(replace(mixed, stock=enough) if too_many else mixed, meter)
    if stuck:
        found = counter_messages.mixed(words, section.name, mixed, stuck, meter)
        if not (too_many and found.name == "oversold"):
            yield found


def _most(mixed: Mixed, stock: int) -> list[int]:
    """Return the fewest known sales that exceed the stock, the largest ones; without any of them it suffices."""
    rows, sold = [], 0
    for change in sorted(mixed.changes, key=lambda change: -change.delta):
        if sold <= stock and change.back != OPEN:
            rows.append(change.row)
            sold += change.delta
    return rows


def _as_mixed(columns: Columns, section: _Section) -> Mixed:
    calls, what, invoke, back = columns.calls, columns.what, columns.invoke, columns.back

    def change(row: int, sign: int, end: int) -> CountChange:
        return CountChange(row, sign * calls[what[row]].arg, invoke[row], end)

    changes = [change(row, 1, back[row]) for row in section.sales]
    changes += [change(row, 1, OPEN) for row in section.maybes]
    changes += [change(row, -1, back[row]) for row in section.cancels]
    changes += [change(row, -1, OPEN) for row in section.maybe_cancels]
    reads = []
    for row in section.searches:
        left = calls[what[row]].result
        assert isinstance(left, int)
        reads.append(Read(row, section.stock - left, True, invoke[row], back[row]))
    for row in section.refusals:
        least = max(0, section.stock - calls[what[row]].arg + 1)
        reads.append(Read(row, least, False, invoke[row], back[row]))
    return Mixed(section.stock, changes, reads)
