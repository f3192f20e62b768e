"""A pacer for buyers that may start threads: a scheduling point that such a thread passes is refused with the reason.

The lab controls one thread for each buyer. A point that another thread passed would be taken for a step of whoever has
the turn, or would hand the turn over from a thread that cannot give it. The check costs a tenth of a step, so only
functions under test have this pacer.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import get_ident
from typing import Any, Literal, TypeVar

from ticketlab.core.errors import UsageError
from ticketlab.core.pacing import BLOCKED, Blocked
from ticketlab.core.steps import Step
from ticketlab.explorer.engine.pacer import ControlledPacer
from ticketlab.explorer.engine.steps import describe_step
from ticketlab.explorer.workload import Performer

T = TypeVar("T")


class SingleThreadPacer(ControlledPacer):
    """A controlled pacer for the thread that makes it; the buyer's request fails if another thread passes a point."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._thread = get_ident()
        self._refused: UsageError | None = None

    def at(self, step: Step) -> None:
        """Stand before the step until picked."""
        if get_ident() == self._thread:
            super().at(step)
        else:
            self._refuse(describe_step(step))

    def block(self, step: Step, attempt: Callable[[], T | Literal[Blocked.BLOCKED]], wait: Callable[[], T]) -> T:
        """Make an access that may have to wait."""
        if get_ident() == self._thread:
            return super().block(step, attempt, wait)
        self._refuse(describe_step(step))
        if (result := attempt()) is BLOCKED:
            raise SystemExit  # ends the thread, quietly
        return result

    def sleep(self, seconds: float) -> None:
        """Let virtual time pass."""
        if get_ident() == self._thread:
            super().sleep(seconds)
        else:
            self._refuse(f"sleep {seconds:g} s")
            raise SystemExit  # it may be a loop that waits for what never comes

    def answer(self, perform: Performer, request: Any) -> Any:
        """Return what came of a request; raises UsageError if another thread passed a point meanwhile."""
        try:
            return super().answer(perform, request)
        finally:
            refused, self._refused = self._refused, None
            if refused is not None:
                raise refused

    def _refuse(self, what: str) -> None:
        """Have the buyer's request fail when it ends; meanwhile the thread goes on beside the schedule."""
        self._refused = UsageError(
            f"the scheduling point {what!r} was passed in a thread that the function started: the lab controls one "
            "thread for each buyer, so pass points in the thread that was given the session"
        )
