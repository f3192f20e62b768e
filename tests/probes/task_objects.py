"""Right functions under each primitive of `asyncio`, for two tasks of one event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

lock, other, changed, ready = asyncio.Lock(), asyncio.Lock(), asyncio.Condition(), asyncio.Event()
semaphore, items, both = asyncio.Semaphore(1), asyncio.Queue[int](1), asyncio.Barrier(2)
state = {"n": 0}


def reset() -> None:
    """Put the count back."""
    state["n"] = 0


def both_counted() -> bool:
    """Whether both tasks were counted."""
    return state["n"] == 2


async def add() -> None:
    """Count one, and suspend in the middle."""
    read = state["n"]
    await asyncio.sleep(0)
    state["n"] = read + 1


def under(guard: Any) -> Callable[[], Awaitable[None]]:
    """Return a function that counts under a lock of any kind."""

    async def work() -> None:
        async with guard:
            await add()

    return work


async def by_event(who: int) -> None:
    if who == 1:
        await asyncio.wait_for(ready.wait(), 5)
    await add()
    ready.set()


async def by_condition(who: int) -> None:
    async with changed:
        if who == 1:
            await changed.wait_for(lambda: state["n"])
        await add()
        changed.notify_all()


async def by_barrier(who: int) -> None:
    if who == 1:
        await add()
    await both.wait()
    if who == 2:
        await add()


async def through_a_queue(who: int) -> None:
    if who == 1:
        await add()
        await items.put(1)
    else:
        await items.get()
        await add()


async def within_a_timeout() -> None:
    async with asyncio.timeout(5), lock:
        await add()


async def at_once() -> None:
    state["n"] += 1
    await asyncio.sleep(0)


RIGHT: Final[dict[str, Callable[..., Any]]] = {
    "Lock": under(lock),
    "Semaphore": under(semaphore),
    "Condition": under(changed),
    "Event": by_event,
    "a condition that is waited for": by_condition,
    "Barrier": by_barrier,
    "Queue": through_a_queue,
    "Lock and timeout": within_a_timeout,
    "no await in between": at_once,
}
