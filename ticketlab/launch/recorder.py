"""The recording pacer: it lets a participant run at full speed, and writes down what it does and when.

An event is a tuple that begins with a tag and, except for notes, the time in nanoseconds of the machine's monotonic
clock, which is the same for all its processes.

Recording must not change the race. Work costs most between the release of a lock and the next request for it: a buyer
that is slow there passes the lock on at every turn, and each hand-over is a switch of processes. So events are buffered
there, and written where that costs least: inside the lock, or before a wait.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from time import monotonic, monotonic_ns, sleep, thread_time_ns, time
from typing import Final, Literal, TypeVar

from ticketlab.core.errors import PurchaseError
from ticketlab.core.history import Arg
from ticketlab.core.inventory import (
    Buy,
    Cancel,
    Cancelled,
    Confirm,
    Expired,
    Found,
    Held,
    Hold,
    Outcome,
    Request,
    Search,
    Sold,
    SoldOut,
)
from ticketlab.core.pacing import ACCESS_FAILED, BLOCKED, NO_SPACE, RETRY, Blocked, Free, Pacer
from ticketlab.core.plugin import Perform
from ticketlab.core.steps import Action, Step
from ticketlab.launch.launcher import Writer
from ticketlab.launch.log import Event, LogFull

try:
    import resource
except ImportError:  # not a Unix system
    resource = None  # type: ignore[assignment]

T = TypeVar("T")

# The tags of events, each with the fields that follow it.
UP: Final = "up"  # time, pid
INVOKE: Final = "invoke"  # time, op, section, arg
RETURN: Final = "return"  # time, result, tickets
NO_EFFECT: Final = "failed"  # time, error's class, message: the request failed, and certainly changed nothing
UNKNOWN_EFFECT: Final = "maybe"  # time, error's class, message: the request failed, and may have changed something
STEP: Final = "step"  # time, action, resource
GOT: Final = "got"  # time: the step before has what it waited for
SLEEP: Final = "sleep"  # time, seconds
NOTED: Final = "note"  # what, value
CRASH: Final = "crash"  # time, reason, message
END: Final = "end"  # time, processor time in ns since it was up, waited ns, longest wait in ns, peak memory in bytes
FAULT: Final = "fault"  # time, fault, before what: the participant's last event, if it was killed
RESUMED: Final = "resumed"  # time: a pause is over
BATCH: Final = "batch"  # events, in order

_BUFFERED: Final = 64
"""How many events may be buffered after a request."""
_MOST_BUFFERED: Final = 512
"""How many events may be buffered within a request, so that a request without end does not fill the memory."""


class CrashReason(Enum):
    """Why a participant ended before it had done its work."""

    ERROR = "error"
    LIMIT = "limit"  # of memory, or of what may be recorded
    NO_SPACE = "no space"


class Recorder:
    """A pacer that records; `trace` says whether steps are recorded too, or only requests and retries.

    Events are written before every wait, every sleep, and the first step of a request that changes anything. So after
    kill -9, a request whose invocation is not in the log has changed nothing, and one without a completion in it may
    have had its effect.
    """

    may_wait = True

    def __init__(self, log: Writer, *, trace: bool) -> None:
        self._log = log
        self._trace = trace
        self._buffer: list[Event] = []
        self._unwritten = False  # whether the buffer holds the present request's invocation
        self._waited_ns = self._longest_ns = 0

    def up(self, pid: int) -> None:
        """Record that the participant runs, and its process id."""
        self._processor_ns = thread_time_ns()
        self._log.append((UP, monotonic_ns(), pid))

    def perform(self, perform: Perform, request: Request) -> Outcome | None:
        """Perform a request and record its invocation and completion; return its outcome, or None if it failed."""
        buffer = self._buffer
        buffer.append((INVOKE, monotonic_ns(), *request_fields(request)))
        self._unwritten = True
        answer: Outcome | None = None
        try:
            outcome = perform(request)
        except PurchaseError as error:
            tag = NO_EFFECT if error.definite else UNKNOWN_EFFECT
            buffer.append((tag, monotonic_ns(), type(error).__name__, str(error)))
        else:
            answer = outcome
            buffer.append((RETURN, monotonic_ns(), *outcome_fields(outcome)))
        if len(buffer) >= _BUFFERED:
            self._write()
        return answer

    def crashed(self, reason: CrashReason, message: str) -> None:
        """Record that the participant failed, why, and the line that says so."""
        crash = (CRASH, monotonic_ns(), reason.value, message[:2000])
        try:
            self._buffer.append(crash)
            self._write()
        except LogFull:  # the buffered events are lost, but the reason why it stopped is not
            self._log.append(crash, last=True)

    def end(self) -> None:
        """Record that the participant has done all its work."""
        used = thread_time_ns() - self._processor_ns
        self._buffer.append((END, monotonic_ns(), used, self._waited_ns, self._longest_ns, peak_memory()))
        self._write()

    def _write(self) -> None:
        self._unwritten = False
        if self._buffer:
            self._log.append((BATCH, tuple(self._buffer)))
            self._buffer.clear()

    def at(self, step: Step) -> None:
        """Record the step."""
        if self._trace:
            self._buffer.append((STEP, monotonic_ns(), step.action._value_, step.resource))
        if (self._unwritten and step.action is not Action.READ) or len(self._buffer) >= _MOST_BUFFERED:
            self._write()

    def block(self, step: Step, attempt: Callable[[], T | Literal[Blocked.BLOCKED]], wait: Callable[[], T]) -> T:
        """Record when the wait began and ended; a lock is tried first, since whoever gets it at once does not wait."""
        began = monotonic_ns()
        if self._trace:
            self._buffer.append((STEP, began, step.action._value_, step.resource))
        if step.action is Action.ACQUIRE and (got := attempt()) is not BLOCKED:
            if self._trace:
                self._buffer.append((GOT, monotonic_ns()))
            if self._unwritten:
                self._write()
            return got
        self._write()
        result = wait()
        ended = monotonic_ns()
        if self._trace:
            self._buffer.append((GOT, ended))
        self._waited_ns += ended - began
        self._longest_ns = max(self._longest_ns, ended - began)
        return result

    def sleep(self, seconds: float) -> None:
        """Record for how long, then sleep."""
        if self._trace:
            self._buffer.append((SLEEP, monotonic_ns(), seconds))
        self._write()
        sleep(seconds)

    def now(self, *, wall: bool) -> float:
        """Return the system's time."""
        return time() if wall else monotonic()

    def note(self, what: str, value: int | str) -> None:
        """Record a note; retries (metrics count them) and failed accesses (verdicts name them) even without a trace."""
        if self._trace or what in (RETRY, ACCESS_FAILED, NO_SPACE):
            self._buffer.append((NOTED, what, value))
            if len(self._buffer) >= _MOST_BUFFERED:
                self._write()

    def made(self, step: Step) -> None:
        """Forget it."""

    def for_fork(self) -> Pacer:
        """Return a pacer that records nothing, since a participant has one writer."""
        return Free()


