"""Numbers for steps: what a schedule's columns hold in place of actions and resources.

A *symbol* is a small whole number that stands for a step and for how it is made: passed by `at`, or attempted by
`block`, where it may have to wait. Two participants that make the same step have the same symbol. Symbol 0 is no step.
"""

from __future__ import annotations

from ticketlab.core.errors import TicketlabError
from ticketlab.core.pacing import Action, Step

NONE = 0


class TooManySteps(TicketlabError):
    """More distinct steps than a table holds: resources are probably named by random or growing names."""


class _Numbers(dict[Step, int]):
    """Symbols by step; a step that is met for the first time gets the next number."""

    def __init__(self, table: StepTable, *, blocking: bool) -> None:
        super().__init__()
        self._table = table
        self._blocking = blocking

    def __missing__(self, step: Step) -> int:
        return self._table.enter(step, self._blocking)


class StepTable:
    """Every distinct step of an exploration, with what the scheduler asks about it at each step, ready-made."""

    def __init__(self, limit: int = 4096) -> None:
        self.limit = limit
        self.steps: list[Step] = [Step(Action.READ, "")]
        self.blocking: list[bool] = [False]
        self.resource: list[int] = [-1]
        self.changes: list[bool] = [False]
        # By symbol: the blocking symbols that a step makes worth another attempt. Lists are shared per resource, so a
        # blocking step that is met later appears in them all; steps that only read share one that stays empty.
        self.reopens: list[list[int]] = [[]]
        self.passing = _Numbers(self, blocking=False)
        self.attempted = _Numbers(self, blocking=True)
        self._resources: dict[str, int] = {}
        self._waiting: list[list[int]] = []
        self._nothing: list[int] = []

    def __len__(self) -> int:
        return len(self.steps)

    def enter(self, step: Step, blocking: bool) -> int:
        """Return the symbol of a step that has none yet."""
        symbol = len(self.steps)
        if symbol >= self.limit:
            raise TooManySteps(
                f"more than {self.limit} distinct steps, the last on {step.resource!r}: name resources by what they "
                "are, not by random or growing names"
            )
        resource = self._resources.setdefault(step.resource, len(self._resources))
        if resource == len(self._waiting):
            self._waiting.append([])
        self.steps.append(step)
        self.blocking.append(blocking)
        self.resource.append(resource)
        self.changes.append(step.changes)
        self.reopens.append(self._waiting[resource] if step.changes else self._nothing)
        if blocking:
            self._waiting[resource].append(symbol)
        (self.attempted if blocking else self.passing)[step] = symbol
        return symbol

    def commute(self, one: int, other: int) -> bool:
        """Whether the order of two steps can make no difference."""
        return self.resource[one] != self.resource[other] or not (self.changes[one] or self.changes[other])
