"""What sentences about counters claim: who was refused or told, how many can have been sold, and until when."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from tests.fuzz.proof_case import (
    TIME,
    WHOM,
    Case,
    Claims,
    Falsehood,
    buyers_differ,
    count_of,
    differs,
    stock_differs,
    the_answer,
    time_differs,
)
from ticketlab.core.history import Operation


def subject_differs(case: Case, operation: Operation, who: str, count: str | None, time: str) -> Iterator[Falsehood]:
    """Yield whether somebody else asked, something else was returned, or at another time."""
    yield from differs("who", operation.process, int(who))
    yield from time_differs(case, "time", operation.return_ns, time)
    if count is not None:
        yield from differs("count", count_of(operation), int(count))


def subject_of(told: re.Match[str]) -> tuple[str, str | None, str]:
    """Return who was refused or told, the number of tickets, and when."""
    groups = told.groupdict()
    count = groups["refused"] or groups["left"] or groups["back"]
    return groups["who"], count, groups["at"] or groups["when"] or groups["given"]


ASKED: Final = (
    r"buyer (?P<who>\d+)(?: gave back (?P<back>\d+) tickets? at (?P<given>TIME)"
    r"| was refused(?: (?P<refused>\d+) tickets?)? at (?P<at>TIME)"
    r"|'s search returned at (?P<when>TIME) that (?P<left>-?\d+) tickets? (?:was|were) left)"
).replace("TIME", TIME[1:-1])


def _most(case: Case, told: re.Match[str]) -> Iterator[Falsehood]:
    """At most so many can have been sold: until an answer, until the next sale, or in the whole history."""
    operation = the_answer(case)
    yield from subject_differs(case, operation, *subject_of(told))
    groups = told.groupdict()
    yield from stock_differs(case, groups["stock"])
    assert operation.return_ns is not None or not groups["until"]
    last: int | None = None if groups["span"] == "in the whole history" else operation.return_ns
    if groups["until"]:
        later = case.sales.next_begin(operation.return_ns or 0)
        yield from time_differs(case, "next sale", later, groups["until"])
    yield from _bound(case, int(groups["most"]), last)
    yield from differs("field most_sold", case.evidence.get("most_sold", int(groups["most"])), int(groups["most"]))
    if (needed := _needed(case, operation)) <= int(groups["most"]):
        yield Falsehood("reason", f"at most {groups['most']} sold would be enough: {needed} are needed")


def _needed(case: Case, operation: Operation) -> int:
    """Return how many tickets have to be sold at least for an answer to be right."""
    if operation.op == "cancel":
        return count_of(operation)
    return case.part.stock - count_of(operation) + (operation.op == "buy")


def _bound(case: Case, told: int, last: int | None) -> Iterator[Falsehood]:
    """Yield whether more can have been sold; there is a kind for what holds if all cancellations are counted in."""
    most, begun = case.sales.most_sold(last), case.sales.begun(last)
    if told < most:
        kind = "bound" if told < case.part.most_kept(the_answer(case)) else "bound without cancellations"
        yield Falsehood(kind, f"told at most {told}, true is {most}")
    elif told > max(most, begun):
        yield Falsehood("loose bound", f"told at most {told}, true is at most {most}")


def _fewest(case: Case, told: re.Match[str]) -> Iterator[Falsehood]:
    """The others' orders can never have left fewer than so many."""
    operation = the_answer(case)
    yield from subject_differs(case, operation, *subject_of(told))
    fewest = case.part.stock - case.sales.most_sold(None)
    by_then = case.part.stock - case.sales.most_sold(operation.return_ns)
    if (said := int(told["fewest"])) > fewest:
        kind = "bound" if said > by_then else "never"
        yield Falsehood(kind, f"told never fewer than {said}, true is {fewest} at last and {by_then} by then")
    yield from differs("field least_left", case.evidence.get("least_left"), said)
    if said < count_of(operation):
        yield Falsehood("reason", f"fewer than {count_of(operation)} can have been left")


def _no_orders(case: Case, told: re.Match[str]) -> Iterator[Falsehood]:
    """No orders that had begun by then leave that count."""
    operation = the_answer(case)
    who, count, time = subject_of(told)
    yield from subject_differs(case, operation, who, count, time)
    if count is None and "that count" in told[0]:
        yield Falsehood("no count", "'that count' is none: the sentence has named no number of tickets")
    left = case.sales.reachable(operation.return_ns)
    if operation.result in left if operation.op == "search" else min(left) < count_of(operation):
        yield Falsehood("bound", f"the orders that had begun by then can leave {sorted(left)}")


