"""Objects in the server of a `multiprocessing` manager: each call of a proxy is one message, and one step.

So `d["n"] += 1` is two steps. A call that would wait in the server is tried there without waiting.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from queue import Empty, Full
from typing import Any, Final, Literal

from ticketlab.core import pacing
from ticketlab.core.errors import UsageError
from ticketlab.core.pacing import BLOCKED, Action, Blocked, Step
from ticketlab.probes.here import shared
from ticketlab.probes.shared.keyed import part_step, whole_step, written_key
from ticketlab.probes.shared.pulses import Pulse
from ticketlab.probes.shared.reachable import Put
from ticketlab.probes.shared.registry import SharedObject
from ticketlab.probes.standins import StandIn
from ticketlab.probes.waiting import TIMED_OUT, try_once, wait_for

_LOOKS: Final = frozenset(
    {
        *("__contains__", "__getitem__", "__getattribute__", "__len__", "__iter__", "__add__", "__mul__", "__rmul__"),
        *("__reversed__", "__repr__", "__str__", "#GETVALUE", "copy", "get", "items", "keys", "values"),
        *("count", "index", "is_set", "empty", "full", "qsize"),
    }
)
_OF_PART: Final = frozenset(
    {
        *("__contains__", "__getitem__", "__setitem__", "__delitem__", "get", "pop", "setdefault"),
        *("__getattribute__", "__setattr__", "__delattr__"),
    }
)

Call = Callable[..., Any]


class Proxy(SharedObject):
    """An object in a server, whose calls change it unless they are known to look; nobody can put it back."""

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.call: Call = value._callmethod

    def attach(self, name: str, put: Put | None) -> None:
        """Be known by the server's own name as well, since there may be several proxies."""
        super().attach(name, put)
        _by_token[self.value._token.id] = self

    def detach(self) -> None:
        """Be known no more."""
        _by_token.pop(self.value._token.id, None)

    def part(self, method: str, args: Any) -> str | None:
        """Return the part that a call concerns, as people write it after the name; None if it is the whole."""
        return None

    def perform(self, call: Call, method: str, args: Any, kwds: Any) -> Any:
        """Make a call, as a step."""
        action = Action.READ if method in _LOOKS else Action.WRITE
        part = self.part(method, args)
        step = whole_step(action, self.name) if part is None else part_step(action, self.name, part)
        pacing.at(step)
        return call(method, args, kwds)


class _Kept(Proxy):
    """An object whose whole state the server gives away, and takes back."""

    def save(self) -> Any:
        """Ask for a copy."""
        return self.call("#GETVALUE")

    def content(self) -> bytes:
        """Return the copy as text."""
        return repr(self.save()).encode()


class Dict(_Kept):
    """A dict."""

    def part(self, method: str, args: Any) -> str | None:
        """Return the key."""
        return written_key(args[0]) if method in _OF_PART else None

    def restore(self, saved: Any) -> None:
        """Fill it anew."""
        self.call("clear")
        self.call("update", (saved,))

    def content(self) -> bytes:
        """Return what is in it, whatever the order."""
        return repr(sorted(self.save().items(), key=repr)).encode()

    def inside(self, saved: Any) -> list[tuple[Any, str]]:
        """Return the values, which may be proxies."""
        return [(value, self.name + written_key(key)) for key, value in saved.items()]


class List(_Kept):
    """A list; places move, so each call concerns the whole."""

    def restore(self, saved: Any) -> None:
        """Fill it anew."""
        self.call("__setitem__", (slice(None), saved))

    def inside(self, saved: Any) -> list[tuple[Any, str]]:
        """Return the items, which may be proxies."""
        return [(value, f"{self.name}[{place}]") for place, value in enumerate(saved)]


class Array(_Kept):
    """An array, which has a fixed length."""

    def part(self, method: str, args: Any) -> str | None:
        """Return the place."""
        return f"[{args[0]}]" if method in _OF_PART and isinstance(args[0], int) else None

    def restore(self, saved: Any) -> None:
        """Put each number back."""
        for place, number in enumerate(saved):
            self.call("__setitem__", (place, number))


class Value(_Kept):
    """A single value."""

    def perform(self, call: Call, method: str, args: Any, kwds: Any) -> Any:
        """Get or set it, as a step."""
        pacing.at(Step(Action.WRITE if method == "set" else Action.READ, self.name))
        return call(method, args, kwds)

    def save(self) -> Any:
        """Return it."""
        return self.call("get")

    def restore(self, saved: Any) -> None:
        """Set it."""
        self.call("set", (saved,))


