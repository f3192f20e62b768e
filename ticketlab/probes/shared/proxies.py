"""Objects in the server of a `multiprocessing` manager: each call of a proxy is one message, and one step.

So `d["n"] += 1` is two steps. A call that would wait in the server is tried there without waiting.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ticketlab.core import pacing
from ticketlab.core.steps import Action
from ticketlab.probes.shared.keyed import part_step, whole_step
from ticketlab.probes.shared.places import Put
from ticketlab.probes.shared.registry import SharedObject

_LOOKS: Final = frozenset(
    {
        *("__contains__", "__getitem__", "__getattribute__", "__len__", "__iter__", "__add__", "__mul__", "__rmul__"),
        *("__reversed__", "__repr__", "__str__", "#GETVALUE", "copy", "get", "items", "keys", "values"),
        *("count", "index", "is_set", "empty", "full", "qsize"),
    }
)
OF_PART: Final = frozenset(
    {
        *("__contains__", "__getitem__", "__setitem__", "__delitem__", "get", "pop", "setdefault"),
        *("__getattribute__", "__setattr__", "__delattr__"),
    }
)

RemoteCall = Callable[..., Any]


BY_TOKEN: Final[dict[str, Proxy]] = {}
"""What is behind a proxy, by the server's own name for it."""


class Proxy(SharedObject):
    """An object in a server, whose calls change it unless they are known to look; nobody can put it back."""

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.call: RemoteCall = value._callmethod

    def attach(self, name: str, put: Put | None) -> None:
        """Be known by the server's own name as well, since there may be several proxies."""
        super().attach(name, put)
        BY_TOKEN[self.value._token.id] = self

    def detach(self) -> None:
        """Be known no more."""
        BY_TOKEN.pop(self.value._token.id, None)

    def part(self, method: str, args: Any) -> str | None:
        """Return the part that a call concerns, as people write it after the name; None if it is the whole."""
        return None

    def perform(self, call: RemoteCall, method: str, args: Any, kwds: Any) -> Any:
        """Make a call, as a step."""
        action = Action.READ if method in _LOOKS else Action.WRITE
        part = self.part(method, args)
        step = whole_step(action, self.name) if part is None else part_step(action, self.name, part)
        pacing.at(step)
        return call(method, args, kwds)
