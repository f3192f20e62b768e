"""Where on a timeline an anomaly shows: the moment at which somebody was told what cannot be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ticketlab.core.history import Operation
from ticketlab.core.timeline import Marker, Span
from ticketlab.core.verdict import Anomaly


def markers(
    anomalies: Sequence[Anomaly],
    lanes: Sequence[str],
    spans: Sequence[Span],
    operations: Sequence[Operation] = (),
    origin_ns: int = 0,
) -> list[Marker]:
    """Return the marks of all anomalies in order of time; those of one moment in one lane are one mark.

    `operations` are those of the history, by row: evidence of many operations shows the first of them, and has the rows
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


def _merged(lane: int, ns: int, said: Sequence[tuple[str, str]]) -> Marker:
    names, sentences = zip(*said, strict=True)
    return Marker(lane, ns, ", ".join(dict.fromkeys(names)), "; ".join(dict.fromkeys(sentences)))


def _moments(anomaly: Anomaly, history: Sequence[Operation]) -> Iterator[tuple[str, int | None, str]]:
    """Yield who, when and a sentence for each mark of one anomaly; when is None for the end of the lane."""
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
    elif "minimal" in evidence:  # a smallest contradiction is complete with its last operation
        who, ns = _last(operations, [history[row] for row in evidence.get("rows", ()) if row < len(history)])
        yield who, ns, anomaly.sentence
    else:
        yield from ((_who(each), _time(each), anomaly.sentence) for each in operations)


def _last(shown: Sequence[Mapping[str, Any]], whole: Sequence[Operation]) -> tuple[str, int]:
    """Return who was answered last, and when, of all operations where they are known."""
    found = [(_time(each), _who(each)) for each in shown]
    found += [(each.invoke_ns if each.return_ns is None else each.return_ns, f"buyer {each.process}") for each in whole]
    ns, who = max(found, default=(0, ""))
    return who, ns


def _beyond(operations: Iterable[Mapping[str, Any]], available: int) -> Iterator[tuple[str, int | None, str]]:
    """Yield the sales after the last ticket there was."""
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