def unbatched(events: Iterable[Event]) -> Iterator[Event]:
    """Yield all events one by one, those of a batch in their order."""
    for event in events:
        if event[0] == BATCH:
            yield from event[1]
        else:
            yield event


def peak_memory() -> int:
    """Return this process's largest resident memory so far, in bytes, shared memory included; 0 if it is unknown."""
    if resource is None:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def request_fields(request: Request) -> tuple[str, str, Arg]:
    """Return a request as histories name it: operation, section, argument."""
    if isinstance(request, Buy):
        return "buy", request.section, request.quantity
    if isinstance(request, Search):
        return "search", request.section, None
    if isinstance(request, Hold):
        return "hold", request.section, [request.quantity, round(request.seconds * 1e9)]
    if isinstance(request, Confirm):
        return "confirm", request.section, request.hold
    assert isinstance(request, Cancel)
    return "cancel", request.section, request.hold or len(request.tickets)


def outcome_fields(outcome: Outcome) -> tuple[int | str, tuple[int, ...]]:
    """Return an outcome as histories name it: result, tickets."""
    if isinstance(outcome, Sold):
        return "ok", outcome.tickets
    if isinstance(outcome, SoldOut):
        return "soldout", ()
    if isinstance(outcome, Found):
        return outcome.remaining, ()
    if isinstance(outcome, Held):
        return outcome.hold, ()
    if isinstance(outcome, Expired):
        return "expired", ()
    assert isinstance(outcome, Cancelled)
    return "ok", outcome.tickets
