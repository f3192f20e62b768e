"""Anomalies' names, each with what it says of its evidence (docs/checking.md, docs/holds.md)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from tests.fuzz.proof_case import Case, Falsehood, UnknownSentence, count_of
from tests.fuzz.second_judge import open_end
from ticketlab.core.history import Operation


def judge_name(case: Case) -> Iterator[Falsehood]:
    """Yield whether the anomaly's name says something that its evidence does not."""
    name = case.anomaly.name
    if name not in NAMES:
        raise UnknownSentence(f"anomaly {name!r}")
    if reason := NAMES[name](case):
        yield Falsehood(f"name {name}", reason)


def _has(case: Case, *results: object) -> bool:
    return any(each.result in results for each in case.operations)


def _searched(case: Case) -> list[Operation]:
    return [each for each in case.operations if each.op == "search"]


def _oversold(case: Case) -> str:
    sold = sum(
        _tickets(case, each) for each in case.operations if each.op in ("buy", "confirm") and each.result == "ok"
    )
    if sold > case.part.stock or any(_exceeds(case, each) for each in case.operations):
        return ""
    return f"{sold} of {case.part.stock} tickets were confirmed"


def _exceeds(case: Case, sale: Operation) -> bool:
    """Whether a sale was for more than was left by all sales that had ended, less all that can have been given back."""
    if case.part.model != "counter" or sale.op != "buy" or sale.result != "ok" or sale.return_ns is None:
        return False
    cancels = [each for each in case.part.operations if each.op == "cancel" and each.invoke_ns <= sale.return_ns]
    sold = sum(_tickets(case, each) for each in _sold_before(case, sale.invoke_ns))
    return sold - sum(_tickets(case, each) for each in cancels) + _tickets(case, sale) > case.part.stock


def _tickets(case: Case, operation: Operation) -> int:
    """Return how many tickets a purchase, a hold, or the hold that is confirmed takes."""
    if operation.op == "hold" and isinstance(operation.arg, list):
        return int(operation.arg[0])
    if isinstance(operation.arg, int):
        return operation.arg
    held = (each for each in case.part.operations if each.op == "hold" and each.result == operation.arg)
    return next((_tickets(case, each) for each in held), 0)


def _undersold(case: Case) -> str:
    return "" if _has(case, "soldout", "taken") else "nobody was turned away"


def _saw_too_few_left(case: Case) -> str:
    return "" if _searched(case) else "nobody searched"


def _stale(case: Case) -> str:
    """A search saw an old count; later ones saw the right one, or an earlier one had already seen more sales."""
    if not _searched(case):
        return "nobody searched"
    return ""


def _lost(case: Case) -> str:
    """A confirmed sale is missing from what searches saw, and no later search caught up.

    The last search caught up if it counts every sale that had ended before it began, or all tickets that there were: a
    count that only the sales of the evidence reach may be one of others.
    """
    if not _searched(case):
        return "nobody searched"
    last = max(_searched(case), key=lambda each: each.return_ns or 0)
    later = [each for each in case.part.operations if each.op == "search" and not open_end(each)]
    later = [each for each in later if each.invoke_ns > (last.return_ns or 0)]
    cancelled = any(each.op == "cancel" for each in case.part.operations)
    if not later or cancelled:
        return ""
    final = max(later, key=lambda each: each.invoke_ns)
    sold = sum(_tickets(case, each) for each in _sold_before(case, final.invoke_ns))
    return "the last search saw all sales" if case.part.stock - count_of(final) >= min(sold, case.part.stock) else ""


def _sold_before(case: Case, time: int) -> list[Operation]:
    """Return the confirmed sales that had ended before a time."""
    sales = [each for each in case.part.operations if each.op == "buy" and each.result == "ok"]
    return [each for each in sales if each.return_ns is not None and each.return_ns < time]


def _held_twice(case: Case) -> str:
    kept = sum(
        _tickets(case, each)
        for each in case.operations
        if (each.op == "hold" and each.result != "soldout") or (each.op == "buy" and each.result == "ok")
    )
    return "" if kept > case.part.stock else f"{kept} of {case.part.stock} tickets were held or sold"


def _uses(case: Case, least: int) -> str:
    """Whether a hold was used so many times; whoever uses one that was not there uses one that nobody was given."""
    used = Counter(
        str(each.arg) for each in case.operations if each.op in ("confirm", "cancel") and each.result == "ok"
    )
    given = {str(each.result) for each in case.part.operations if each.op == "hold"}
    if not used or max(used.values()) < least:
        return f"no hold was used {least} times"
    return "it had been given" if least == 1 and set(used) <= given else ""


NAMES: Final[dict[str, Callable[[Case], str]]] = {
    "oversold": _oversold,
    "undersold": _undersold,
    "ticket sold twice": lambda case: "" if len(case.operations) > 1 else "one sale only",
    "lost update": _lost,
    "stale read": _stale,
    "ghost sale": _saw_too_few_left,
    "negative stock": lambda case: "" if any(count_of(each) < 0 for each in _searched(case)) else "no count below 0",
    "impossible count": _saw_too_few_left,
    "not linearizable": lambda case: "" if case.part.model == "cas-register" else "the model has names of its own",
    "held twice": _held_twice,
    "unsold tickets cancelled": lambda case: (
        "" if any(each.op == "cancel" for each in case.operations) else "no cancel"
    ),
    "hold used that was not there": lambda case: _uses(case, 1),
    "hold used twice": lambda case: _uses(case, 2),
    "hold broken": lambda case: "" if _has(case, "expired") else "no call returned that a hold was over",
    "confirmed too late": lambda case: (
        "" if any(each.op == "confirm" and each.result == "ok" for each in case.operations) else "nothing was confirmed"
    ),
    "cancelled too late": lambda case: (
        "" if any(each.op == "cancel" and each.result == "ok" for each in case.operations) else "nothing was cancelled"
    ),
    "hold leaked": lambda case: "" if _has(case, "soldout") or _searched(case) else "nobody missed a ticket",
}
