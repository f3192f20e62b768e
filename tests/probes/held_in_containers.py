"""Containers and partials that hold what is shared: each makes a function that gets a guard and a number back."""

from __future__ import annotations

import functools
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable
from typing import Any

Held = tuple[Any, Any]


def dictionary(lock: Any, cell: Any) -> Callable[[], Held]:
    held = {"lock": lock, 7: OrderedDict(cell=cell)}
    return lambda: (held["lock"], held[7]["cell"])


def default_dictionary(lock: Any, cell: Any) -> Callable[[], Held]:
    held: dict[str, Held] = defaultdict(lambda: (lock, cell))
    return lambda: held["any"]


def lists(lock: Any, cell: Any) -> Callable[[], Held]:
    held = [[lock], [cell]]
    return lambda: (held[0][0], held[1][0])


def double_ended_queue(lock: Any, cell: Any) -> Callable[[], Held]:
    held = deque([lock, cell])
    return lambda: (held[0], held[-1])


def tuples(lock: Any, cell: Any) -> Callable[[], Held]:
    held = (0, (lock, ("x", cell)))
    return lambda: (held[1][0], held[1][1][1])


def sets(lock: Any, cell: Any) -> Callable[[], Held]:
    held, frozen = {lock}, (frozenset([lock]), cell)
    return lambda: (next(iter(held)) if held else next(iter(frozen[0])), frozen[1])


def partial_arguments(lock: Any, cell: Any) -> Callable[[], Held]:
    return functools.partial(lambda one, other: (one, other), lock, cell)


def partial_keywords(lock: Any, cell: Any) -> Callable[[], Held]:
    return functools.partial(_keywords, one=lock, other=cell)


def _keywords(*, one: Any, other: Any) -> Held:
    return one, other


def partial_of_partial(lock: Any, cell: Any) -> Callable[[], Held]:
    inner = functools.partial(lambda one, other, third: (one, other, third)[:2], lock)
    return functools.partial(functools.partial(inner, cell), third=3)
