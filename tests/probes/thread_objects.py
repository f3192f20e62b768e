"""Right functions under each primitive of `threading` and `queue`, and wrong ones, as people write them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any


class Shop:
    """Keeps a lock in an attribute."""

    def __init__(self) -> None:
        self.lock = Lock()


shop, lock, other, rlock = Shop(), threading.Lock(), Lock(), threading.RLock()
semaphore, bounded, signal = threading.Semaphore(1), threading.BoundedSemaphore(1), threading.Semaphore(0)
changed, ready, both = threading.Condition(), threading.Event(), threading.Barrier(2)
state = {"n": 0}
QUEUES: dict[str, Any] = {
    kind.__name__: kind() for kind in (queue.Queue, queue.LifoQueue, queue.PriorityQueue, queue.SimpleQueue)
}


def reset(folder: Path) -> None:
    state["n"] = 0
    (folder / "count").write_text("0")


def invariant(folder: Path) -> bool:
    return (folder / "count").read_text() == "2"


def add() -> None:
    count = int(Path("count").read_text())
    Path("count").write_text(str(count + 1))


def under(guard: Any) -> Callable[[], None]:
    def work() -> None:
        with guard:
            add()

    return work


def under_attribute() -> None:
    with shop.lock:
        add()


def twice_locked() -> None:
    with rlock, rlock:
        add()


def by_condition(who: int) -> None:
    with changed:
        if who == 1:
            while not state["n"]:
                changed.wait()
            add()
        else:
            add()
            state["n"] = 1
            changed.notify_all()


def by_event(who: int) -> None:
    if who == 1:
        assert ready.wait(5)
        add()
    else:
        add()
        ready.set()


def by_barrier(who: int) -> None:
    if who == 1:
        add()
    both.wait()
    if who == 2:
        add()


def by_signal(who: int) -> None:
    if who == 1:
        add()
        signal.release()
    else:
        signal.acquire()
        add()


def through(items: Any) -> Callable[[int], None]:
    def work(who: int) -> None:
        if who == 1:
            add()
            items.put(1)
        else:
            items.get(timeout=3)
            add()

    return work


def by_tasks(who: int) -> None:
    items = QUEUES["Queue"]
    assert isinstance(items, queue.Queue)
    if who == 1:
        items.put(1)
        items.join()
        add()
    else:
        items.get()
        add()
        items.task_done()


RIGHT: dict[str, Callable[..., Any]] = {
    "Lock": under(lock),
    "Lock in an attribute": under_attribute,
    "RLock": twice_locked,
    "Semaphore": under(semaphore),
    "BoundedSemaphore": under(bounded),
    "a semaphore as a signal": by_signal,
    "Condition": by_condition,
    "Event": by_event,
    "Barrier": by_barrier,
    "join of a queue": by_tasks,
    **{name: through(items) for name, items in QUEUES.items()},
}


def opposite_order(who: int) -> None:
    first, second = (lock, other) if who == 1 else (other, lock)
    with first, second:
        add()


def too_late_to_be_told(who: int) -> None:
    with changed:
        if who == 1:
            changed.wait()
        else:
            changed.notify()


WRONG: dict[str, tuple[Callable[..., Any], str]] = {
    "no lock": (add, "torn read"),
    "locks in opposite order": (opposite_order, "deadlock"),
    "a notification before the wait": (too_late_to_be_told, "deadlock"),
}
