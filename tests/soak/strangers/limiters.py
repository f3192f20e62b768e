"""Limits of rates."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pybreaker
import ratelimit
import tenacity
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter
from pyrate_limiter import Duration, InMemoryBucket, Limiter, Rate, SQLiteBucket
from token_bucket import Limiter as TokenLimiter
from token_bucket import MemoryStorage as TokenStorage

from tests.soak.strangers.kit import add, as_many_as_true, one_true, use, zero

ONE = parse("1/minute")
STORAGE = MemoryStorage()
FIXED = FixedWindowRateLimiter(STORAGE)
MOVING = MovingWindowRateLimiter(STORAGE)
BREAKER = pybreaker.CircuitBreaker(fail_max=1, reset_timeout=60)
LOCK = threading.Lock()


def fresh(folder: Path) -> None:
    zero(folder)
    STORAGE.reset()
    BREAKER.close()


@use("limits", right=True, options="--threads 2", reset=fresh, invariant=as_many_as_true, returned=one_true)
def limits_fixed_window() -> bool:
    if FIXED.hit(ONE, "key"):
        add()
        return True
    return False


@use("limits", right=True, options="--threads 2", reset=fresh, invariant=as_many_as_true, returned=one_true)
def limits_moving_window() -> bool:
    if MOVING.hit(ONE, "key"):
        add()
        return True
    return False


@use("limits", right=False, options="--threads 2", reset=fresh, returned=one_true)
def limits_test_then_hit() -> bool:
    if FIXED.test(ONE, "key"):
        Path("asked").touch()
        FIXED.hit(ONE, "key")
        return True
    return False


BUCKET = InMemoryBucket([Rate(1, Duration.MINUTE)])
LIMITER = Limiter(BUCKET)


def fresh_bucket(folder: Path) -> None:
    BUCKET.flush()


@use("pyrate-limiter", right=True, options="--threads 2", reset=fresh_bucket, returned=one_true)
def pyrate_in_memory() -> bool:
    return bool(LIMITER.try_acquire("key", blocking=False))


@use("pyrate-limiter", right=True, returned=one_true)
def pyrate_in_sqlite() -> bool:
    bucket = SQLiteBucket.init_from_file([Rate(1, Duration.MINUTE)], db_path="rates.sqlite", use_file_lock=True)
    return bool(Limiter(bucket).try_acquire("key", blocking=False))


@use("ratelimit", right=False, options="--threads 2", reset=zero, invariant=as_many_as_true)
def ratelimit_each_its_own() -> bool:
    """A limit that each call makes for itself limits nothing."""
    try:
        ratelimit.limits(calls=1, period=60)(add)()
        return True
    except ratelimit.RateLimitException:
        return False


@use("ratelimit", right=True, reset=zero)
def ratelimit_in_processes(who: int) -> bool:
    """Each process has a limit of its own, and so each may go on."""
    _limited_alone(who)
    return True


@ratelimit.limits(calls=1, period=60)
def _limited_alone(who: int) -> None:
    Path(f"done.{who}").touch()


TOKENS = TokenStorage()
BUCKETS = TokenLimiter(0.001, 1, TOKENS)


def fresh_tokens(folder: Path) -> None:
    TOKENS._buckets.clear()


@use("token-bucket", right=True, options="--threads 2", reset=fresh_tokens, returned=one_true)
def token_bucket_consume() -> bool:
    return bool(BUCKETS.consume("key"))


@use("pybreaker", right=True, options="--threads 2", reset=fresh)
def pybreaker_guarded() -> bool:
    try:
        BREAKER.call(_fail)
    except (pybreaker.CircuitBreakerError, OSError):
        return False
    return True


def _fail() -> None:
    Path("tried").touch()
    raise OSError("it fails")


def ticket(folder: Path) -> None:
    with closing(sqlite3.connect("shop.db")) as db:
        db.executescript("create table stock (n integer); insert into stock values (1)")


@use("tenacity", right=True, reset=ticket, returned=one_true)
@tenacity.retry(retry=tenacity.retry_if_exception_type(sqlite3.OperationalError), stop=tenacity.stop_after_attempt(3))
def tenacity_around_sqlite() -> bool:
    with closing(sqlite3.connect("shop.db", isolation_level=None, timeout=1)) as db:
        db.execute("begin immediate")
        taken = db.execute("update stock set n = n - 1 where n > 0").rowcount == 1
        db.execute("commit")
        return taken


@use("tenacity", right=True, returned=one_true)
def tenacity_until_unlocked() -> bool:
    @tenacity.retry(wait=tenacity.wait_fixed(0.1), retry=tenacity.retry_if_exception_type(FileExistsError))
    def locked() -> Any:
        return Path("lock").open("x")

    locked().close()
    first = not Path("sold").exists()
    Path("sold").touch()
    Path("lock").unlink()
    return first
