"""Ways: the steps that lead to the reversal of a race, in their order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

What = Any
"""A step, by its symbol in one process and by its name between processes."""

CommuteTest = Callable[[What, What], bool]


class WayStep(NamedTuple):
    """A step of a way: made at a `node` of an execution, after all that its `clock` holds.

    The last step of a way was seen after the step that it is to precede. So it is not known what it will turn out to
    be, which `what` says by None; and its clock holds what came before its participant stood before it.
    """

    who: int
    what: What | None
    node: int
    clock: Sequence[int]

    def renamed(self, naming: Callable[[Any], What]) -> WayStep:
        """Return the step with another name for what it is."""
        return self._replace(what=None if self.what is None else naming(self.what), clock=tuple(self.clock))


Way = Sequence[WayStep]
