"""A participant's events as its track: its operations, where its time went, and what it last did."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ticketlab.core.history import Operation
from ticketlab.core.pacing import NO_SPACE, RETRY
from ticketlab.core.result import TimedStep
from ticketlab.launch import recorder
from ticketlab.launch.log import Event
from ticketlab.launch.recorder import CrashReason


@dataclass(slots=True)
class Track:
    """One participant's part in a race.

    `crash` is why it ended early, in words, and `crash_reason` what kind of reason that is, if it did. `no_space`
    says that the disk refused it room. `records` are its events, times since the origin, if they were to be kept; a
    timeline is drawn from them. `error_ns` is by how much its times may be wrong beside those of others.
    `waited_ns` leaves out the waits of an operation that was never answered, which has no latency either.
    """

    process: int
    operations: list[Operation] = field(default_factory=list)
    retries: int = 0
    waited_ns: int = 0
    longest_wait_ns: int = 0
    processor_ns: int = 0
    peak_bytes: int = 0
    crash: str = ""
    crash_reason: CrashReason | None = None
    no_space: bool = False
    last: str = "had not begun"
    ended: bool = False
    records: Sequence[Event] = ()
    error_ns: int = 0


def track(
    process: int, records: Iterable[Event], origin_ns: int = 0, *, keep: bool = False, error_ns: int = 0
) -> Track:
    """Fold a participant's events into its track; an operation without a completion has no return time.

    Times are nanoseconds since `origin_ns` of the log's clock: the release of the start barrier.
    """
    found = Track(process, error_ns=error_ns)
    if keep:
        records = list(recorder.unbatched(records))
        found.records = [_since(record, origin_ns) for record in records]
    invocation: Event | None = None
    accesses: list[tuple[int, str, int]] = []
    at_ns, action, waited_before = 0, "", 0
    for record in recorder.unbatched(records):
        tag = record[0]
        if tag == recorder.STEP:
            at_ns, action = record[1] - origin_ns, record[2]
            found.last = f"was at: {action} {record[3]}"
        elif tag == recorder.NOTED:
            found.retries += record[1] == RETRY
            found.no_space |= record[1] == NO_SPACE
            if record[1] == "remaining":
                accesses.append((at_ns, action, record[2]))
        elif tag == recorder.GOT:
            waited = record[1] - origin_ns - at_ns
            found.waited_ns += waited
            found.longest_wait_ns = max(found.longest_wait_ns, waited)
        elif tag == recorder.INVOKE:
            if invocation is not None:  # a buyer that was lost may have asked for all that it would ask for
                found.operations.append(_operation(process, origin_ns, invocation, None, ()))
            invocation, accesses, waited_before = record, [], found.waited_ns
            found.last = f"asked to {record[2]}"
        elif tag in (recorder.RETURN, recorder.NO_EFFECT, recorder.UNKNOWN_EFFECT):
            assert invocation is not None, "a completion follows its invocation"
            found.operations.append(_operation(process, origin_ns, invocation, record, tuple(accesses)))
            invocation, found.last = None, f"had finished its order {len(found.operations)}"
        else:
            _take_down(found, record)
    if invocation is not None:
        found.waited_ns = waited_before
        found.operations.append(_operation(process, origin_ns, invocation, None, tuple(accesses)))
    return found


def _take_down(found: Track, record: Event) -> None:
    """Take down a fault, a crash or the end."""
    tag = record[0]
    if tag == recorder.FAULT:
        found.last = f"had the fault {record[2]} injected before {record[3]}"
    elif tag == recorder.CRASH:
        found.crash_reason, found.crash = CrashReason(record[2]), record[3]
        found.no_space |= found.crash_reason is CrashReason.NO_SPACE
    elif tag == recorder.END:
        _, _, found.processor_ns, found.waited_ns, found.longest_wait_ns, found.peak_bytes = record
        found.ended, found.last = True, "had finished"


def moves(tracks: Sequence[Track]) -> list[TimedStep]:
    """Return the steps of all tracks, which must have kept their records; a step ends before the next event at last."""
    found = []
    for who, each in enumerate(tracks):
        timed = [record for record in each.records if record[0] != recorder.NOTED]
        for record, following in zip(timed, [*timed[1:], timed[-1]] if timed else (), strict=True):
            if record[0] == recorder.STEP:
                found.append(TimedStep(who, record[1] - each.error_ns, following[1] + each.error_ns))
    return found


def _since(record: Event, origin_ns: int) -> Event:
    return record if record[0] == recorder.NOTED else (record[0], record[1] - origin_ns, *record[2:])


def _operation(
    process: int,
    origin_ns: int,
    invocation: Event,
    completion: Event | None,
    accesses: tuple[tuple[int, str, int], ...],
) -> Operation:
    _, invoked, op, section, arg = invocation
    result: int | str | None = None
    return_ns, tickets, error, kind = None, (), "", ""
    if completion is not None:
        tag, ended, first, second = completion
        return_ns = ended - origin_ns
        if tag == recorder.RETURN:
            result, tickets = first, second
        else:
            result, kind, error = "failed" if tag == recorder.NO_EFFECT else "unknown", first, second
    return Operation(
        process=process,
        op=op,
        arg=arg,
        result=result,
        invoke_ns=invoked - origin_ns,
        return_ns=return_ns,
        section=section,
        tickets=tickets,
        error=error,
        error_kind=kind,
        accesses=accesses,
    )
