"""The marks and labels of timelines: an anomaly is marked at the result that cannot be right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ticketlab.core.history import Operation, asked_for
from ticketlab.core.timeline import Marker, Span
from ticketlab.core.verdict import Anomaly


def markers(
    anomalies: Sequence[Anomaly],
    lanes: Sequence[str],
    spans: Sequence[Span],
    operations: Sequence[Operation] = (),
    origin_ns: int = 0,
) -> list[Marker]:
    """Return the marks of all anomalies, in the order of time; several at one moment in one lane are one mark.

    `operations` are those of the history, by row: evidence of many operations has only the first of them, and the rows
    of all. `origin_ns` is the time in the evidence at which the timeline begins.
    """
    numbers = {name: lane for lane, name in enumerate(lanes)}
    ends: dict[int, int] = {}
    for span in spans:
        ends[span.lane] = max(ends.get(span.lane, 0), span.end_ns)
    together: dict[tuple[int, int], list[tuple[str, str]]] = {}
    for anomaly in anomalies:
        for who, ns, sentence in _moments(anomaly, operations):
            if who in numbers:
                lane = numbers[who]
                place = (ends.get(lane, 0) if ns is None else ns - origin_ns, lane)
                together.setdefault(place, []).append((anomaly.name, sentence))
    return [_merged(lane, ns, said) for (ns, lane), said in sorted(together.items())]


def operation_label(operation: Operation) -> str:
    """Return the label of an operation, with its result: "buy 1 -> ticket 3"."""
    asked = asked_for(operation.op, operation.arg)
    if operation.return_ns is None:
        return f"{asked} -> never returned"
    if operation.tickets:
        return f"{asked} -> ticket{'s' if len(operation.tickets) > 1 else ''} {', '.join(map(str, operation.tickets))}"
    if operation.failure:
        return f"{asked} -> {operation.failure}"
    return f"{asked} -> {operation.result}{' left' if operation.op == 'search' else ''}"


def _merged(lane: int, ns: int, said: Sequence[tuple[str, str]]) -> Marker:
    names, sentences = zip(*said, strict=True)
    return Marker(lane, ns, ", ".join(dict.fromkeys(names)), "; ".join(dict.fromkeys(sentences)))


def _moments(anomaly: Anomaly, history: Sequence[Operation]) -> Iterator[tuple[str, int | None, str]]:
    """Yield a lane's name, a time and a sentence for each mark of an anomaly; the time is None for the lane's end."""
    evidence = anomaly.evidence
    for each in evidence.get("participants", ()):
        yield each["who"], None, f"{each['who']}: {each['detail']}"
    for ticket, holders in evidence.get("tickets", {}).items():
        first, *others = sorted(holders, key=_time)
        for each in others:
            yield _who(each), _time(each), f"ticket {ticket} was {_who(first)}'s already"
    operations = sorted(evidence.get("operations", ()), key=_time)
    if "available" in evidence:
        yield from _beyond(operations, evidence["available"])
    elif "minimal" in evidence:  # the last operation of a smallest contradiction completes it
        who, ns = _last(operations, [history[row] for row in evidence.get("rows", ()) if row < len(history)])
        yield who, ns, anomaly.sentence
    else:
        yield from ((_who(each), _time(each), anomaly.sentence) for each in operations)


def _last(shown: Sequence[Mapping[str, Any]], whole: Sequence[Operation]) -> tuple[str, int]:
    """Return whose operation returned last, and when; `whole` has those that the evidence names only by row."""
    found = [(_time(each), _who(each)) for each in shown]
    found += [(each.invoke_ns if each.return_ns is None else each.return_ns, f"buyer {each.process}") for each in whole]
    ns, who = max(found, default=(0, ""))
    return who, ns


def _beyond(operations: Iterable[Mapping[str, Any]], available: int) -> Iterator[tuple[str, int | None, str]]:
    """Yield the sales that were made when all tickets were sold."""
    sold = 0
    for each in operations:
        sold += len(each.get("tickets", ()))
        if sold > available:
            yield _who(each), _time(each), f"{sold} tickets sold by now, of {available}"


def _who(operation: Mapping[str, Any]) -> str:
    return f"buyer {operation['process']}"


def _time(operation: Mapping[str, Any]) -> int:
    returned = operation["return_ns"]
    return int(operation["invoke_ns"] if returned is None else returned)