def _asked_later(case: Case, who: str, time: str, left: str, after: list[Operation]) -> Iterator[Falsehood]:
    """Yield whether no search was invoked so late and returned so many."""
    search = next((each for each in case.operations if each.op == "search" and each.result == int(left)), None)
    search = next((each for each in case.operations if each.op == "search" and each not in after), search)
    if search is None:
        yield Falsehood("who", "no search among the evidence returned that")
        return
    yield from differs("who", search.process, int(who))
    yield from differs("count", search.result, int(left))
    yield from time_differs(case, "time", search.invoke_ns, time)
    if any(each.return_ns is None or each.return_ns >= search.invoke_ns for each in after):
        yield Falsehood("order", "it asked before all that should have been over")


def _bought_before(case: Case, told: re.Match[str]) -> Iterator[Falsehood]:
    """So many were bought, the last at a time; yet somebody who asked later saw more tickets."""
    sales = case.only(sold=True)
    if not sales:
        yield Falsehood("evidence", "no sale is among it")
        return
    yield from buyers_differ(case, sales, told[1], told[2])
    yield from differs("sum", sum(count_of(each) for each in sales), int(told[3]))
    yield from time_differs(case, "time", max(each.return_ns or 0 for each in sales), told[4])
    yield from _asked_later(case, told[5], told[6], told[7], sales)
    if case.part.stock - int(told[7]) >= int(told[3]):
        yield Falsehood("reason", "as many had been sold as were told")


