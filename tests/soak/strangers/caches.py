"""Caches in memory, used by threads."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import cacheout
import cachetools
import expiringdict
from beaker.cache import CacheManager
from cachelib import SimpleCache
from cachetools.keys import hashkey
from dogpile.cache import make_region

from tests.soak.strangers.kit import add, as_many_as_true, counted, one_two, use, zero

LOCK = threading.Lock()
CONDITION = threading.Condition()
UNLOCKED: cachetools.LRUCache[Any, Any] = cachetools.LRUCache(maxsize=8)
LOCKED: cachetools.LRUCache[Any, Any] = cachetools.LRUCache(maxsize=8)
WITH_CONDITION: cachetools.LRUCache[Any, Any] = cachetools.LRUCache(maxsize=8)


def fresh(folder: Path) -> None:
    zero(folder)
    for cache in (UNLOCKED, LOCKED, WITH_CONDITION):
        cache.clear()
    SIMPLE.clear()
    REGION.delete("n")
    SHARED.clear()
    EXPIRING.clear()


SIMPLE = SimpleCache()
REGION = make_region().configure("dogpile.cache.memory")
SHARED = cacheout.Cache()
EXPIRING = expiringdict.ExpiringDict(max_len=8, max_age_seconds=60)


def once(folder: Path) -> bool:
    return (folder / "count").read_text() == "1"


@cachetools.cached(UNLOCKED)
def _loaded_unlocked() -> int:
    return add()


@cachetools.cached(LOCKED, lock=LOCK)
def _loaded_locked() -> int:
    return add()


@cachetools.cached(WITH_CONDITION, condition=CONDITION)
def _loaded_with_condition() -> int:
    return add()


@use("cachetools", right=False, options="--threads 2", reset=fresh, invariant=once)
def cachetools_without_lock() -> None:
    _loaded_unlocked()


@use("cachetools", right=False, options="--threads 2", reset=fresh, invariant=once)
def cachetools_with_lock() -> None:
    """The lock guards the cache and not the call, so it may be called twice."""
    _loaded_locked()


@use("cachetools", right=True, options="--threads 2", reset=fresh, invariant=once)
def cachetools_with_condition() -> None:
    _loaded_with_condition()


@use("cachetools", right=True, options="--threads 2", reset=fresh, invariant=once)
def cachetools_under_ones_own_lock() -> None:
    with LOCK:
        if hashkey("a") not in LOCKED:
            LOCKED[hashkey("a")] = add()


@use("cachelib", right=True, options="--threads 2", reset=fresh, returned=one_two)
def simple_cache_inc() -> int | None:
    return SIMPLE.inc("n")


@use("cachelib", right=True, options="--threads 2", reset=fresh, invariant=as_many_as_true)
def simple_cache_add() -> bool:
    if SIMPLE.add("owner", "me"):
        add()
        return True
    return False


@use("cacheout", right=True, options="--threads 2", reset=fresh, invariant=counted)
def cacheout_memoize() -> None:
    with LOCK:
        SHARED.set("n", add())


@use("cacheout", right=False, options="--threads 2", reset=fresh, invariant=once)
def cacheout_get_or_set() -> None:
    if SHARED.get("n") is None:
        SHARED.set("n", add())


@use("expiringdict", right=False, options="--threads 2", reset=fresh, invariant=once)
def expiring_asks_first() -> None:
    if "n" not in EXPIRING:
        EXPIRING["n"] = add()


@use("dogpile.cache", right=True, options="--threads 2", reset=fresh, invariant=once)
def dogpile_in_memory() -> None:
    REGION.get_or_create("n", add)


@use("dogpile.cache", right=False, reset=zero, invariant=once)
def dogpile_in_file() -> int:
    """It looks for each of the files of the database, which another may be about to make."""
    region = make_region().configure("dogpile.cache.dbm", arguments={"filename": "cache.dbm"})
    return int(region.get_or_create("n", add))


@use("beaker", right=True, reset=zero, invariant=once)
def beaker_in_file() -> int:
    manager = CacheManager(type="file", data_dir="data", lock_dir="locks")
    return int(manager.get_cache("n").get(key="n", createfunc=add))
