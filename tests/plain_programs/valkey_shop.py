"""Functions that sell one seat out of a Valkey server, as people write them with its client."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import Any

import valkey

_SCRIPT = """
local seats = tonumber(redis.call('GET', KEYS[1]))
if seats > 0 then redis.call('SET', KEYS[1], seats - 1) end
return seats
"""


def client() -> Any:
    return valkey.Valkey.from_url(os.environ["VALKEY_URL"])


def reset() -> None:
    client().set("seats", 1)


def one_seat(returned: list[object]) -> bool:
    return returned.count(True) == 1


def read_then_write() -> bool:
    server = client()
    seats = int(server.get("seats"))
    if seats > 0:
        server.set("seats", seats - 1)
    return seats > 0


def watched() -> bool:
    with client().pipeline() as pipe:
        while True:
            pipe.watch("seats")
            seats = int(pipe.get("seats"))
            if seats == 0:
                return False
            pipe.multi()
            pipe.set("seats", seats - 1)
            try:
                pipe.execute()
            except valkey.WatchError:
                continue
            return True


def counted() -> bool:
    return bool(client().decrby("seats", 1) >= 0)


def transacted() -> bool:
    server = client()
    seats = int(server.get("seats"))
    with server.pipeline() as pipe:  # MULTI and EXEC alone guard nothing that was read before
        pipe.set("seats", seats - 1)
        pipe.execute()
    return seats > 0


def scripted() -> bool:
    return bool(client().register_script(_SCRIPT)(keys=["seats"]) > 0)


def locked() -> bool:
    with client().lock("guard"):
        return read_then_write()


def leased() -> bool:
    server = client()
    guard = server.lock("guard", timeout=10)
    guard.acquire()
    sold = read_then_write()
    with suppress(valkey.exceptions.LockError):  # somebody else has it by now
        guard.release()
    return sold


def polled() -> bool:
    server = client()
    while not server.set("guard", "mine", nx=True, px=10_000):
        time.sleep(0.01)
    sold = read_then_write()
    server.delete("guard")
    return sold


def handed_over(who: int) -> Any:
    if who == 1:
        client().rpush("jobs", "first", "second")
        return None
    return [client().blpop("jobs")[1], client().brpop("jobs")[1]]


def starved() -> Any:
    return client().blpop("nothing")


def times_out() -> bool:
    return client().blpop("nothing", timeout=1) is None


def in_a_pipe() -> list[int]:
    with client().pipeline(transaction=False) as pipe:
        pipe.incr("a")
        pipe.incr("b")
        told: list[int] = pipe.execute()
        return told


def with_subscription() -> bool:
    messages = client().pubsub()
    messages.subscribe("news")
    return messages.get_message() is None


def with_time() -> int:
    told: int = client().time()[0]
    client().incr("a")
    return told


def made_anew(who: int) -> bool:
    server, key = client(), f"jobs {who}"
    server.rpush(key, "first")
    server.expire(key, 5)
    server.lpop(key)  # which deletes the list
    server.rpush(key, "second")
    time.sleep(10)
    return bool(server.exists(key))


def renamed(who: int) -> bool:
    server, key = client(), f"held {who}"
    server.set(key, "mine", ex=5)
    server.rename(key, f"kept {who}")
    time.sleep(10)
    return not server.exists(f"kept {who}")


def kept(who: int) -> bool:
    server, key = client(), f"held {who}"
    server.set(key, "mine", ex=5)
    server.getex(key, persist=True)
    time.sleep(10)
    return bool(server.exists(key))


def ended_at_once(who: int) -> bool:
    server, key = client(), f"held {who}"
    server.set(key, "mine", ex=5)
    server.expire(key, -1)
    taken = server.set(key, "mine", nx=True)
    time.sleep(10)
    return bool(taken and server.exists(key))