def _least(case: Case, told: re.Match[str], first: Operation) -> Iterator[Falsehood]:
    """An answer says that at least so many were sold by then."""
    yield from subject_differs(case, first, *subject_of(told))
    yield from stock_differs(case, told["stock"])
    size = case.sales.size_of_orders() or 1
    fewest = _needed(case, first)
    if not fewest <= int(told["least"]) <= -(-fewest // size) * size:
        yield Falsehood("bound", f"told at least {told['least']}, true is at least {fewest}")


def _asked_after(case: Case, told: re.Match[str]) -> Iterator[Falsehood]:
    """An answer says that so many were sold; yet a search that was invoked later returned that fewer were."""
    answers = sorted(case.only(sold=False), key=lambda each: each.return_ns or 0)
    if len(answers) != 2:
        yield Falsehood("evidence", f"two answers contradict each other, told {len(answers)}")
        return
    yield from _least(case, told, answers[0])
    yield from _asked_later(case, told["later"], told["asked"], told["saw"], [answers[0]])
    if case.part.stock - int(told["saw"]) >= int(told["least"]):
        yield Falsehood("reason", "the later answer agrees with the earlier one")


def _bought_between(case: Case, told: re.Match[str]) -> Iterator[Falsehood]:
    """An answer says that so many were sold, more were bought then, and a search invoked later returned fewer."""
    answers = sorted(case.only(sold=False), key=lambda each: each.return_ns or 0)
    sales = case.only(sold=True)
    if not answers or not sales:
        yield Falsehood("evidence", "an answer and a sale are told of")
        return
    yield from _least(case, told, answers[0])
    yield from buyers_differ(case, sales, told["whom"], told["others"])
    yield from differs("sum", sum(count_of(each) for each in sales), int(told["more"]))
    yield from time_differs(case, "time", max(each.return_ns or 0 for each in sales), told["last"])
    yield from _asked_later(case, told["later"], told["asked"], told["saw"], [answers[0], *sales])
    if any(each.invoke_ns <= (answers[0].return_ns or 0) for each in sales):
        yield Falsehood("order", "a sale had begun before that answer")
    if case.part.stock - int(told["saw"]) >= int(told["least"]) + int(told["more"]):
        yield Falsehood("reason", "the later answer agrees with what was sold")


def _bought_after(case: Case, told: re.Match[str]) -> Iterator[Falsehood]:
    """An answer says that so many were sold; and more than there were have been bought with those that came after."""
    first, sales = the_answer(case), case.only(sold=True)
    yield from _least(case, told, first)
    yield from buyers_differ(case, sales, told["whom"], told["others"])
    yield from differs("sum", sum(count_of(each) for each in sales), int(told["more"]))
    yield from differs("sum", int(told["least"]) + int(told["more"]), int(told["all"]))
    yield from stock_differs(case, told["of"])
    if any(each.invoke_ns <= (first.return_ns or 0) for each in sales):
        yield Falsehood("order", "a sale had begun before that answer")
    if int(told["all"]) <= case.part.stock:
        yield Falsehood("reason", "no more were sold than there were")


def _sold_too_many(case: Case, told: re.Match[str]) -> Iterator[Falsehood]:
    """So many were sold, and there were only so many."""
    sales = case.only(sold=True)
    yield from buyers_differ(case, sales, told[1], told[2])
    yield from differs("sum", sum(count_of(each) for each in sales), int(told[3]))
    if told[4]:
        yield from time_differs(case, "time", sales[0].return_ns, told[4])
    yield from stock_differs(case, told[5])
    if int(told[3]) <= case.part.stock:
        yield Falsehood("reason", "no more were sold than there were")


def _more_than_ever(case: Case, told: re.Match[str]) -> Iterator[Falsehood]:
    yield from subject_differs(case, the_answer(case), *subject_of(told))
    yield from stock_differs(case, told["stock"])
    if count_of(the_answer(case)) <= case.part.stock:
        yield Falsehood("reason", "there were as many at first")


def _below_none(case: Case, told: re.Match[str]) -> Iterator[Falsehood]:
    yield from subject_differs(case, the_answer(case), *subject_of(told))
    if count_of(the_answer(case)) >= 0:
        yield Falsehood("reason", "that count is possible")


def _no_multiple(case: Case, told: re.Match[str]) -> Iterator[Falsehood]:
    """That count is none that orders of one size can leave."""
    yield from subject_differs(case, the_answer(case), *subject_of(told))
    yield from differs("size of orders", case.sales.size_of_orders(), int(told["size"]))
    if (case.part.stock - count_of(the_answer(case))) % int(told["size"]) == 0:
        yield Falsehood("reason", "orders of that size can leave that count")


LEAST: Final = rf"{ASKED}, so at least (?P<least>\d+) of (?P<stock>\d+) tickets? (?:was|were) sold by then"
MORE: Final = (
    r"buyers? (?P<whom>[\d, and]+?)(?: and (?P<others>\d+) more)? bought (?P<more>\d+) tickets? more after that"
)
LATER: Final = (
    rf"yet buyer (?P<later>\d+)'s search, invoked only at (?P<asked>{TIME[1:-1]}),"
    r" returned that (?P<saw>-?\d+) tickets? (?:was|were) left"
)
_STOCK = r"(?P<stock>\d+)"
COUNTER_FORMS: Final[dict[str, Claims]] = {
    rf"{ASKED}, but (?P<span>until then|by then|in the whole history|(?:until|before) (?P<until>{TIME[1:-1]}))"
    rf" at most (?P<most>\d+) of {_STOCK} tickets? can have been sold(?(until): the next sale had not begun)": _most,
    rf"{ASKED}, but the (?:others' )?orders can never have left fewer than (?P<fewest>\d+) tickets?": _fewest,
    rf"{ASKED}, but no (?:orders that had begun by then leave that count"
    r"|choice of the orders that had begun by then makes that possible)": _no_orders,
    rf"{WHOM} bought (\d+) tickets?, the last at {TIME}; yet buyer (\d+)'s search, invoked only at {TIME},"
    r" returned that (-?\d+) tickets? (?:was|were) left": _bought_before,
    rf"{LEAST}; {LATER}": _asked_after,
    rf"{LEAST}; {MORE}: (?P<all>\d+) of (?P<of>\d+)": _bought_after,
    rf"{LEAST}; {MORE}, the last at (?P<last>{TIME[1:-1]}); {LATER}": _bought_between,
    rf"{WHOM} (?:was|were) sold (\d+) tickets?(?: at {TIME})?, but there (?:was|were) only (\d+)": _sold_too_many,
    rf"{ASKED}, but there (?:was|were) only {_STOCK} at first": _more_than_ever,
    rf"{ASKED}, but every (?:order|sale) took (?P<size>\d+)": _no_multiple,
    ASKED: _below_none,
}