class Namespace(_Kept):
    """An object with attributes."""

    def part(self, method: str, args: Any) -> str | None:
        """Return the attribute."""
        return f".{args[0]}" if method in _OF_PART else None

    def save(self) -> dict[str, Any]:
        """Return its attributes."""
        return dict(vars(super().save()))

    def restore(self, saved: dict[str, Any]) -> None:
        """Have these attributes and no others."""
        for name in self.save().keys() - saved.keys():
            self.call("__delattr__", (name,))
        for name, value in saved.items():
            self.call("__setattr__", (name, value))


class Lock(Proxy):
    """A lock or a semaphore."""

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.kind = value._token.typeid

    def attach(self, name: str, put: Put | None) -> None:
        """Know its steps."""
        super().attach(name, put)
        signal = self.kind.endswith("Semaphore") and self.save() == 0
        self.taking = Step(Action.RECEIVE if signal else Action.ACQUIRE, name, excludes=self.kind == "Lock")
        self.giving = Step(Action.RELEASE, name)

    def perform(self, call: Call, method: str, args: Any, kwds: Any) -> Any:
        """Acquire or release it."""
        if method == "release":
            pacing.at(self.giving)
            return call(method, args, kwds)
        block, timeout = (*args, *(True, None)[len(args) :]) if len(args) < 2 else args[:2]

        def attempt() -> Literal[True, Blocked.BLOCKED]:
            return True if call("acquire", (False,)) else BLOCKED

        if not block or timeout == 0:
            return try_once(self.taking, attempt) is True
        return wait_for(self.taking, attempt, timeout if timeout is None or timeout > 0 else None) is not TIMED_OUT

    def save(self) -> int:
        """Return how many can take it."""
        free = 0
        while self.call("acquire", (False,)):
            free += 1
            if self.kind in ("Lock", "RLock"):
                break
        for _ in range(free):
            self.call("release")
        return free

    def restore(self, saved: int) -> None:
        """Have so many be able to take it; raises UsageError if nobody can give it back."""
        free = self.save()
        if free < saved and self.kind == "RLock":
            raise UsageError(f"{self.name} was left locked, and only who has locked an RLock can give it back")
        for _ in range(free, saved):
            self.call("release")
        for _ in range(saved, free):
            self.call("acquire", (False,))

    def content(self) -> bytes:
        """Return how many can take it."""
        return b"%d" % self.save()


class Event(Proxy):
    """An event; who waits goes on once it is set, even if it is cleared again at once."""

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.pulse = Pulse()

    def perform(self, call: Call, method: str, args: Any, kwds: Any) -> Any:
        """Look, set, clear or wait."""
        if method != "wait":
            actions = {"set": Action.SET, "clear": Action.CLEAR}
            pacing.at(Step(actions.get(method, Action.READ), self.name))
            if method == "set":
                self.pulse.happen()
            return call(method, args, kwds)
        look = Step(Action.AWAIT, self.name)
        pacing.at(look)
        if call("is_set"):
            return True
        before = self.pulse.times
        timeout = args[0] if args else None
        return wait_for(look, lambda: True if self.pulse.times > before else BLOCKED, timeout) is True

    def save(self) -> bool:
        """Return whether it is set."""
        return bool(self.call("is_set"))

    def restore(self, saved: bool) -> None:
        """Set or clear it."""
        self.call("set" if saved else "clear")

    def content(self) -> bytes:
        """Return whether it is set."""
        return b"set" if self.save() else b"not set"


class Queue(Proxy):
    """A queue, and how much of it is not done."""

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.unfinished, self.pulse = Pulse(), Pulse()

    def attach(self, name: str, put: Put | None) -> None:
        """Know its steps."""
        super().attach(name, put)
        self.tasks = f"tasks of {name}"
        self.sending = Step(Action.SEND, name, also=((Action.NOTIFY, self.tasks),))
        self.receiving = Step(Action.RECEIVE, name)

    def perform(self, call: Call, method: str, args: Any, kwds: Any) -> Any:
        """Put, get, or look."""
        own: dict[str, Call] = {
            "put": self._put,
            "put_nowait": lambda call, item: self._put(call, item, block=False),
            "get": self._get,
            "get_nowait": lambda call: self._get(call, block=False),
            "task_done": self._task_done,
            "join": self._join,
        }
        if method not in own:
            pacing.at(Step(Action.READ, self.name))
            return call(method, args, kwds)
        return own[method](call, *args, **kwds)

    def _put(self, call: Call, item: Any, block: bool = True, timeout: float | None = None) -> None:
        if _waited(self.sending, partial(_unless, Full, call, "put", (item, False)), block, timeout) is None:
            raise Full
        self.unfinished.happen()

    def _get(self, call: Call, block: bool = True, timeout: float | None = None) -> Any:
        got = _waited(self.receiving, partial(_unless, Empty, call, "get", (False,)), block, timeout)
        if got is None:
            raise Empty
        return got[0]

    def _task_done(self, call: Call) -> None:
        pacing.at(Step(Action.NOTIFY, self.tasks))
        call("task_done")
        self.unfinished.happen(-1)
        if not self.unfinished.times:
            self.pulse.happen()

    def _join(self, call: Call) -> None:
        look = Step(Action.AWAIT, self.tasks)
        pacing.at(look)
        if self.unfinished.times:
            before = self.pulse.times
            wait_for(look, lambda: True if self.pulse.times > before else BLOCKED)

    def save(self) -> list[Any]:
        """Return what is in it."""
        items = []
        while self.call("qsize"):
            items.append(self.call("get_nowait"))
        for item in items:
            self.call("put", (item,))
        return items

    def restore(self, saved: list[Any]) -> None:
        """Have it hold that, and nothing be under way."""
        while self.call("qsize"):
            self.call("get_nowait")
        for item in saved:
            self.call("put", (item,))
        self.unfinished.happen(len(saved) - self.unfinished.times)

    def content(self) -> bytes:
        """Return what is in it, and how much is not done."""
        return repr((self.save(), self.unfinished.times)).encode()


