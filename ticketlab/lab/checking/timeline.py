"""Timelines of histories from files."""

from __future__ import annotations

from collections.abc import Sequence

from ticketlab.core.history import History, Operation
from ticketlab.core.timeline import LaneState, Span, Timeline
from ticketlab.core.verdict import Anomaly
from ticketlab.lab.timeline_marks import markers, operation_label


def history_timeline(
    title: str, history: History, anomalies: Sequence[Anomaly] = (), names: Sequence[str] = ()
) -> Timeline:
    """Return the timeline of a history: a lane for each process, a span for each operation.

    `names` are those of the processes from 1 on, if they have names.

    A span of an operation that was never answered lasts until the next one of its process.
    """
    start = min((each.invoke_ns for each in history.operations), default=0)
    last = max((each.return_ns or each.invoke_ns for each in history.operations), default=0)
    by_process: dict[int, list[Operation]] = {}
    for operation in history.operations:
        by_process.setdefault(operation.process, []).append(operation)
    lanes, spans = [], []
    for lane, process in enumerate(sorted(by_process)):
        lanes.append(f"buyer {names[process - 1] if names else process}")
        operations = sorted(by_process[process], key=lambda each: each.invoke_ns)
        ends = [each.invoke_ns for each in operations[1:]] + [last]
        for operation, following in zip(operations, ends, strict=True):
            end = following if operation.return_ns is None else operation.return_ns
            detail = ", ".join(f"{action}: {count} left" for _, action, count in operation.accesses)
            spans.append(
                Span(
                    lane,
                    operation.invoke_ns - start,
                    end - start,
                    LaneState.RUNNING,
                    operation_label(operation),
                    detail,
                )
            )
    return Timeline(title, lanes, spans, markers(anomalies, lanes, spans, history.operations, start))
