"""The recording pacer: it writes down what a participant does, and when, and hands on to the pacer below.

Records are tuples that begin with a tag and, but for notes, the time in nanoseconds of the machine's monotonic clock,
which is the same for all its processes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import monotonic_ns, thread_time_ns
from typing import Final, Literal, TypeVar

from ticketlab.core.errors import PurchaseError
from ticketlab.core.inventory import Buy, Cancel, Cancelled, Found, Outcome, Request, Search, Sold, SoldOut
from ticketlab.core.pacing import Blocked, Pacer, Step
from ticketlab.core.plugin import Perform
from ticketlab.launch.log import LogWriter, Record

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
STEPS: Final = "steps"  # records of the four kinds below, in order
STEP: Final = "step"  # time, action, resource
GOT: Final = "got"  # time: what a step waited for is there
SLEEP: Final = "sleep"  # time, seconds
NOTE: Final = "note"  # what, value
CRASH: Final = "crash"  # time, message
END: Final = "end"  # time, processor time in ns since it was up, waited ns, longest wait in ns, peak memory in bytes


class Recorder:
    """A pacer that records; `trace` says whether steps are recorded too, or only requests and retries.

    Steps are kept back for a moment, since most last microseconds, and written before every wait, every sleep and every
    completion: what kill -9 can take is what a participant did since it last waited.
    """

    def __init__(self, log: LogWriter, below: Pacer, *, trace: bool) -> None:
        self._append = log.append
        self._below = below
        self._trace = trace
        self._steps: list[Record] = []
        self._waited_ns = self._longest_ns = 0
        self.may_wait = below.may_wait

    def up(self, pid: int) -> None:
        """Record that the participant runs, and where."""
        self._processor_ns = thread_time_ns()
        self._append((UP, monotonic_ns(), pid))

    def perform(self, perform: Perform, request: Request) -> None:
        """Perform a request, and record its invocation and its completion."""
        append = self._append
        append((INVOKE, monotonic_ns(), *described(request)))
        try:
            outcome = perform(request)
        except PurchaseError as error:
            completion: Record = (
                FAILED if error.definite else MAYBE,
                monotonic_ns(),
                type(error).__name__,
                str(error),
            )
        else:
            completion = (RETURN, monotonic_ns(), *told(outcome))
        self._flush()
        append(completion)

    def crashed(self, message: str) -> None:
        """Record that the participant failed, with a line that says how."""
        self._flush()
        self._append((CRASH, monotonic_ns(), message[:2000]))

    def end(self) -> None:
        """Record that the participant has done all its work."""
        self._flush()
        used = thread_time_ns() - self._processor_ns
        self._append((END, monotonic_ns(), used, self._waited_ns, self._longest_ns, peak_memory()))

    def _flush(self) -> None:
        if self._steps:
            self._append((STEPS, tuple(self._steps)))
            self._steps.clear()

    def at(self, step: Step) -> None:
        """Record the step, then pass the point."""
        if self._trace:
            self._steps.append((STEP, monotonic_ns(), step.action._value_, step.resource))
        self._below.at(step)

    def block(self, step: Step, attempt: Callable[[], T | Literal[Blocked.BLOCKED]], wait: Callable[[], T]) -> T:
        """Record when the wait began and when it was over; without a trace, how long waits took in all."""
        began = monotonic_ns()
        if self._trace:
            self._steps.append((STEP, began, step.action._value_, step.resource))
            self._flush()
        result = self._below.block(step, attempt, wait)
        ended = monotonic_ns()
        if self._trace:
            self._steps.append((GOT, ended))
        waited = ended - began
        self._waited_ns += waited
        if waited > self._longest_ns:
            self._longest_ns = waited
        return result

    def sleep(self, seconds: float) -> None:
        """Record how long, then sleep."""
        if self._trace:
            self._steps.append((SLEEP, monotonic_ns(), seconds))
            self._flush()
        self._below.sleep(seconds)

    def note(self, what: str, value: int | str) -> None:
        """Record what was learnt; retries always, since figures count them."""
        if self._trace or what == "retry":
            self._steps.append((NOTE, what, value))

    def for_fork(self) -> Pacer:
        """Record nothing: a log has one writer."""
        return self._below.for_fork()


def peak_memory() -> int:
    """Return the most memory that this process has had resident, in bytes, with what it shares; 0 if nobody knows."""
    if resource is None:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def described(request: Request) -> tuple[str, str, int | None]:
    """Return a request as histories name it: operation, section, argument."""
    if isinstance(request, Buy):
        return "buy", request.section, request.quantity
    if isinstance(request, Search):
        return "search", request.section, None
    assert isinstance(request, Cancel)
    return "cancel", request.section, len(request.tickets)


def told(outcome: Outcome) -> tuple[int | str, tuple[int, ...]]:
    """Return an outcome as histories name it: result, tickets."""
    if isinstance(outcome, Sold):
        return "ok", outcome.tickets
    if isinstance(outcome, SoldOut):
        return "soldout", ()
    if isinstance(outcome, Found):
        return outcome.remaining, ()
    assert isinstance(outcome, Cancelled)
    return "ok", outcome.tickets
