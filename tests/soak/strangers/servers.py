"""Locks and pools of servers: a Valkey and a PostgreSQL that the lab starts for each function."""

from __future__ import annotations

import os
from typing import Any

import psycopg
import redis
import redis_lock
from pottery import Redlock
from psycopg_pool import ConnectionPool

from tests.soak.strangers.kit import use


def _client() -> Any:
    return redis.Redis.from_url(os.environ["REDIS_URL"])


def zero_key() -> None:
    with _client() as client:
        client.set("n", 0)


def key_counted(returned: list[Any]) -> bool:
    with _client() as client:
        return int(client.get("n")) == len(returned)


@use("redis", right=True, options="--server valkey", reset=zero_key, invariant=key_counted)
def redis_incr() -> None:
    with _client() as client:
        client.incr("n")


@use("redis", right=False, options="--server valkey", reset=zero_key, invariant=key_counted)
def redis_get_then_set() -> None:
    with _client() as client:
        client.set("n", int(client.get("n")) + 1)


@use("redis", right=True, options="--server valkey", reset=zero_key, invariant=key_counted)
def redis_lock_of_its_own() -> None:
    with _client() as client, client.lock("lock"):
        client.set("n", int(client.get("n")) + 1)


@use("redis", right=True, options="--server valkey", reset=zero_key, invariant=key_counted)
def redis_transaction() -> None:
    with _client() as client:
        client.transaction(lambda pipe: _one_more(pipe), "n")


def _one_more(pipe: Any) -> None:
    count = int(pipe.get("n"))
    pipe.multi()
    pipe.set("n", count + 1)


@use("python-redis-lock", right=True, options="--server valkey", reset=zero_key, invariant=key_counted)
def python_redis_lock() -> None:
    with _client() as client, redis_lock.Lock(client, "lock"):
        client.set("n", int(client.get("n")) + 1)


@use("pottery", right=True, options="--server valkey", reset=zero_key, invariant=key_counted)
def pottery_redlock() -> None:
    with _client() as client, Redlock(key="lock", masters={client}, auto_release_time=60):
        client.set("n", int(client.get("n")) + 1)


def row() -> None:
    with psycopg.connect(os.environ["DATABASE_URL"]) as db:
        db.execute("create table stock (n integer)")
        db.execute("insert into stock values (0)")


def row_counted(returned: list[Any]) -> bool:
    with psycopg.connect(os.environ["DATABASE_URL"]) as db:
        return db.execute("select n from stock").fetchone() == (len(returned),)


@use("psycopg_pool", right=True, options="--server postgres", reset=row, invariant=row_counted)
def pool_update() -> None:
    with ConnectionPool(os.environ["DATABASE_URL"], min_size=1) as pool, pool.connection() as db:
        db.execute("update stock set n = n + 1")


@use("psycopg_pool", right=False, options="--server postgres", reset=row, invariant=row_counted)
def pool_read_then_write() -> None:
    with ConnectionPool(os.environ["DATABASE_URL"], min_size=1) as pool, pool.connection() as db:
        (count,) = db.execute("select n from stock").fetchone()
        db.execute("update stock set n = %s", (count + 1,))
