"""Packages for asyncio."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import aiocache
import aiofiles
import aiojobs
import aiolimiter
import aiorwlock
import aiosqlite
import janus
from async_lru import alru_cache
from asyncio_throttle import Throttler

from tests.soak.strangers.kit import use

SHOP = {"sold": 0}
CACHE = aiocache.SimpleMemoryCache()
LOADED: list[int] = []


def fresh() -> None:
    SHOP["sold"] = 0
    RW.loop = None
    LOADED.clear()
    _loaded.cache_clear()
    CACHE._cache.clear()


def both_sold() -> bool:
    return SHOP["sold"] == 2


def loaded_once() -> bool:
    return len(LOADED) == 1


async def _sell() -> None:
    sold = SHOP["sold"]
    await asyncio.sleep(0)
    SHOP["sold"] = sold + 1


class Lock:
    """A lock that is made in the loop that uses it, and once for all tasks."""

    def __init__(self) -> None:
        self.lock: Any = None
        self.loop: Any = None

    def get(self, make: Any) -> Any:
        if self.loop is not asyncio.get_running_loop():
            self.loop, self.lock = asyncio.get_running_loop(), make()
        return self.lock


RW = Lock()


@use("aiorwlock", right=True, options="--tasks 2", reset=fresh, invariant=both_sold)
async def aiorwlock_writer() -> None:
    async with RW.get(aiorwlock.RWLock).writer_lock:
        await _sell()


@use("aiorwlock", right=False, options="--tasks 2", reset=fresh, invariant=both_sold)
async def aiorwlock_reader() -> None:
    async with RW.get(aiorwlock.RWLock).reader_lock:
        await _sell()


@alru_cache(maxsize=8)
async def _loaded() -> int:
    await asyncio.sleep(0)
    LOADED.append(1)
    return 1


@use("async-lru", right=True, options="--tasks 2", reset=fresh, invariant=loaded_once)
async def alru_loads_once() -> int:
    return await _loaded()


@use("aiocache", right=False, options="--tasks 2", reset=fresh, invariant=loaded_once)
async def aiocache_asks_first() -> None:
    if await CACHE.get("n") is None:
        await asyncio.sleep(0)
        LOADED.append(1)
        await CACHE.set("n", 1)


@use("aiocache", right=True, options="--tasks 2", reset=fresh, invariant=loaded_once)
async def aiocache_adds() -> None:
    try:
        await CACHE.add("n", 1)
    except ValueError:
        return
    LOADED.append(1)


@use("aiolimiter", right=True, options="--tasks 2", reset=fresh, invariant=both_sold)
async def aiolimiter_limits() -> None:
    limiter = RW.get(lambda: aiolimiter.AsyncLimiter(1, 60))
    async with limiter:
        SHOP["sold"] += 1


@use("asyncio-throttle", right=True, options="--tasks 2", reset=fresh, invariant=both_sold)
async def throttler_throttles() -> None:
    async with RW.get(lambda: Throttler(rate_limit=1, period=60)):
        SHOP["sold"] += 1


@use("aiojobs", right=True, options="--tasks 2", reset=fresh, invariant=both_sold)
async def aiojobs_spawns() -> None:
    scheduler = aiojobs.Scheduler()
    job = await scheduler.spawn(_sell_at_once())
    await job.wait()
    await scheduler.close()


async def _sell_at_once() -> None:
    SHOP["sold"] += 1


@use("aiofiles", right=True, options="--tasks 2")
async def aiofiles_appends() -> None:
    """Its files are read and written by threads of its own, which are outside control."""
    async with aiofiles.open("count", "a") as file:
        await file.write("1")


@use("aiosqlite", right=True, options="--tasks 2")
async def aiosqlite_connects() -> None:
    async with aiosqlite.connect(Path("shop.db")) as db:
        await db.execute("create table if not exists stock (n integer)")


@use("janus", right=True, options="--tasks 2")
async def janus_queue() -> Any:
    queue: janus.Queue[int] = janus.Queue()
    queue.sync_q.put(threading.get_ident() * 0)
    return await queue.async_q.get()
