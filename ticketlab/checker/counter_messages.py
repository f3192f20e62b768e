"""Sentences for contradictions of counters: each has a name, one sentence, and the numbers in the sentence as data."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

from ticketlab.checker import frontier
from ticketlab.checker.budget import Meter
from ticketlab.checker.columns import OPEN
from ticketlab.checker.explain import Contradiction, ExplanationBudget, Phrasing, minimal_subset
from ticketlab.checker.frontier import CountChange, Mixed, Read, Stuck
from ticketlab.checker.units import Between, TooFew, TooMany, Units, UnitsViolation
from ticketlab.core.text import pluralize


def units(words: Phrasing, section: str, one: Units, finding: UnitsViolation) -> Contradiction:
    """Explain a contradiction that the unit-order method found."""
    if isinstance(finding, TooMany):
        return oversold(words, section, one.stock, finding.sales)
    if isinstance(finding, TooFew):
        return _too_few(words, section, one, finding)
    return _between(words, section, one, finding)


def oversold(words: Phrasing, section: str, stock: int, sales: list[int]) -> Contradiction:
    """Explain confirmed sales that exceed the stock."""
    sold = sum(words.columns.operation(row).arg for row in sales)  # type: ignore[misc]  # a sale's arg is a number
    verb = "was" if len({words.columns.process[row] for row in sales}) == 1 else "were"
    sentence = f"{words.all_of(sales)} {verb} sold {pluralize(sold, 'ticket')}, but there were only {stock:,}"
    return Contradiction("oversold", sentence, sales, section, facts={"stock": stock, "sold": sold})


def impossible(words: Phrasing, section: str, stock: int, row: int, left: int) -> Contradiction:
    """Explain a search that returned a negative number, or more than the stock."""
    sentence = _searched(words, row)
    if left < 0:
        return Contradiction("negative stock", sentence, (row,), section, facts={"stock": stock})
    return Contradiction(
        "impossible count",
        f"{sentence}, but there were only {stock:,} at first",
        (row,),
        section,
        facts={"stock": stock},
    )


def between_levels(words: Phrasing, section: str, size: int, row: int) -> Contradiction:
    """Explain a count that sales of one size cannot reach."""
    sentence = f"{_searched(words, row)}, but every sale took {size:,}"
    return Contradiction("impossible count", sentence, (row,), section, facts={"size_of_orders": size})


def never_short(words: Phrasing, section: str, least: int, row: int) -> Contradiction:
    """Explain a refusal of so few tickets that they must always have been left."""
    sentence = f"{_refused(words, row)}, but the orders can never have left fewer than {pluralize(least, 'ticket')}"
    return Contradiction("undersold", sentence, (row,), section, facts={"least_left": least})


def _refused(words: Phrasing, row: int) -> str:
    wanted = words.columns.operation(row).arg
    what = "" if wanted == 1 else f" {wanted:,} tickets"
    return f"{words.who(row)} was refused{what} at {words.ended(row)}"


def _returned(words: Phrasing, row: int) -> str:
    """Say what an operation returned, and when at the latest it was true."""
    o = words.columns.operation(row)
    if o.op == "buy" and o.result == "soldout":
        return _refused(words, row)
    if isinstance(o.arg, int):
        what = "was sold" if o.op == "buy" else "gave back"
        return f"{words.who(row)} {what} {pluralize(o.arg, 'ticket')} at {words.ended(row)}"
    return _searched(words, row)


def _searched(words: Phrasing, row: int) -> str:
    left = words.columns.operation(row).result
    return f"{words.who(row)}'s search returned at {words.ended(row)} that {_left(left)}"


def _left(left: Any) -> str:
    return "1 ticket was left" if left == 1 else f"{left:,} tickets were left"


def _too_few(words: Phrasing, section: str, one: Units, finding: TooFew) -> Contradiction:
    most, needed = finding.possible * one.size, finding.level * one.size
    when = "in the whole history" if finding.until is None else f"before {words.at(finding.until)}"
    returned, stock = _returned(words, finding.read), pluralize(one.stock, "ticket")
    sentence = f"{returned}, but {when} at most {most:,} of {stock} can have been sold"
    if finding.until is not None:
        sentence += ": the next sale had not begun"
    refusal = words.columns.operation(finding.read).op == "buy"
    facts = {"stock": one.stock, "most_sold": most, "least_sold_returned": needed}
    return Contradiction("undersold" if refusal else "ghost sale", sentence, (finding.read,), section, facts=facts)


def _between(words: Phrasing, section: str, one: Units, finding: Between) -> Contradiction:
    low, high, size = finding.low * one.size, finding.high * one.size, one.size
    parts = []
    if finding.early is not None:
        parts.append(
            f"{_returned(words, finding.early)}, so at least {low:,} of {pluralize(one.stock, 'ticket')} "
            "were sold by then"
        )
    if finding.sales:
        who = words.all_of(finding.sales)
        more, after = (" more", "after that ") if parts else ("", "")
        parts.append(f"{who} bought {pluralize(len(finding.sales) * size, 'ticket')}{more} {after}".rstrip())
        if finding.late is not None:
            last = max(words.columns.back[row] for row in finding.sales)
            parts[-1] += f", the last at {words.at(last)}"
    if finding.late is not None:
        left = words.columns.operation(finding.late).result
        parts.append(
            f"yet {words.who(finding.late)}'s search, invoked only at {words.started(finding.late)}, "
            f"returned that {_left(left)}"
        )
    else:
        parts[-1] += f": {low + len(finding.sales) * size:,} of {one.stock:,}"
    rows = [row for row in (finding.early, *finding.sales, finding.late) if row is not None]
    facts = {"stock": one.stock, "least_sold": low + len(finding.sales) * size, "most_sold_returned": high}
    return Contradiction(_name(words, one, finding), "; ".join(parts), rows, section, facts=facts)


def _name(words: Phrasing, one: Units, finding: Between) -> str:
    early = words.columns.operation(finding.early) if finding.early is not None else None
    if early is not None and early.op == "buy" and (finding.late is None or not finding.sales):
        return "undersold"
    if finding.late is None:
        return "ghost sale"
    if not finding.sales and not _later_searches(words, one, finding.late):
        return "stale read"
    return "stale read" if _caught_up(words, one, finding.late) else "lost update"


def _later_searches(words: Phrasing, one: Units, late: int) -> list[tuple[int, int]]:
    invoke, end = words.columns.invoke, words.columns.back[late]
    both = zip(one.searches, one.search_levels, strict=True)
    return [(row, level) for row, level in both if invoke[row] > end]


def _caught_up(words: Phrasing, one: Units, late: int) -> bool:
    """Whether the last search counted every sale that can be: then none was lost, and only the earlier answer was old.

    Only the last search is asked: an earlier one may seem right because other sales were under way.
    """
    ends = sorted(words.columns.back[row] for row in one.sales)
    invoke = words.columns.invoke
    row, level = max(_later_searches(words, one, late), key=lambda entry: invoke[entry[0]], default=(late, -1))
    return level >= min(one.cap, bisect_left(ends, invoke[row]))


def mixed(words: Phrasing, section: str, history: Mixed, stuck: Stuck, meter: Meter) -> Contradiction:
    """Explain where the frontier search got stuck: by a minimal set if the budget allows, or by all that had begun."""
    back = words.columns.back
    everything: list[CountChange | Read] = [*history.changes, *history.reads]
    # An open read may have ruled configurations out before it returned, so what counts is who had begun.
    candidates = [o.row for o in everything if o.invoke <= stuck.time and o.back != OPEN]
    candidates.sort(key=lambda row: -back[row])
    candidates = _backwards(history, back[candidates[0]]) or candidates
    # What began after the last of the candidates had returned can explain none of them; whatever began before it can.
    part = history.until(max(back[row] for row in candidates))

    explanation_budget = ExplanationBudget(meter, each=5_000, total=50_000)

    def contradicts(firm: frozenset[int]) -> bool:
        relaxed = part.relaxed(firm)
        return explanation_budget.contradicts(len(everything), lambda some: frontier.judge(relaxed, some) is None)

    reach = 1
    while reach < len(candidates) and not contradicts(frozenset(candidates[:reach])):
        reach *= 2
    explanation_budget.certain = True
    rows = minimal_subset(candidates[:reach], contradicts)
    rows.sort(key=lambda row: words.columns.invoke[row])
    return Contradiction(
        _mixed_name(words, history, part, rows),
        _mixed_sentence(words, part, rows),
        rows,
        section,
        explanation_budget.certain,
    )


def _backwards(history: Mixed, end: int) -> list[int]:
    """Return a search and an earlier read that had already seen more sold, if nothing can have been cancelled between.

    Such a pair contradicts itself, and is far quicker found here than among all operations. It is looked for among what
    was invoked no later than `end`. Without one, the list is empty.
    """
    cancelled = min((change.invoke for change in history.changes if change.delta < 0), default=None)
    part = history.until(end)
    earlier = sorted(part.reads, key=lambda read: read.back)
    highest, following = None, 0
    for late in sorted(part.reads, key=lambda read: read.invoke):
        while earlier[following].back < late.invoke:
            if highest is None or earlier[following].low > highest.low:
                highest = earlier[following]
            following += 1
        if cancelled is not None and cancelled <= late.back:
            continue
        if highest is not None and late.exact and late.low < highest.low:
            return [late.row, highest.row]
    return []


def _mixed_name(words: Phrasing, history: Mixed, part: Mixed, rows: list[int]) -> str:
    chosen = set(rows)
    reads = [read for read in part.reads if read.row in chosen]
    if not reads:
        changes = [change for change in part.changes if change.row in chosen]
        return "oversold" if _oversold(part, changes) else "unsold tickets cancelled"
    if any(words.columns.operation(read.row).op == "buy" for read in reads):
        return "undersold"
    last = max(reads, key=lambda read: read.back)
    least, most = _bounds(part, last.invoke, last.back)
    if last.low < least:
        return "stale read" if _all_seen(history, last.back) else "lost update"
    return "ghost sale" if last.low > most else "stale read"


def _oversold(part: Mixed, changes: list[CountChange]) -> bool:
    """Whether sales exceed the stock: together, or one of them what was left when it began."""
    if sum(change.delta for change in changes if change.delta > 0) > part.stock:
        return True
    sales = [change for change in changes if change.delta > 0]
    return any(_bounds(part, sale.invoke, sale.back)[0] + sale.delta > part.stock for sale in sales)


def _all_seen(history: Mixed, after: int) -> bool:
    """Whether the last search that began after a time saw all that was sold, or all that there was."""
    later = [read for read in history.reads if read.exact and read.invoke > after]
    last = max(later, key=lambda read: read.invoke, default=None)
    return last is not None and last.low >= min(history.stock, _bounds(history, last.invoke, last.back)[0])


def _bounds(part: Mixed, begin: int, end: int) -> tuple[int, int]:
    """Return the least and the most that can have been sold at some instant of an interval."""
    certain = [c.delta for c in part.changes if c.back < begin]
    possible = [c.delta for c in part.changes if c.back >= begin and c.invoke <= end]
    sold = sum(certain)
    return sold + sum(d for d in possible if d < 0), sold + sum(d for d in possible if d > 0)


def _most_sold(part: Mixed, end: int) -> int:
    """Return a number of tickets that cannot have been exceeded by a time, whatever was cancelled."""
    return min(part.stock, sum(change.delta for change in part.changes if change.delta > 0 and change.invoke <= end))


def _mixed_sentence(words: Phrasing, part: Mixed, rows: list[int]) -> str:
    if len(rows) > 1:
        stock = pluralize(part.stock, "ticket")
        return f"with {stock} at first these cannot all be right, whatever the others did: {words.lines(rows)}"
    row, end = rows[0], words.columns.back[rows[0]]
    read = next((read for read in part.reads if read.row == row), None)
    o, returned, most = words.columns.operation(row), _returned(words, row), _most_sold(part, end)
    assert isinstance(o.arg, int | None)
    if o.op == "buy" and read is None:
        return f"{returned}, but there were only {part.stock:,}"
    if most < (read.low if read else o.arg or 0):
        return f"{returned}, but by then at most {most:,} of {pluralize(part.stock, 'ticket')} can have been sold"
    return f"{returned}, but no choice of the orders that had begun by then makes that possible"
