"""What tasks share by asyncio: locks, events, conditions, semaphores, queues, barriers; all are put back."""

from __future__ import annotations

import sys
from copy import copy
from typing import Any, Final

from ticketlab.probes.here import HERE
from ticketlab.probes.kind import ProbeKind
from ticketlab.probes.shared.registry import SharedObject

_COPIED: Final = frozenset({"deque", "list", "set", "dict"})


class AsyncObject(SharedObject):
    """An object of asyncio: all its state stands in its attributes."""

    def save(self) -> dict[str, Any]:
        """Return its attributes."""
        return _copied(vars(self.value))

    def restore(self, saved: dict[str, Any]) -> None:
        """Put its attributes back."""
        vars(self.value).clear()
        vars(self.value).update(_copied(saved))

    def inside(self, saved: dict[str, Any]) -> list[tuple[Any, str]]:
        """Return what it is made of: a condition has a lock."""
        return [(value, f"{name.strip('_')} of {self.name}") for name, value in saved.items()]


def _copied(attributes: dict[str, Any]) -> dict[str, Any]:
    return {name: copy(value) if type(value).__name__ in _COPIED else value for name, value in attributes.items()}


def _find(value: Any) -> SharedObject | None:
    mixins = sys.modules.get("asyncio.mixins")
    if mixins is None or HERE.shared.participant != "task" or not isinstance(value, mixins._LoopBoundMixin):
        return None
    return AsyncObject(value)


KIND = ProbeKind(
    name="tasks",
    summary="what tasks of one event loop share by asyncio",
    standins=lambda: (),
    find=_find,
)
