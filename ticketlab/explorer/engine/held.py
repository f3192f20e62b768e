"""Who holds what, by the steps that were made: another's failure to get a resource says nothing of its holder's try."""

from __future__ import annotations

from ticketlab.core.steps import Step
from ticketlab.explorer.engine.execution_counters import Counters


class HeldResources:
    """How often each participant has taken a resource and not given it back; a re-entrant lock is taken several times.

    A step may turn out to have been another one, or to have changed nothing, only after it was made. So the last entry
    can be taken back, as long as no further step is made.
    """

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._times: dict[tuple[int, str], int] = {}
        self._last = (-1, (0, ""), 0)  # the step that was entered last, by its number; who and what; how often before

    def clear(self) -> None:
        """Have nobody hold anything."""
        self._times.clear()
        self._last = (-1, (0, ""), 0)

    def by(self, who: int, resource: str) -> bool:
        """Whether a participant holds a resource."""
        return bool(self._times) and (who, resource) in self._times

    def enter(self, who: int, step: Step) -> None:
        """Take down what the step that was made last takes, or gives back."""
        mine = who, step.resource
        before = self._times.get(mine, 0)
        self._last = self._counters.length, mine, before
        if step.action.takes:
            self._set(mine, before, before + 1)
        elif step.action.gives_back and before:
            self._set(mine, before, before - 1)

    def take_back(self) -> None:
        """Forget what the step that was made last took or gave back."""
        length, mine, before = self._last
        if length == self._counters.length:
            self._set(mine, self._times.get(mine, 0), before)

    def _set(self, mine: tuple[int, str], before: int, after: int) -> None:
        self._counters.held += after - before
        if after:
            self._times[mine] = after
        else:
            self._times.pop(mine, None)
