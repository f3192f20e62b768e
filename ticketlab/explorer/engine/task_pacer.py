"""A pacer for tasks of one event loop: what a task does between two suspensions is one step.

Nobody else can move there, so points inside are no scheduling points. What they say is accessed is part of the step.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, Literal, TypeVar

from ticketlab.core.errors import UsageError
from ticketlab.core.pacing import BEGINNING, BLOCKED, RETRY, UNCHANGED, UNDONE, Blocked
from ticketlab.core.steps import Action, Step
from ticketlab.explorer.engine.pacer import ControlledPacer
from ticketlab.explorer.engine.steps import describe_step
from ticketlab.explorer.workload import Performer

T = TypeVar("T")


class TaskPacer(ControlledPacer):
    """A controlled pacer in which only GO_ON is a scheduling point. Each participant has a clock of its own."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._going_on: Step | None = None
        self._inside: list[Step] = []
        self._until: float | None = None
        self._since_begin = 0.0  # for everybody, in seconds
        self._clocks: dict[int, float] = defaultdict(float)

    def begin(self) -> None:
        """Start an execution."""
        super().begin()
        self._going_on, self._until, self._since_begin = None, None, 0.0
        self._inside.clear()
        self._clocks.clear()

    def at(self, step: Step) -> None:
        """Take down what the task accesses; it goes on."""
        if self._going_on is None:
            raise UsageError("the executor tasks is for coroutine functions: race_test(tasks=...)")
        if not step.private:
            self._inside.append(step)

    def block(self, step: Step, attempt: Callable[[], T | Literal[Blocked.BLOCKED]], wait: Callable[[], T]) -> T:
        """Stand before the next step of a task until picked; what would wait inside a step holds up everybody."""
        if step.action is Action.GO_ON:
            self._tell_accesses()
            result = super().block(step, attempt, wait)
            self._going_on = step
            return result
        result_inside = attempt()
        if result_inside is BLOCKED and self._until is not None:
            self.sleep(max(0.0, self._until - self.now(wall=False)))
            result_inside = attempt()
        if result_inside is BLOCKED:
            raise UsageError(
                f"a task waits without await to {describe_step(step)}, which holds up the event loop for ever: nobody "
                "else can move meanwhile"
            )
        self.at(step)
        return result_inside

    def _tell_accesses(self) -> None:
        """Make what was accessed part of the step made last."""
        accesses = dict.fromkeys(access for step in self._inside for access in step.accesses)
        self._inside.clear()
        if accesses and self._going_on is not None:
            super().made(self._going_on._replace(also=tuple(accesses)))
        self._going_on = None

    def sleep(self, seconds: float) -> None:
        """Let time pass for the participant."""
        self._clocks[self.me] = self._now() + seconds

    def _now(self) -> float:
        return max(self._since_begin, self._clocks[self.me])

    def now(self, *, wall: bool) -> float:
        """Return the participant's virtual time."""
        return BEGINNING + self._now()

    def wait_until(self, seconds: float | None) -> None:
        """Say until when an attempt inside a step may wait."""
        self._until = seconds

    def time_passes(self, until: float) -> None:
        """Let time pass for everybody."""
        self._since_begin = max(self._since_begin, until - BEGINNING)

    def made(self, step: Step) -> None:
        """Put another access in place of the one just made."""
        if self._inside:
            self._inside[-1] = step

    def note(self, what: str, value: int | str) -> None:
        """Attach what was learnt to the step; what an access inside came to does not undo the step."""
        if what not in (RETRY, UNCHANGED, UNDONE):
            super().note(what, value)

    def answer(self, perform: Performer, request: Any) -> Any:
        """Return what came of a request, and end its last step."""
        try:
            return super().answer(perform, request)
        finally:
            self._tell_accesses()
