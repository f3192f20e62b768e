"""The search for an order of calls, each with an interval and an effect, that explains all that has to be explained."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

State = Any
Effect = Callable[[State], Iterable[State]]
MOST_PLACES: Final = 20_000


class TooHard(Exception):
    """The search has seen more places than it may."""


@dataclass(slots=True)
class Call:
    """Something that takes effect once, at an instant of [start, end] (None: at any time from the start).

    `needed` says whether it must. `alike` names what it does: calls with the same name are interchangeable. `looks`
    says that it never changes the state. `after` is the place of a call that has to come first.
    """

    start: int
    end: int | None
    needed: bool
    effect: Effect
    alike: Hashable
    looks: bool = False
    after: Call | None = None


@dataclass(slots=True)
class Search:
    """One search for an order; `places` counts the configurations that were seen."""

    calls: Sequence[Call]
    needed: list[Call] = field(default_factory=list)
    groups: list[list[Call]] = field(default_factory=list)
    places: set[Hashable] = field(default_factory=set)
    most: int = MOST_PLACES
    bits: dict[int, int] = field(default_factory=dict)
    grouped: dict[int, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.needed = sorted((call for call in self.calls if call.needed), key=lambda call: call.start)
        alike: dict[Hashable, list[Call]] = {}
        for call in self.calls:
            if not call.needed:
                alike.setdefault(call.alike, []).append(call)
        self.groups = [sorted(group, key=lambda call: call.start) for group in alike.values()]
        self.bits = {id(call): 1 << place for place, call in enumerate(self.needed)}
        self.grouped = {
            id(call): (place, number) for place, group in enumerate(self.groups) for number, call in enumerate(group)
        }

    def finds(self, state: State) -> bool:
        """Whether some order explains all calls that are needed."""
        everything = (1 << len(self.needed)) - 1
        waiting = [(everything, (0,) * len(self.groups), state, -1)]
        while waiting:
            left, used, state, time = waiting.pop()
            if not left:
                return True
            key = (left, used, state)
            if key in self.places:
                continue
            self.places.add(key)
            if len(self.places) > self.most:
                raise TooHard
            waiting += self._next(left, used, state, time)
        return False

    def _next(self, left: int, used: tuple[int, ...], state: State, time: int) -> list[tuple[Any, ...]]:
        """Return the configurations one call on; a look that fits here and now is simply taken."""
        rest = [(1 << place, call) for place, call in enumerate(self.needed) if left >> place & 1]
        first_end = min((call.end for _, call in rest if call.end is not None), default=None)
        found: list[tuple[Any, ...]] = []
        for bit, call in rest:
            at = max(time, call.start)
            if (first_end is not None and at > first_end) or self._too_early(call, left, used):
                continue
            after = list(call.effect(state))
            if call.looks and after and at == max(time, 0):
                return [(left & ~bit, used, state, time)]
            found += [(left & ~bit, used, each, at) for each in after]
        for place, group in enumerate(self.groups):
            if used[place] == len(group):
                continue
            call = group[used[place]]
            at = max(time, call.start)
            if (first_end is not None and at > first_end) or self._too_early(call, left, used):
                continue
            more = (*used[:place], used[place] + 1, *used[place + 1 :])
            found += [(left, more, each, at) for each in call.effect(state) if each != state]
        return found

    def _too_early(self, call: Call, left: int, used: tuple[int, ...]) -> bool:
        """Whether what has to come first has not come yet."""
        if call.after is None:
            return False
        if call.after.needed:
            return bool(left & self.bits[id(call.after)])
        group, number = self.grouped[id(call.after)]
        return used[group] <= number
