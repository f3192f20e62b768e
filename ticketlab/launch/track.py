"""What one participant's records say: its operations, where its time went, and what it last did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ticketlab.core.history import Operation
from ticketlab.launch import recorder
from ticketlab.launch.log import Record


@dataclass(slots=True)
class Track:
    """One participant's part in a race; times are nanoseconds of the monotonic clock.

    `records` is empty unless they were to be kept: they are what a timeline is drawn from.
    """

    process: int
    operations: list[Operation] = field(default_factory=list)
    retries: int = 0
    waited_ns: int = 0
    processor_ns: int = 0
    crash: str = ""
    last: str = "had not begun"
    ended: bool = False
    records: Sequence[Record] = ()


def track(process: int, records: Iterable[Record], *, keep: bool = False) -> Track:
    """Fold a participant's records into its track; an operation without a completion is unknown."""
    found = Track(process)
    if keep:
        found.records = records = list(_in_order(records))
    pending: Operation | None = None
    at_ns, action = 0, ""
    for tag, *rest in _in_order(records):
        if tag == recorder.INVOKE:
            pending = Operation(process, rest[1], rest[3], None, rest[0], None, section=rest[2])
            found.last = f"asked to {rest[1]}"
        elif tag in (recorder.RETURN, recorder.FAILED, recorder.MAYBE):
            assert pending is not None, "a completion follows its invocation"
            found.operations.append(_completed(pending, tag, rest))
            pending, found.last = None, f"had finished its order {len(found.operations)}"
        elif tag == recorder.STEP:
            at_ns, action = rest[0], rest[1]
            found.last = f"was at: {rest[1]} {rest[2]}"
        elif tag == recorder.GOT:
            found.waited_ns += rest[0] - at_ns
        elif tag == recorder.NOTE:
            found.retries += rest[0] == "retry"
            if pending is not None and rest[0] == "remaining":
                pending = replace(pending, accesses=(*pending.accesses, (at_ns, action, rest[1])))
        elif tag == recorder.CRASH:
            found.crash = rest[1]
        elif tag == recorder.END:
            found.processor_ns, found.ended, found.last = rest[1], True, "had finished"
    if pending is not None:
        found.operations.append(pending)
    return found


def _in_order(records: Iterable[Record]) -> Iterator[Record]:
    """Yield all records singly."""
    for record in records:
        if record[0] == recorder.STEPS:
            yield from record[1]
        else:
            yield record


def _completed(pending: Operation, tag: str, rest: list[Any]) -> Operation:
    if tag == recorder.RETURN:
        time, result, tickets = rest
        return replace(pending, result=result, return_ns=time, tickets=tickets)
    time, error, message = rest
    if tag == recorder.FAILED:
        return replace(pending, result="failed", return_ns=time, error=f"{error}: {message}")
    return replace(pending, error=f"{error}: {message}")
