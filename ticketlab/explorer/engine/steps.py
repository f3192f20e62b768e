"""Numbers for steps: what columns hold in place of actions and resources.

A *symbol* is a small whole number that stands for a step and the manner in which it is made; symbol 0 is no step. Two
participants that make the same step in the same manner have the same symbol, unless the manner belongs to one of them.
The table holds for each symbol a `Symbol`: all that the scheduler and the search ask about it, worked out once.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final, NamedTuple

from ticketlab.core.errors import TicketlabError
from ticketlab.core.steps import Action, Step, Visibility, noticed_from

NONE: Final = 0

NOWHERE: Final = -1  # the place of a step that touches nothing that others know of
EVERYWHERE: Final = -2  # the place of a step that concerns every resource
SEVERAL: Final = -3  # the place of a step that concerns some of them: see `Symbol.resources`


class Manner(IntEnum):
    """How a step is made."""

    PASSED = 0  # by `at`: it never has to wait
    ATTEMPTED = 1  # by `block`: it may have to wait
    REFUSED = 2  # made, and found to have changed nothing
    GAVE_BACK = 3  # made, and found to have changed nothing but what others wait for
    POSTPONED = 4  # put off by one participant until somebody else changes the resource
    PUT_OFF = 5  # the same of an attempt, which may have to wait once it is made
    OWN = 6  # attempted by one participant, that may succeed where others fail: it has the resource, or awaits a value


_POSTPONING: Final = (Manner.POSTPONED, Manner.PUT_OFF)


class How(NamedTuple):
    """The manner in which a step is made and, if the manner belongs to one participant, to which."""

    manner: Manner
    who: int = -1


StepName = tuple[Step, How]
"""What a symbol stands for, which is the same in every process."""

Accesses = Mapping[int, tuple[int, int]]
"""What a step does, by resource: the visibility there, and the least visibility of others that it notices."""


_NAME_THEM_WELL: Final = "name resources by what they are, not by random or growing names"


class TooManySteps(TicketlabError):
    """A program makes more distinct steps than a table holds, probably because it names resources at random."""


class Symbol:
    """A step, the manner in which it is made, and what follows from both."""

    __slots__ = (
        "_commuting",
        "accesses",
        "changes",
        "does",
        "excludes",
        "haste",
        "is_attempt",
        "may_fail",
        "notices",
        "passes_time",
        "place",
        "postponed",
        "refused",
        "reopens",
        "resources",
        "step",
        "visibility",
    )

    def __init__(
        self, step: Step, how: How, place: int, resources: frozenset[int], accesses: Accesses, reopens: list[int]
    ) -> None:
        manner = how.manner
        self.step = step
        self.place = place
        """The number of the step's resource; NOWHERE, EVERYWHERE or SEVERAL if it is not a single one."""
        self.resources = resources
        """The numbers of all its resources; empty if the place is NOWHERE or EVERYWHERE."""
        self.accesses = accesses
        """What the step does to each of its resources; empty unless the place is SEVERAL, and for faults."""
        self.reopens = reopens
        """The symbols whose attempts may succeed again after this step. The list grows as the table does."""
        self.refused = manner is Manner.REFUSED
        """Whether the step was made and changed nothing, so that it neither took anything nor gave it back."""
        self.postponed = manner in _POSTPONING
        self.is_attempt = manner in (Manner.ATTEMPTED, Manner.OWN, Manner.PUT_OFF)
        """Whether whoever is picked to make the step may find that it has to wait."""
        self.may_fail = self.postponed or self.is_attempt
        """Whether the step may have to wait, be it that an attempt to make it can fail."""
        opens = step.action.gives_back or step.action in (Action.SEND, Action.SET, Action.NOTIFY)
        self.haste = int(manner is Manner.OWN) if self.may_fail else 2 + opens
        """Where a search is free to choose, it makes attempts first, and last what may let others go on."""
        self.changes = _changes(step, manner)
        self.does = step.accesses, self.changes
        """What two steps have in common that are the same but for the manner in which they are made."""
        self.visibility = step.visibility(step.action).value if self.changes else Visibility.NOBODY.value
        self.notices = _notices(step.action, manner)
        """The least visibility of a step that this one notices."""
        self.excludes = step.excludes and manner is Manner.ATTEMPTED
        """Whether everybody who would attempt the same fails, once this attempt has succeeded."""
        self.passes_time = step.action is Action.TIME_PASSES
        """Whether nobody chose the step: it lets time pass because nobody could move."""
        self._commuting: dict[Symbol, bool] = {}

    def commutes_with(self, other: Symbol) -> bool:
        """Whether the order of two steps can make no difference."""
        place, beside = self.place, other.place
        if place >= 0 and beside >= 0:
            return place != beside or (self.visibility < other.notices and other.visibility < self.notices)
        if place == NOWHERE or beside == NOWHERE:
            return True
        if place == EVERYWHERE or beside == EVERYWHERE:
            return False
        if (commuting := self._commuting.get(other)) is None:
            commuting = self._commuting[other] = self._is_apart_from(other)
        return commuting

    def _is_apart_from(self, other: Symbol) -> bool:
        for resource in self.resources & other.resources:
            (visible, notices), (others, noticed) = self.access(resource), other.access(resource)
            if visible >= noticed or others >= notices:
                return False
        return True

    def access(self, resource: int) -> tuple[int, int]:
        """Return the visibility of what the step does to one of its resources, and the least that it notices there.

        A fault, or a step in which one is in force, commutes with no other on the resources that it affects.
        """
        if self.place == SEVERAL and not self.accesses:
            return Visibility.EVERYBODY.value, Visibility.CHANGERS.value
        return self.accesses.get(resource, (self.visibility, self.notices))

    def changed(self) -> frozenset[int]:
        """Return the resources that the step changes, unless it concerns all."""
        if not self.accesses:
            return self.resources if self.changes else frozenset()
        return frozenset(resource for resource, (visible, _) in self.accesses.items() if visible)

    def settles(self, other: Symbol) -> bool:
        """Whether all that the other does not commute with, and that comes before this step, comes before both."""
        if self.place == EVERYWHERE:
            return True
        return self.visibility == Visibility.EVERYBODY and not self.accesses and other.place >= 0


