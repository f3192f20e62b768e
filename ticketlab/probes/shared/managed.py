"""What a manager's server knows how to keep: dicts, lists, arrays, values, namespaces, locks, events and queues."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from queue import Empty, Full
from typing import Any, Literal

from ticketlab.core import pacing
from ticketlab.core.errors import UsageError
from ticketlab.core.pacing import BLOCKED, Blocked
from ticketlab.core.steps import Action, Step
from ticketlab.probes.shared.contents import content_text
from ticketlab.probes.shared.keyed import whole_step, written_key
from ticketlab.probes.shared.places import Put
from ticketlab.probes.shared.proxies import OF_PART, Proxy, RemoteCall
from ticketlab.probes.shared.pulses import Pulse
from ticketlab.probes.waiting import TIMED_OUT, try_once, wait_for


class _Kept(Proxy):
    """An object whose whole state the server gives away, and takes back."""

    def save(self) -> Any:
        """Ask for a copy."""
        return self.call("#GETVALUE")

    def content(self) -> bytes:
        """Return the copy as text."""
        return content_text(self.save(), frozenset({self.value._token.id})).encode()


class ManagedDict(_Kept):
    """A dict."""

    def part(self, method: str, args: Any) -> str | None:
        """Return the key."""
        return written_key(args[0]) if method in OF_PART else None

    def restore(self, saved: Any) -> None:
        """Fill it anew."""
        self.call("clear")
        self.call("update", (saved,))

    def inside(self, saved: Any) -> list[tuple[Any, str]]:
        """Return the values, which may be proxies."""
        return [(value, self.name + written_key(key)) for key, value in saved.items()]


class ManagedList(_Kept):
    """A list; places move, so each call concerns the whole."""

    def restore(self, saved: Any) -> None:
        """Fill it anew."""
        self.call("__setitem__", (slice(None), saved))

    def inside(self, saved: Any) -> list[tuple[Any, str]]:
        """Return the items, which may be proxies."""
        return [(value, f"{self.name}[{place}]") for place, value in enumerate(saved)]


class ManagedArray(_Kept):
    """An array, which has a fixed length."""

    def part(self, method: str, args: Any) -> str | None:
        """Return the place."""
        return f"[{args[0]}]" if method in OF_PART and isinstance(args[0], int) else None

    def restore(self, saved: Any) -> None:
        """Put each number back."""
        for place, number in enumerate(saved):
            self.call("__setitem__", (place, number))


class ManagedValue(_Kept):
    """A single value."""

    def perform(self, call: RemoteCall, method: str, args: Any, kwds: Any) -> Any:
        """Get or set it, as a step."""
        pacing.at(Step(Action.WRITE if method == "set" else Action.READ, self.name))
        return call(method, args, kwds)

    def save(self) -> Any:
        """Return it."""
        return self.call("get")

    def restore(self, saved: Any) -> None:
        """Set it."""
        self.call("set", (saved,))


class ManagedNamespace(_Kept):
    """An object with attributes."""

    def part(self, method: str, args: Any) -> str | None:
        """Return the attribute."""
        return f".{args[0]}" if method in OF_PART else None

    def save(self) -> dict[str, Any]:
        """Return its attributes."""
        return dict(vars(super().save()))

    def restore(self, saved: dict[str, Any]) -> None:
        """Have these attributes and no others."""
        for name in self.save().keys() - saved.keys():
            self.call("__delattr__", (name,))
        for name, value in saved.items():
            self.call("__setattr__", (name, value))


class ManagedLock(Proxy):
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

    def perform(self, call: RemoteCall, method: str, args: Any, kwds: Any) -> Any:
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


class ManagedEvent(Proxy):
    """An event; who waits goes on once it is set, even if it is cleared again at once."""

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.pulse = Pulse()

    def perform(self, call: RemoteCall, method: str, args: Any, kwds: Any) -> Any:
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


class ManagedQueue(Proxy):
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

    def perform(self, call: RemoteCall, method: str, args: Any, kwds: Any) -> Any:
        """Put, get, or look."""
        own: dict[str, RemoteCall] = {
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

    def _put(self, call: RemoteCall, item: Any, block: bool = True, timeout: float | None = None) -> None:
        if _waited(self.sending, partial(_unless, Full, call, "put", (item, False)), block, timeout) is None:
            raise Full
        self.unfinished.happen()

    def _get(self, call: RemoteCall, block: bool = True, timeout: float | None = None) -> Any:
        got = _waited(self.receiving, partial(_unless, Empty, call, "get", (False,)), block, timeout)
        if got is None:
            raise Empty
        return got[0]

    def _task_done(self, call: RemoteCall) -> None:
        pacing.at(Step(Action.NOTIFY, self.tasks))
        call("task_done")
        self.unfinished.happen(-1)
        if not self.unfinished.times:
            self.pulse.happen()

    def _join(self, call: RemoteCall) -> None:
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


class ManagedIterator(Proxy):
    """An iterator over something in the server, which it reads."""

    def perform(self, call: RemoteCall, method: str, args: Any, kwds: Any) -> Any:
        """Take the next."""
        pacing.at(whole_step(Action.READ, self.name))
        return call(method, args, kwds)


class UnknownObject(Proxy):
    """An object of a class that the user has registered."""

    def attach(self, name: str, put: Put | None) -> None:
        """Refuse what waits in a way of its own."""
        super().attach(name, put)
        if self.value._token.typeid in ("Condition", "Barrier", "Pool", "AsyncResult"):
            raise UsageError(f"{name} is a {self.value._token.typeid} of a manager, whose waits the lab cannot control")

    def perform(self, call: RemoteCall, method: str, args: Any, kwds: Any) -> Any:
        """Make a call, and say that it may have left something for the next execution."""
        pacing.note(pacing.OUT_OF_SIGHT, f"{self.name} is not put back between executions, unless reset does so")
        return super().perform(call, method, args, kwds)


def _waited(step: Step, attempt: Callable[[], Any], block: bool, timeout: float | None) -> Any:
    """Make an access that waits, waits so long, or does not; None if it could not be made."""
    if not block or (timeout is not None and timeout <= 0):
        made = try_once(step, attempt)
        return None if made is BLOCKED else made
    made = wait_for(step, attempt, timeout)
    return None if made is TIMED_OUT else made


def _unless(refusal: type[Exception], call: RemoteCall, method: str, args: Any) -> Any:
    try:
        return (call(method, args),)
    except refusal:
        return BLOCKED