class Iterator(Proxy):
    """An iterator over something in the server, which it reads."""

    def perform(self, call: Call, method: str, args: Any, kwds: Any) -> Any:
        """Take the next."""
        pacing.at(whole_step(Action.READ, self.name))
        return call(method, args, kwds)


class Unknown(Proxy):
    """An object of a class that the user has registered."""

    def attach(self, name: str, put: Put | None) -> None:
        """Refuse what waits in a way of its own."""
        super().attach(name, put)
        if self.value._token.typeid in ("Condition", "Barrier", "Pool", "AsyncResult"):
            raise UsageError(f"{name} is a {self.value._token.typeid} of a manager, whose waits the lab cannot control")

    def perform(self, call: Call, method: str, args: Any, kwds: Any) -> Any:
        """Make a call, and say that it may have left something for the next execution."""
        pacing.note(pacing.UNSEEN, f"{self.name} is not put back between executions, unless reset does so")
        return super().perform(call, method, args, kwds)


_KINDS: Final[dict[str, type[Proxy]]] = {
    "dict": Dict,
    "list": List,
    "Array": Array,
    "Value": Value,
    "Namespace": Namespace,
    "Event": Event,
    "Iterator": Iterator,
    **dict.fromkeys(("Lock", "RLock", "Semaphore", "BoundedSemaphore"), Lock),
    **dict.fromkeys(("Queue", "JoinableQueue"), Queue),
}

_by_token: dict[str, Proxy] = {}


def _waited(step: Step, attempt: Callable[[], Any], block: bool, timeout: float | None) -> Any:
    """Make an access that waits, waits so long, or does not; None if it could not be made."""
    if not block or (timeout is not None and timeout <= 0):
        made = try_once(step, attempt)
        return None if made is BLOCKED else made
    made = wait_for(step, attempt, timeout)
    return None if made is TIMED_OUT else made


def _unless(refusal: type[Exception], call: Call, method: str, args: Any) -> Any:
    try:
        return (call(method, args),)
    except refusal:
        return BLOCKED


def find_proxy(value: Any) -> SharedObject | None:
    """Return what is behind a proxy."""
    from multiprocessing.managers import BaseProxy

    if not isinstance(value, BaseProxy):
        return None
    token = value._token  # type: ignore[attr-defined]
    return _by_token.get(token.id) or _KINDS.get(token.typeid, Unknown)(value)


def proxy_standins() -> list[StandIn]:
    """Return what stands in for the one method through which all proxies call."""
    from multiprocessing.managers import BaseProxy

    original: Any = BaseProxy._callmethod

    def probe(proxy: Any, method: str, args: Any = (), kwds: Any = {}) -> Any:  # noqa: B006 - as the library has it
        found = _by_token.get(proxy._token.id)
        if found is None:
            raise UsageError(
                f"a {proxy._token.typeid} of a manager was not found before the search: keep its proxy in a variable"
            )
        result = found.perform(partial(original, proxy), method, args, kwds)
        return _named(result, found, method, args)

    return [StandIn(original, shared(original, probe), BaseProxy, "_callmethod")]


def _named(result: Any, found: Proxy, method: str, args: Any) -> Any:
    """Take in a proxy that a call returned: an iterator reads what it goes through, and a part has its place's name."""
    from multiprocessing.managers import BaseProxy

    if not isinstance(result, BaseProxy):
        return result
    token = result._token  # type: ignore[attr-defined]
    kind = _KINDS.get(token.typeid, Unknown)
    if kind is Iterator or token.id not in _by_token:  # the server gives an iterator's number to the next one
        part = "" if kind is Iterator else found.part(method, args) or ""
        kind(result).attach(found.name + part, None)
    return result
