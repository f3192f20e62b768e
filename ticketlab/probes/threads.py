"""What threads of one process share: locks, conditions, events, semaphores and barriers of `threading`, and queues.

Where each participant has a process of its own, these are not shared, and nothing stands in for them.
"""

from __future__ import annotations

import _thread
import queue
import threading
from collections.abc import Callable, Sequence
from functools import wraps
from types import ModuleType
from typing import Any

from ticketlab.core.errors import UsageError
from ticketlab.probes.here import HERE, of_object, probed
from ticketlab.probes.kind import ProbeKind
from ticketlab.probes.shared.registry import SharedObject
from ticketlab.probes.shared.thread_objects import THREAD_CALLS, find_thread_object
from ticketlab.probes.shared.thread_queues import QUEUE_CALLS, find_thread_queue
from ticketlab.probes.standins import StandIn


def _find(value: Any) -> SharedObject | None:
    return find_thread_object(value) or find_thread_queue(value) if HERE.shared.in_one_process else None


def _making(original: Callable[..., Any], *, in_reset: bool) -> Callable[..., Any]:
    """Return what stands in for a call that makes a C object: in a search it makes what stands in for that.

    What packages make in `reset` is their own affair: they may make more of it the first time.
    """

    def make(name: str = "a lock") -> Any:
        made = original()
        found = _find(made)
        if found is None:
            return made
        HERE.shared.adopt(found, name)  # which numbers those that are called alike: they are not one lock
        return found

    @wraps(original)
    def standin(*args: Any, **kwargs: Any) -> Any:
        if HERE.shared.laying_out and in_reset:
            return HERE.shared.make(make, args, kwargs)
        if not HERE.acts():
            return original(*args, **kwargs)
        return make(f"lock made by {HERE.who}")

    return standin


def _created(init: Callable[..., None]) -> Callable[..., None]:
    """Return what stands in for a class's way to make an object, which is taken in when it is made."""

    @wraps(init)
    def standin(self: Any, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        if HERE.shared.laying_out or HERE.acts():
            HERE.shared.created(self, 0 if HERE.shared.laying_out else HERE.who)

    return standin


def _module(lock: Callable[..., Any], rlock: Callable[..., Any]) -> ModuleType:
    """Return the module that stands in for `threading` where the user's modules hold it."""
    module = ModuleType("threading", threading.__doc__)
    vars(module).update({**vars(threading), "Lock": lock, "RLock": rlock})
    return module


def _start(thread: Any) -> None:
    _start_named(f" ({thread.name})")


def _start_bare(*_: Any) -> None:
    _start_named("")


def _start_named(name: str) -> None:
    raise UsageError(
        f"{HERE.called} starts a thread{name}, which takes no part in the schedule: have a "
        "participant of the test do what that does (threads=), or explore the whole program"
    )


def _standins() -> Sequence[StandIn]:
    start = threading.Thread.start
    bare = _thread.start_new_thread
    found = [
        StandIn(start, probed(start, _start), threading.Thread, "start"),
        StandIn(bare, probed(bare, _start_bare)),
    ]
    if not HERE.shared.in_one_process:
        return found
    for mine in (True, False):
        lock, rlock = (_making(each, in_reset=mine) for each in (threading.Lock, threading.RLock))
        makers = ((threading.Lock, lock), (threading.RLock, rlock), (threading, _module(lock, rlock)))
        found += [StandIn(original, standin, users=mine, packages=not mine) for original, standin in makers]
    for owner, names in (*THREAD_CALLS, (queue.Queue, QUEUE_CALLS)):
        found += [StandIn(getattr(owner, name), of_object(getattr(owner, name), name), owner, name) for name in names]
    for kind in (*(owner for owner, _ in THREAD_CALLS if owner is not threading.BoundedSemaphore), queue.Queue):
        found.append(StandIn(kind.__init__, _created(kind.__init__), kind, "__init__"))
    acquire = threading.Semaphore.acquire
    return [*found, StandIn(acquire, of_object(acquire, "acquire"), threading.Semaphore, "__enter__")]


KIND = ProbeKind(
    name="threads",
    summary="what threads of one process share by threading and queue",
    standins=_standins,
    find=_find,
)
