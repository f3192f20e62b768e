"""The recording pacer: full speed, and it writes down what a participant does, and when.

Records are tuples that begin with a tag and, but for notes, the time in nanoseconds of the machine's monotonic clock,
which is the same for all its processes.

Recording must not change the race. What costs most is work between letting go of a lock and asking for it again: who
is slow there hands the lock on at every turn, and each hand-over is a switch of processes. So records are kept back
there, and written where they harm least: inside the lock, or before a wait.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
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
from ticketlab.core.pacing import BLOCKED, RETRY, TROUBLE, Action, Blocked, Free, Pacer, Step
from ticketlab.core.plugin import Perform
from ticketlab.launch.log import Event, EventWriter, LogFull

try:
    import resource
except ImportError:  # not a Unix system
    resource = None  # type: ignore[assignment]

T = TypeVar("T")

UP: Final = "up"  # time, pid
INVOKE: Final = "invoke"  # time, op, section, arg
RETURN: Final = "return"  # time, result, tickets
FAILED: Final = "failed"  # time, error's class, message
MAYBE: Final = "maybe"  # time, error's class, message: whether the request had an effect is unknown
STEP: Final = "step"  # time, action, resource
GOT: Final = "got"  # time: what a step waited for is there
SLEEP: Final = "sleep"  # time, seconds
NOTE: Final = "note"  # what, value
CRASH: Final = "crash"  # time, message
END: Final = "end"  # time, processor time in ns since it was up, waited ns, longest wait in ns, peak memory in bytes
STRUCK: Final = "struck"  # time, fault, before what: the participant's last record, if it was killed
RESUMED: Final = "resumed"  # time: a pause is over
BATCH: Final = "batch"  # records, in order

KEPT: Final = 64
"""How many records may be kept back after a request."""
MOST_KEPT: Final = 512
"""How many may be kept back within one, so that a buyer that never comes to its end does not fill the memory."""


class Recorder:
    """A pacer that records; `trace` says whether steps are recorded too, or only requests and retries.

    Records are written before every wait, every sleep, and the first step of a request that changes anything. So after
    kill -9 an invocation that is not in the log has changed nothing, and a completion that is not there is unknown.
    """

    may_wait = True

    def __init__(self, log: EventWriter, *, trace: bool) -> None:
        self._log = log
        self._trace = trace
        self._kept: list[Event] = []
        self._unwritten = False  # whether the invocation of the request at hand is kept back
        self._waited_ns = self._longest_ns = 0

    def up(self, pid: int) -> None:
        """Record that the participant runs, and where."""
        self._processor_ns = thread_time_ns()
        self._log.append((UP, monotonic_ns(), pid))

    def perform(self, perform: Perform, request: Request) -> Outcome | None:
        """Perform a request, and record its invocation and its completion; return the outcome, if there is one."""
        kept = self._kept
        kept.append((INVOKE, monotonic_ns(), *described(request)))
        self._unwritten = True
        answer: Outcome | None = None
        try:
            outcome = perform(request)
        except PurchaseError as error:
            tag = FAILED if error.definite else MAYBE
            kept.append((tag, monotonic_ns(), type(error).__name__, str(error)))
        else:
            answer = outcome
            kept.append((RETURN, monotonic_ns(), *told(outcome)))
        if len(kept) >= KEPT:
            self._write()
        return answer

    def crashed(self, message: str) -> None:
        """Record that the participant failed, with a line that says how."""
        crash = (CRASH, monotonic_ns(), message[:2000])
        try:
            self._kept.append(crash)
            self._write()
        except LogFull:  # what it did is lost, why it stopped is not
            self._log.append(crash, last=True)

    def end(self) -> None:
        """Record that the participant has done all its work."""
        used = thread_time_ns() - self._processor_ns
        self._kept.append((END, monotonic_ns(), used, self._waited_ns, self._longest_ns, peak_memory()))
        self._write()

    def _write(self) -> None:
        self._unwritten = False
        if self._kept:
            self._log.append((BATCH, tuple(self._kept)))
            self._kept.clear()

    def at(self, step: Step) -> None:
        """Record the step."""
        if self._trace:
            self._kept.append((STEP, monotonic_ns(), step.action._value_, step.resource))
        if (self._unwritten and step.action is not Action.READ) or len(self._kept) >= MOST_KEPT:
            self._write()

    def block(self, step: Step, attempt: Callable[[], T | Literal[Blocked.BLOCKED]], wait: Callable[[], T]) -> T:
        """Record when the wait began and when it was over; a lock is tried first, since who gets it need not wait."""
        began = monotonic_ns()
        if self._trace:
            self._kept.append((STEP, began, step.action._value_, step.resource))
        if step.action is Action.ACQUIRE and (got := attempt()) is not BLOCKED:
            if self._trace:
                self._kept.append((GOT, monotonic_ns()))
            if self._unwritten:
                self._write()
            return got
        self._write()
        result = wait()
        ended = monotonic_ns()
        if self._trace:
            self._kept.append((GOT, ended))
        self._waited_ns += ended - began
        self._longest_ns = max(self._longest_ns, ended - began)
        return result

    def sleep(self, seconds: float) -> None:
        """Record how long, then sleep."""
        if self._trace:
            self._kept.append((SLEEP, monotonic_ns(), seconds))
        self._write()
        sleep(seconds)

    def now(self, *, wall: bool) -> float:
        """Ask the system."""
        return time() if wall else monotonic()

    def note(self, what: str, value: int | str) -> None:
        """Record what was learnt; retries always, since metrics count them, and trouble, since the verdict needs it."""
        if self._trace or what in (RETRY, TROUBLE):
            self._kept.append((NOTE, what, value))
            if len(self._kept) >= MOST_KEPT:
                self._write()

    def for_fork(self) -> Pacer:
        """Record nothing: a log has one writer."""
        return Free()


def singly(records: Iterable[Event]) -> Iterator[Event]:
    """Yield all records one by one, those of a batch in their order."""
    for record in records:
        if record[0] == BATCH:
            yield from record[1]
        else:
            yield record


def peak_memory() -> int:
    """Return the most memory that this process has had resident, in bytes, with what it shares; 0 if nobody knows."""
    if resource is None:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def described(request: Request) -> tuple[str, str, Arg]:
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


def told(outcome: Outcome) -> tuple[int | str, tuple[int, ...]]:
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
