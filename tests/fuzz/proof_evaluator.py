"""Holds the sentences of `ticketlab check` to the history: every number, name, time, order and bound that they claim.

Prose is parsed here because prose is what is tested. Whatever a sentence claims is worked out again from the history
alone: by counting, by the search of `second_judge`, and by leaving out each operation of the evidence in turn. A
sentence of a form that is not known here is an error of its own (`UnknownSentence`), never a pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from tests.fuzz.anomaly_names import judge_name
from tests.fuzz.closing_claims import BOOKS
from tests.fuzz.counter_claims import COUNTER_FORMS
from tests.fuzz.proof_case import (
    SHOWN,
    TIME,
    UNITS,
    Case,
    Claims,
    Falsehood,
    UnknownSentence,
    count_of,
    differs,
    stock_differs,
    time_differs,
)
from tests.fuzz.second_judge import open_end, parts
from ticketlab.core.history import History, Operation
from ticketlab.core.verdict import Anomaly


def evaluate(history: History, anomaly: Anomaly) -> list[Falsehood]:
    """Return everything that the anomaly says and that is not so.

    Raises:
        UnknownSentence: its sentence has no form that is known here.
        TooHard: the evidence is beyond the search.
    """
    if "operations" not in anomaly.evidence:
        return _books(history, anomaly)
    rows = [_row(entry) for entry in anomaly.evidence["operations"]]
    found = list(_copies(history, anomaly.evidence, rows))
    if found:
        return found
    part = next(part for part in parts(history) if rows[0] in part.rows)
    case = Case(history, anomaly, part, rows)
    if any(row not in part.rows for row in rows):
        return [
            Falsehood("evidence", "the operations are of several sections or seats, which cannot contradict each other")
        ]
    return [*_proof(case), *_claims(case), *_fields(case), *judge_name(case)]


def _row(entry: Mapping[str, Any]) -> int:
    return int(entry["row"]) if "row" in entry else int(entry["line"]) - 2


def _copies(history: History, evidence: Mapping[str, Any], rows: list[int]) -> Iterator[Falsehood]:
    """Yield what the evidence says of operations and the history does not."""
    if not rows:
        yield Falsehood("evidence", "no operation proves it")
    for row, entry in zip(rows, evidence["operations"], strict=True):
        operation = history.operations[row]
        for key in ("process", "op", "arg", "result", "invoke_ns", "return_ns", "section"):
            told = entry.get(key, "" if key == "section" else None)
            if told != getattr(operation, key):
                yield Falsehood("evidence", f"{key} of operation {row} is {getattr(operation, key)!r}, told {told!r}")
    if evidence["size"] != len(rows) or len(set(rows)) != len(rows):
        yield Falsehood("evidence", f"size is {evidence['size']}, there are {len(set(rows))} operations")


def _proof(case: Case) -> Iterator[Falsehood]:
    """Yield whether the evidence is no contradiction, or has more than it needs."""
    if not case.part.contradicts(case.rows):
        yield Falsehood("no contradiction", "an order explains these operations, if some of the others took effect")
    elif case.evidence["minimal"] and (more := case.part.minimal(case.rows)) is not None:
        yield Falsehood("not minimal", f"without operation {more} the others contradict each other still")


def _claims(case: Case) -> list[Falsehood]:
    for pattern, claims in FORMS.items():
        if match := re.fullmatch(pattern, case.anomaly.sentence):
            return list(claims(case, match))
    raise UnknownSentence(case.anomaly.sentence)


def _listed(case: Case, told: re.Match[str]) -> Iterator[Falsehood]:
    """These operations cannot all be right."""
    groups = told.groupdict()
    if (stock := groups.get("stock")) is not None:
        yield from stock_differs(case, stock)
    if (initial := groups.get("initial")) is not None:
        yield from differs("initial", str(case.history.meta.get("initial")), initial)
    listed = groups["listed"]
    if more := re.fullmatch(r"(.*); and (\d+) more", listed):
        yield from differs("listed", len(case.rows) - SHOWN, int(more[2]))
        listed = more[1]
    told_of = listed.split("; ")
    yield from differs("listed", min(len(case.rows), SHOWN), len(told_of))
    left = list(case.operations)
    for text in told_of[: len(left)]:
        nearest = min(left, key=lambda each: len(list(_described(case, each, text))))
        yield from _described(case, nearest, text)
        left.remove(nearest)


def _described(case: Case, operation: Operation, text: str) -> Iterator[Falsehood]:
    match = re.fullmatch(rf"(?:process|buyer) (\d+) (\w+)\((.*)\) -> (.*) \({TIME} to (?:{TIME}|(.*))\)", text)
    if match is None:
        raise UnknownSentence(text)
    yield from differs("who", operation.process, int(match[1]))
    yield from differs("operation", operation.op, match[2])
    yield from _argument(operation, match[3])
    yield from differs("result", str(operation.result), match[4])
    yield from time_differs(case, "time", operation.invoke_ns, match[5])
    if match[6]:
        yield from time_differs(case, "time", operation.return_ns, match[6])
    else:
        yield from differs("time", operation.return_ns, None)


def _argument(operation: Operation, told: str) -> Iterator[Falsehood]:
    arg: Any = operation.arg
    if operation.op == "hold" and (match := re.fullmatch(r"(\d+) for (\S+) s", told)):
        yield from differs("argument", arg[0], int(match[1]))
        if Decimal(match[2]) * UNITS["s"] != arg[1]:
            yield Falsehood("length", f"told {match[2]} s, true is {arg[1]} ns")
    else:
        true = "" if arg is None else ", ".join(map(str, arg)) if isinstance(arg, list) else str(arg)
        yield from differs("argument", true, told)


def _one_alone(case: Case, told: re.Match[str]) -> Iterator[Falsehood]:
    """Nothing that had begun by then explains this one operation."""
    yield from _listed(case, told)
    yield from differs("size", 1, len(case.rows))


def _seat(case: Case, seat: str, section: str | None) -> Iterator[Falsehood]:
    yield from differs("seat", str(case.operations[0].arg), seat)
    yield from differs("section", case.part.section, section or "")


def _sold_twice(case: Case, told: re.Match[str]) -> Iterator[Falsehood]:
    """Two buyers were sold one seat."""
    yield from _seat(case, told[3], told[4])
    if len(case.operations) != 2:
        yield Falsehood("evidence", "two sales were told")
        return
    for operation, who, time in zip(case.operations, (told[1], told[2]), (told[5], told[6]), strict=True):
        yield from differs("who", operation.process, int(who))
        yield from differs("result", operation.result, "ok")
        yield from time_differs(case, "time", operation.return_ns, time)


def _taken(case: Case, told: re.Match[str]) -> Iterator[Falsehood]:
    """A seat was taken that nobody, or somebody later, was sold."""
    operation = case.operations[0]
    yield from _seat(case, told["seat"], told["section"])
    yield from differs("who", operation.process, int(told["who"]))
    yield from time_differs(case, "time", operation.return_ns, told["at"])
    sales = [each for each in case.part.operations if each.result == "ok" or open_end(each)]
    before = [each for each in sales if operation.return_ns is None or each.invoke_ns <= operation.return_ns]
    if before and (told["buyer"] is None or len(case.operations) == 1):  # a later sale beside it proves as much
        yield Falsehood("reason", "somebody can have bought it before")
    if told["buyer"] is None:
        return
    own = [each for each in sales if each.process == int(told["buyer"]) and each.result == "ok"]
    if not any(not list(time_differs(case, "", each.invoke_ns, told["began"])) for each in own):
        yield Falsehood("who", f"buyer {told['buyer']} bought nothing that began at {told['began']}")


_SECTION = r"(?: of section (.+?))?"
FORMS: Final[dict[str, Claims]] = COUNTER_FORMS | {
    r"nothing that happened before allows (?P<listed>[^;]*?) with (?P<stock>\d+) tickets?": _one_alone,
    r"with (?P<stock>\d+) tickets? at first these cannot all be right, whatever the others did:"
    r" (?P<listed>.*)": _listed,
    r"(?:from (?P<initial>.*?) )?no order explains these, whatever the others did: (?P<listed>.*)": _listed,
    r"(?:from (?P<initial>.*?) )?nothing that had begun by then explains (?P<listed>.*)": _one_alone,
    rf"buyer (\d+) and buyer (\d+) were both sold seat (.+?){_SECTION},? at {TIME} and at {TIME}": _sold_twice,
    rf"buyer (?P<who>\d+) was refused seat (?P<seat>.+?)(?: of section (?P<section>.+?))? at (?P<at>{TIME[1:-1]}),"
    rf" but (?:nobody bought it before that|buyer (?P<buyer>\d+), who was sold it, invoked the order only at"
    rf" (?P<began>{TIME[1:-1]}))": _taken,
}


def _fields(case: Case) -> Iterator[Falsehood]:
    """Yield the fields of the evidence that are not so."""
    evidence, stock = case.evidence, case.part.stock if case.part.model in ("counter", "holds") else None
    if "stock" in evidence:
        yield from differs("field stock", stock, evidence["stock"])
    if "sold" in evidence:
        yield from differs("field sold", sum(count_of(each) for each in case.only(sold=True)), evidence["sold"])
    if "section" in evidence or case.part.section:
        yield from differs("field section", case.part.section, evidence.get("section"))
    if {"least_sold_returned", "most_sold"} <= evidence.keys() and evidence["least_sold_returned"] <= evidence[
        "most_sold"
    ]:
        yield Falsehood("fields", "least_sold_returned and most_sold do not contradict each other")
    if {"least_sold", "most_sold_returned"} <= evidence.keys() and evidence["least_sold"] <= evidence[
        "most_sold_returned"
    ]:
        yield Falsehood("fields", "least_sold and most_sold_returned do not contradict each other")


def _books(history: History, anomaly: Anomaly) -> list[Falsehood]:
    for pattern, claims in BOOKS.items():
        if match := re.fullmatch(pattern, anomaly.sentence):
            return [Falsehood(*found) for found in claims(history, anomaly, match)]
    raise UnknownSentence(anomaly.sentence)
