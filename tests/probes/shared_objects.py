"""Right functions under each primitive of `multiprocessing`, and wrong ones, as people write them."""

from __future__ import annotations

import queue
from collections.abc import Callable
from multiprocessing import (
    Array,
    Barrier,
    BoundedSemaphore,
    Condition,
    Event,
    JoinableQueue,
    Lock,
    Pipe,
    Queue,
    RawArray,
    RawValue,
    RLock,
    Semaphore,
    SimpleQueue,
    Value,
)
from typing import Any

total = Value("i", 0)
seats = Array("i", 3)
raw = RawValue("i", 0)
raw_seats = RawArray("d", [0.0, 1.0])
lock, rlock, semaphore, bounded = Lock(), RLock(), Semaphore(1), BoundedSemaphore(1)
signal, changed, ready, both = Semaphore(0), Condition(), Event(), Barrier(2)
items: Any = Queue()
simple: Any = SimpleQueue()
tasks: Any = JoinableQueue()
left_end, right_end = Pipe()
reader, writer = Pipe(duplex=False)


def add() -> None:
    count = total.value
    total.value = count + 1


def under(guard: Any) -> Callable[[], None]:
    def work() -> None:
        with guard:
            add()

    return work


def with_timeout() -> None:
    assert lock.acquire(timeout=5)
    add()
    lock.release()


def twice_locked() -> None:
    with rlock, rlock:
        add()


def own_lock() -> None:
    with total.get_lock():
        total.value += 1


def raw_under_lock() -> None:
    with lock:
        raw.value += 1
        raw_seats[0] += 1


def by_condition(who: int) -> None:
    with changed:
        if who == 1:
            changed.wait_for(lambda: total.value == 1)
        else:
            total.value = 1
            changed.notify_all()


def by_event(who: int) -> None:
    if who == 1:
        total.value = 7
        ready.set()
    else:
        ready.wait()
        assert total.value == 7


def by_barrier(who: int) -> int:
    seats[who - 1] = who
    place = both.wait()
    assert seats[2 - who] == 3 - who
    return place


def by_signal(who: int) -> None:
    if who == 1:
        total.value = 1
        signal.release()
    else:
        signal.acquire()
        assert total.value == 1


def by_queue(who: int, items: Any = items) -> list[int] | None:
    if who == 1:
        for each in (0, 1, None):
            items.put(each)
        return None
    return list(iter(items.get, None))


def by_simple_queue(who: int) -> list[int] | None:
    return by_queue(who, simple)


def by_tasks(who: int) -> None:
    if who == 1:
        tasks.put(2)
        tasks.join()
        assert total.value == 2
    else:
        total.value = tasks.get()
        tasks.task_done()


def by_pipe(who: int) -> str | None:
    if who == 1:
        left_end.send("ping")
        return str(left_end.recv())
    assert right_end.recv() == "ping"
    right_end.send("pong")
    return None


def by_one_way_pipe(who: int) -> None:
    if who == 1:
        writer.send([1, 2])
        writer.close()
    else:
        assert reader.poll(None)
        assert reader.recv() == [1, 2]


def gives_up(who: int) -> str | None:
    if who == 1:
        with total.get_lock():
            total.value = 3
        return None
    try:
        items.get(timeout=3 + total.value)
    except queue.Empty:
        return "gave up"
    return "got one"


RIGHT: dict[str, Callable[..., Any]] = {
    "Lock": under(lock),
    "RLock": twice_locked,
    "Semaphore": under(semaphore),
    "BoundedSemaphore": under(bounded),
    "acquire with a time-out": with_timeout,
    "a semaphore as a signal": by_signal,
    "Value": own_lock,
    "RawValue and RawArray": raw_under_lock,
    "Condition": by_condition,
    "Event": by_event,
    "Barrier and Array": by_barrier,
    "Queue": by_queue,
    "SimpleQueue": by_simple_queue,
    "JoinableQueue": by_tasks,
    "Pipe": by_pipe,
    "Pipe of one way": by_one_way_pipe,
    "a time-out that ends": gives_up,
}


def raw_without_lock() -> None:
    raw.value += 1


def array_without_lock() -> None:
    seats[0] += 1


def opposite_order(who: int) -> None:
    first, second = (lock, rlock) if who == 1 else (rlock, lock)
    with first, second:
        add()


def too_late_to_be_told(who: int) -> None:
    with changed:
        if who == 1:
            changed.wait()
        else:
            changed.notify()


def kept_lock(who: int) -> None:
    lock.acquire()
    if who == 2:
        lock.release()


def released_by_a_stranger(who: int) -> None:
    if who == 1:
        with lock:
            add()
    else:
        lock.release()


def left_alone_at_a_barrier(who: int) -> None:
    if who == 1 or not total.value:
        total.value = who
        both.wait()


own_lock_twice = Value("i", 0, lock=Lock())


def not_reentrant(who: int) -> None:
    with own_lock_twice.get_lock():
        own_lock_twice.value += 1


WRONG: dict[str, tuple[Callable[..., Any], str]] = {
    "Value": (add, "lost update"),
    "RawValue": (raw_without_lock, "lost update"),
    "Array": (array_without_lock, "lost update"),
    "locks in opposite order": (opposite_order, "deadlock"),
    "a notification before the wait": (too_late_to_be_told, "deadlock"),
    "a lock that is kept": (kept_lock, "deadlock"),
    "a lock released by a stranger": (released_by_a_stranger, "exception"),
    "a lock that is no RLock around a Value": (not_reentrant, "deadlock"),
    "a barrier that nobody else comes to": (left_alone_at_a_barrier, "deadlock"),
}
