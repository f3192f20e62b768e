"""`psycopg_pool.ConnectionPool` without its threads: whoever asks for a connection opens one, up to the pool's size."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, Final

from ticketlab.core import pacing
from ticketlab.core.pacing import BLOCKED, UNTRIED
from ticketlab.core.steps import Action, Step
from ticketlab.probes.here import HERE, probed
from ticketlab.probes.standins import StandIn
from ticketlab.probes.waiting import TIMED_OUT, wait_for

_ANY: Final = "pool of connections"
"""The resource of all pools: each has another name in each execution, if it is made there."""


def of_pool(wait: Callable[..., Any]) -> Iterator[StandIn]:
    """Yield what stands in for the pool's methods; `wait` makes a connection's statement as a step."""
    module = sys.modules.get("psycopg_pool")
    if module is None:
        return
    pool = module.ConnectionPool

    def put(self: Any, connection: Any) -> None:
        _put(self, connection, wait)

    for name, probe in (("_open", _open), ("close", _close), ("wait", _nothing), ("getconn", _get), ("putconn", put)):
        original = getattr(pool, name)
        yield StandIn(original, probed(original, probe), pool, name)
    null = module.NullConnectionPool
    yield StandIn(null.wait, probed(null.wait, _nothing), null, "wait")


def _nothing(*_: Any, **__: Any) -> None:
    """Wait for nothing: connections are opened when they are asked for."""


def _open(pool: Any, *_: Any, **__: Any) -> None:
    pool._closed, pool._opened = False, True


def _close(pool: Any, *_: Any, **__: Any) -> None:
    pool._closed = True
    for connection in _idle(pool):
        _end(connection)
    _idle(pool).clear()


def _end(connection: Any) -> None:
    """Close a connection, as the participant would."""
    HERE.go_on()
    try:
        connection.close()
    finally:
        HERE.acting = False


def _idle(pool: Any) -> list[Any]:
    """Return the connections that this process has opened and that nobody uses."""
    if getattr(pool, "_ticketlab_in", 0) != os.getpid():
        pool._ticketlab_in, pool._ticketlab_idle, pool._ticketlab_used = os.getpid(), [], 0
    idle: list[Any] = pool._ticketlab_idle
    return idle


def _get(pool: Any, timeout: float | None = None) -> Any:
    pool._check_open_getconn()
    if pool._check or pool._configure or pool._reset:
        pacing.note(UNTRIED, f"{HERE.called} uses a pool with functions of yours, whose statements are not told apart")

    def attempt() -> Any:
        idle = [each for each in _idle(pool) if not each.closed]
        if not idle and 0 < pool.max_size <= pool._ticketlab_used:  # 0 is no limit
            return BLOCKED
        found = idle.pop() if idle else _new(pool)
        pool._ticketlab_used += 1
        pool._ticketlab_idle = idle
        return found

    seconds = pool.timeout if timeout is None else timeout
    found = BLOCKED if HERE.shared.in_one_process else attempt()
    if found is BLOCKED:  # others may take one, or give one back
        mine = (Action.READ, f"wait of {HERE.who} for a pool")  # another one may have what this one has not
        step = Step(Action.ACQUIRE, _ANY, in_memory=True, also=(mine,))
        found = wait_for(step, attempt, seconds, changes=True)
    if found is TIMED_OUT:
        raise sys.modules["psycopg_pool"].PoolTimeout(f"couldn't get a connection after {seconds:.2f} sec")
    found._pool = pool
    return found


def _new(pool: Any) -> Any:
    conninfo, options = (each() if callable(each) else each for each in (pool.conninfo, pool.kwargs))
    found = pool.connection_class.connect(conninfo, **(options or {}))
    if pool._configure:
        pool._configure(found)
    return found


def _put(pool: Any, connection: Any, wait: Callable[..., Any]) -> None:
    """Take a connection back, or close it if the pool keeps none; a transaction that is open on it is rolled back."""
    if not connection.closed and connection.info.transaction_status:
        wait(connection, connection._rollback_gen())
    if HERE.shared.in_one_process:
        pacing.at(Step(Action.RELEASE, _ANY, in_memory=True))
    connection._pool = None
    idle = _idle(pool)
    pool._ticketlab_used -= 1
    if pool._closed or isinstance(pool, sys.modules["psycopg_pool"].NullConnectionPool):
        _end(connection)
    elif not connection.closed:
        idle.append(connection)
