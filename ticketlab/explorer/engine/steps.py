"""Numbers for steps: what a schedule's columns hold in place of actions and resources.

A *symbol* is a small whole number that stands for a step and for how it is made: passed by `at`; attempted by `block`,
where it may have to wait; or put off by one participant until somebody else changes the resource. Two participants that
pass or attempt the same step have the same symbol; who attempts to take what it holds already has one of its own, since
it may have it where others may not. Symbol 0 is no step.
"""

from __future__ import annotations

from typing import Final

from ticketlab.core.errors import TicketlabError
from ticketlab.core.pacing import Action, Step

NONE: Final = 0

PASSED: Final = -2  # how a step is made; a number from 0 is the participant that puts it off
ATTEMPTED: Final = -1
REFUSED: Final = -3  # made, and found to have changed nothing
GAVE_BACK: Final = -4  # made, and found to have changed nothing but for who waits
AGAIN: Final = -5  # attempted by participant 0, which holds the resource already; lower numbers, by the others

TO_NOBODY: Final = 0  # who notices a step
TO_CHANGERS: Final = 1  # all but those who only look
TO_ALL: Final = 2

NOWHERE: Final = -1  # the resource of a step that touches nothing that others know of
EVERYWHERE: Final = -2  # the resource of a step that concerns them all
SEVERAL: Final = -3  # the resource of a step that concerns some of them: see `StepTable.several`


class TooManySteps(TicketlabError):
    """More distinct steps than a table holds: resources are probably named by random or growing names."""


class _Numbers(dict[Step, int]):
    """Symbols by step; a step that is met for the first time gets the next number."""

    def __init__(self, table: StepTable, how: int) -> None:
        super().__init__()
        self._table = table
        self._how = how

    def __missing__(self, step: Step) -> int:
        return self._table.enter(step, self._how)


class StepTable:
    """Every distinct step of an exploration, with what the scheduler asks about it at each step, ready-made."""

    def __init__(self, limit: int = 4096) -> None:
        self.limit = limit
        self.steps: list[Step] = [Step(Action.READ, "")]
        self.blocking: list[bool] = [False]
        self.resource: list[int] = [NOWHERE]
        self.changes: list[bool] = [False]
        self.shows: list[int] = [TO_NOBODY]  # by symbol: who notices the step, on the same resource
        self.heeds: list[int] = [TO_ALL]  # by symbol: the least shown step that it notices
        # By symbol: the blocking symbols that a step makes worth another attempt. Lists are shared per resource, so a
        # blocking step that is met later appears in them all; steps that only read share one that stays empty.
        self.reopens: list[list[int]] = [[]]
        self.excludes: list[bool] = [False]  # by symbol: whether all who would attempt the same now fail
        self.postponed: list[bool] = [False]  # by symbol: whether it would repeat what was in vain
        self.lets: list[bool] = [False]  # by symbol: whether it only lets time pass, which it does when nobody can move
        self.passed = _Numbers(self, PASSED)
        self.attempted = _Numbers(self, ATTEMPTED)
        self.refused = _Numbers(self, REFUSED)
        self.gave_back = _Numbers(self, GAVE_BACK)
        self._by_one: dict[int, _Numbers] = {}
        self._resources: dict[str, int] = {}
        self._waiting: list[list[int]] = []
        self._attempting: list[list[int]] = []  # without those who put off what was refused, and without unseen steps
        self._heeding: list[list[int]] = []  # without those who only look
        self.several: dict[int, frozenset[int]] = {}  # by symbol: the resources of a step that concerns several
        self._all_waiting: list[int] = []
        self._nothing: list[int] = []

    def __len__(self) -> int:
        return len(self.steps)

    def put_off(self, who: int) -> _Numbers:
        """Return the symbols of steps that one participant puts off."""
        return self._of_one(who)

    def again(self, who: int) -> _Numbers:
        """Return the symbols of what one participant attempts to take while it holds it."""
        return self._of_one(AGAIN - who)

    def _of_one(self, how: int) -> _Numbers:
        return self._by_one.setdefault(how, _Numbers(self, how))

    def numbers(self, how: int) -> _Numbers:
        """Return the symbols of the steps that are made in one way."""
        made = {PASSED: self.passed, ATTEMPTED: self.attempted, REFUSED: self.refused, GAVE_BACK: self.gave_back}
        return made[how] if AGAIN < how < 0 else self._of_one(how)

    def enter(self, step: Step, how: int) -> int:
        """Return the symbol of a step that has none yet."""
        return self.add(step, how)

    def add(self, step: Step, how: int) -> int:
        """Give a step the next symbol."""
        symbol = len(self.steps)
        if symbol >= self.limit:
            raise TooManySteps(
                f"more than {self.limit} distinct steps, the last on {step.resource!r}: name resources by what they "
                "are, not by random or growing names"
            )
        resource = self._resource(step.resource)
        self.steps.append(step)
        attempted = how == ATTEMPTED or how <= AGAIN
        waits = attempted or how >= 0
        self.blocking.append(waits)
        self.resource.append(self._place(step, symbol, resource))
        changes = step.changes and how not in (REFUSED, GAVE_BACK)
        self.changes.append(changes)
        looks = (step.action is Action.READ and how != REFUSED) or how == GAVE_BACK
        self.shows.append(TO_NOBODY if not changes else TO_CHANGERS if step.uncommitted else TO_ALL)
        self.heeds.append(TO_ALL if looks else TO_CHANGERS)
        self.postponed.append(how >= 0)
        self.lets.append(step.action is Action.TIME_PASSES)
        reopened = self._attempting[resource] if how == GAVE_BACK else self._nothing
        on = self._heeding if step.uncommitted else self._waiting
        waiting = self._all_waiting if self.resource[symbol] < NOWHERE else on[resource]
        self.reopens.append(waiting if changes else reopened)
        self.excludes.append(step.excludes and how == ATTEMPTED)
        if waits:
            self._waiting[resource].append(symbol)
            self._all_waiting.append(symbol)
            if not looks:
                self._heeding[resource].append(symbol)
            if attempted and not step.uncommitted:
                self._attempting[resource].append(symbol)
        self.numbers(how)[step] = symbol
        return symbol

    def _resource(self, name: str) -> int:
        resource = self._resources.setdefault(name, len(self._resources))
        if resource == len(self._waiting):
            self._waiting.append([])
            self._attempting.append([])
            self._heeding.append([])
        return resource

    def _place(self, step: Step, symbol: int, resource: int) -> int:
        if step.private or step.affects == ():
            return NOWHERE
        if step.everywhere:
            return EVERYWHERE
        if step.affects is None:
            return resource
        self.several[symbol] = frozenset(map(self._resource, step.affects))
        return SEVERAL

    def resources(self, symbol: int) -> frozenset[int]:
        """Return what a step concerns, where that is not everything."""
        return self.several.get(symbol) or frozenset({self.resource[symbol]} - {NOWHERE})

    def commute(self, one: int, other: int) -> bool:
        """Whether the order of two steps can make no difference."""
        on, beside = self.resource[one], self.resource[other]
        if on >= 0 and beside >= 0:
            return on != beside or (self.shows[one] < self.heeds[other] and self.shows[other] < self.heeds[one])
        if on == NOWHERE or beside == NOWHERE:
            return True
        if on == EVERYWHERE or beside == EVERYWHERE:
            return False
        return self.resources(one).isdisjoint(self.resources(other))
