"""Steps on what has parts: a dict with keys, an array with places. Other parts are other resources.

A step on one part tells those who look at the whole, and notices who changes the whole.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ticketlab.core.steps import Access, Action, Step


@lru_cache(4096)
def part_step(action: Action, whole: str, part: str, also: tuple[Access, ...] = ()) -> Step:
    """Return the step that reads or changes one part, given by how people write it."""
    seen = Action.READ if action.looks else Action.ENTER
    return Step(action, whole + part, also=((seen, whole), *also), in_memory=True)


@lru_cache(4096)
def whole_step(action: Action, whole: str, also: tuple[Access, ...] = ()) -> Step:
    """Return the step that reads or changes all parts at once."""
    return Step(Action.LIST if action.looks else action, whole, also=also, in_memory=True)


def written_key(key: Any) -> str:
    """Return how people write a key after the name of what it is in."""
    return f"[{key!r}]"