def _changes(step: Step, manner: Manner) -> bool:
    return step.changes and manner not in (Manner.REFUSED, Manner.GAVE_BACK)


def _notices(action: Action, manner: Manner) -> int:
    if manner is Manner.GAVE_BACK:
        return Visibility.EVERYBODY.value
    if manner is Manner.REFUSED and action is not Action.ENTER:
        return Visibility.CHANGERS.value
    return noticed_from(action).value


class _Waiting:
    """The symbols that may have to wait for one resource; the lists grow as steps are met, and symbols share them."""

    __slots__ = ("attempts", "changers", "everybody")

    def __init__(self) -> None:
        self.everybody: list[int] = []
        self.changers: list[int] = []  # without those who only look
        self.attempts: list[int] = []  # without postponed steps, and without uncommitted ones


class _Numbers(dict[Step, int]):
    """Symbols by step, for one way of making them; a step that is met for the first time gets the next symbol."""

    def __init__(self, table: StepTable, how: How) -> None:
        super().__init__()
        self._table = table
        self._how = how

    def __missing__(self, step: Step) -> int:
        return self._table.enter(step, self._how)


class StepTable:
    """Every distinct step of an exploration; `symbols` lists what is known of each, by its symbol."""

    def __init__(self, limit: int = 4096) -> None:
        self.limit = limit
        self.most_resources = 2 * limit
        self.symbols = [Symbol(Step(Action.READ, ""), How(Manner.PASSED), NOWHERE, frozenset(), {}, [])]
        self._names: list[StepName | None] = [None]
        self._by_how: dict[How, _Numbers] = {}
        self.passed = self.numbers(How(Manner.PASSED))
        self.attempted = self.numbers(How(Manner.ATTEMPTED))
        self.refused = self.numbers(How(Manner.REFUSED))
        self.gave_back = self.numbers(How(Manner.GAVE_BACK))
        self._resources: dict[str, int] = {}
        self._waiting: list[_Waiting] = []  # by resource
        self._waiting_anywhere: list[int] = []
        self._reopened_with: list[list[list[int]]] = []  # by resource: the lists of steps that change several

    def __len__(self) -> int:
        return len(self.symbols)

    @property
    def known_resources(self) -> int:
        """How many resources the steps so far concern; they are numbered from 0."""
        return len(self._resources)

    def step(self, symbol: int) -> Step:
        """Return the step that a symbol stands for."""
        return self.symbols[symbol].step

    def name(self, symbol: int) -> StepName | None:
        """Return a symbol as other processes understand it."""
        return self._names[symbol]

    def symbol(self, name: StepName | None) -> int:
        """Return the symbol for a name that the table of another process may have given."""
        return NONE if name is None else self.numbers(name[1])[name[0]]

    def numbers(self, how: How) -> _Numbers:
        """Return the symbols of the steps that are made in one way."""
        return self._by_how.setdefault(how, _Numbers(self, how))

    def postponed(self, who: int, *, attempt: bool) -> _Numbers:
        """Return the symbols of the steps, or of the attempts, that one participant puts off."""
        return self.numbers(How(Manner.PUT_OFF if attempt else Manner.POSTPONED, who))

    def own_attempts(self, who: int) -> _Numbers:
        """Return the symbols of the attempts that one participant makes on what it holds."""
        return self.numbers(How(Manner.OWN, who))

    def enter(self, step: Step, how: How) -> int:
        """Return the symbol of a step that has none yet."""
        return self.add(step, how)

    def add(self, step: Step, how: How) -> int:
        """Give a step the next symbol."""
        number = len(self.symbols)
        if number >= self.limit:
            raise TooManySteps(
                f"more than {self.limit} distinct steps, the last on {step.resource!r}: {_NAME_THEM_WELL}"
            )
        self._names.append((step, how))
        resource = self._resource(step.resource)
        watched = step.affects if how.manner in _POSTPONING else None
        if watched is not None:
            step = step._replace(affects=None)
        place, resources = self._place(step, resource)
        accesses = self._accesses(step, how.manner) if place == SEVERAL and step.affects is None else {}
        if watched is not None and place != EVERYWHERE:
            place, accesses = SEVERAL, self._watches(step, how.manner, watched)
            resources = frozenset(accesses)
        reopens = self._reopens_several(accesses) if accesses else self._reopens(step, how, place, resource)
        symbol = Symbol(step, how, place, resources, accesses, reopens)
        self.symbols.append(symbol)
        if symbol.may_fail:
            watching = resources or (resource,) if watched is None else map(self._resource, watched)
            for one in watching:
                self._wait(number, symbol, one)
            self._waiting_anywhere.append(number)
        self.numbers(how)[step if watched is None else step._replace(affects=watched)] = number
        return number

    def _resource(self, name: str) -> int:
        resource = self._resources.setdefault(name, len(self._resources))
        if resource == len(self._waiting):
            if resource == self.most_resources:
                raise TooManySteps(f"more than {resource} resources, the last {name!r}: {_NAME_THEM_WELL}")
            self._waiting.append(_Waiting())
            self._reopened_with.append([])
        return resource

    def _place(self, step: Step, resource: int) -> tuple[int, frozenset[int]]:
        if step.private or step.affects == ():
            return NOWHERE, frozenset()
        if step.everywhere:
            return EVERYWHERE, frozenset()
        if step.affects is None and not step.also:
            return resource, frozenset({resource})
        return SEVERAL, frozenset(map(self._resource, step.resources))

    def _accesses(self, step: Step, manner: Manner) -> Accesses:
        accesses: dict[int, tuple[int, int]] = {}
        makes = manner not in (Manner.REFUSED, Manner.GAVE_BACK)
        for action, name in step.accesses:
            visible = step.visibility(action).value if makes else Visibility.NOBODY.value
            before, noticed = accesses.get(self._resource(name), (visible, Visibility.EVERYBODY.value))
            accesses[self._resource(name)] = max(visible, before), min(_notices(action, manner), noticed)
        return accesses

    def _watches(self, step: Step, manner: Manner, watched: tuple[str, ...]) -> Accesses:
        """Return the accesses of a step that is put off until one of these resources changes.

        The step comes after the change that ends its wait, also where it does not access what was changed. If it
        commuted with that, a search could take it for a way to begin an execution in which the change comes later.
        """
        notices = _notices(step.action, manner)
        looks = {self._resource(name): (Visibility.NOBODY.value, notices) for name in watched}
        return looks if step.private else {**looks, **self._accesses(step, manner)}

    def _reopens_several(self, accesses: Accesses) -> list[int]:
        """Return the list of the symbols that wait for one of several resources, which grows from now on."""
        changed = [resource for resource, (visible, _) in accesses.items() if visible]
        reopens = list(dict.fromkeys(symbol for one in changed for symbol in self._waiting[one].everybody))
        for resource in changed:
            self._reopened_with[resource].append(reopens)
        return reopens

    def _reopens(self, step: Step, how: How, place: int, resource: int) -> list[int]:
        waiting = self._waiting[resource]
        if how.manner is Manner.GAVE_BACK:
            return waiting.attempts
        if not _changes(step, how.manner):
            return []
        if place in (EVERYWHERE, SEVERAL):
            return self._waiting_anywhere
        return waiting.changers if step.uncommitted else waiting.everybody

    def _wait(self, number: int, symbol: Symbol, resource: int) -> None:
        waiting = self._waiting[resource]
        waiting.everybody.append(number)
        for reopens in self._reopened_with[resource]:
            reopens.append(number)
        if symbol.notices == Visibility.CHANGERS:
            waiting.changers.append(number)
        if not symbol.postponed and not symbol.step.uncommitted:
            waiting.attempts.append(number)

    def commute(self, one: int, other: int) -> bool:
        """Whether the order of two steps, given by their symbols, can make no difference."""
        return self.symbols[one].commutes_with(self.symbols[other])


def describe_step(step: Step) -> str:
    """Return a step in two words: what is done, and to which resource."""
    return f"{step.action.value} {step.shown}"
