"""Statements that wait in a PostgreSQL server for somebody's lock, where the lab controls the schedule.

In an exploration nobody may wait in the operating system. A statement is sent; then the server either answers, or says
that the statement waits: with `log_lock_waits` it sends a message when it has looked for a deadlock and found none
(`deadlock_timeout` after the wait began). So no time-out of the lab decides what is blocked, and a deadlock is an
answer like any other.

A statement that waits stays in the server's queue, as it would in a live race. When a lock is given back, several may
be let go at once, and then race for the row within the server. So the server's process of a statement that waits is
stopped (SIGSTOP), and goes on only when its buyer is picked: who is first is a choice of the schedule. A server that
the lab has not started is not stopped. There, executions in which several wait for one row may not repeat themselves.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import Enum
from functools import partial
from select import select
from typing import Any, Final, Generic, Literal, NoReturn, TypeVar, cast
from weakref import ref

import psycopg
from psycopg import errors, sql
from psycopg.abc import PQGen
from psycopg.waiting import READY_R, READY_W, WAIT_R, Ready

from ticketlab.core import pacing
from ticketlab.core.pacing import BLOCKED, Blocked
from ticketlab.core.steps import TABLE, Action, Step
from ticketlab.core.system.living import is_alive

T = TypeVar("T")

OBSERVED: Final = {
    "deadlock_timeout": "1ms",
    "log_lock_waits": "on",
    "client_min_messages": "log",
    "lc_messages": "C",
    "enable_indexscan": "off",
    "enable_bitmapscan": "off",
}
"""The settings of connections in an exploration. Tables are read whole: at SERIALIZABLE a look at a page of an index
conflicts with whoever puts a new version of a row into it, and whether an update has to do that depends on the room
that was left before.
"""
_CONNECTED: Final = sql.SQL("""
    SELECT a.application_name, a.pid, EXISTS (SELECT FROM pg_locks AS l WHERE l.pid = a.pid AND NOT l.granted)
    FROM pg_stat_activity AS a
    WHERE a.application_name LIKE {name} AND a.pid <> pg_backend_pid()
""")
"""Who is connected, by which process of the server, and whether that waits for a lock."""

_MOMENT: Final = 0.0003
"""How long to listen before the server is asked, in seconds: whoever may go on mostly answers sooner than it is asked.
Nothing but speed depends on it.
"""

_WAITS: Final = "SELECT count(*) FROM pg_locks WHERE pid = %s AND NOT granted"


class Observer:
    """A second connection, by which a process asks the server what it does for the buyers of a store."""

    def __init__(self, connection: psycopg.Connection[Any], name: str, *, alone: bool, stops: bool) -> None:
        """Take a connection, and how the application names of the store's connections begin.

        `alone` says that all buyers are in this process, `stops` that the server's processes may be stopped.
        """
        self._connection = connection
        self._connected = _CONNECTED.format(name=sql.Literal(f"{name} %"))
        self._alone = alone
        self.stops = stops

    def waits(self, backend: int) -> bool:
        """Return whether a process of the server waits for a lock."""
        row = self._connection.execute(_WAITS, (backend,)).fetchone()
        return row is not None and row[0] > 0

    def ask(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        """Ask the server something, and return its rows."""
        return self._connection.execute(query, values).fetchall()

    def settle(self) -> None:
        """Wait until the server has done with connections of processes that have ended, or these wait for locks."""
        while not self._alone:
            left = [row for row in self._connection.execute(self._connected) if not _lives(row[0])]
            for _, backend, _ in left:
                self.go_on(backend)
            if all(waits for _, _, waits in left):
                break

    def stop(self, backend: int) -> None:
        """Keep a process of the server where it waits."""
        if self.stops:
            with suppress(ProcessLookupError):
                os.kill(backend, signal.SIGSTOP)

    def go_on(self, backend: int) -> None:
        """Let a process of the server go on that was stopped."""
        if self.stops:
            with suppress(ProcessLookupError):
                os.kill(backend, signal.SIGCONT)

    def close(self) -> None:
        """Disconnect."""
        self._connection.close()


class _QueuedAnew(Enum):
    QUEUED_ANEW = "queued anew"


QUEUED_ANEW: Final = _QueuedAnew.QUEUED_ANEW


class WaitingStatements:
    """The statements of one connection, which has been opened with the settings OBSERVED."""

    told_to_wait = False
    """Whether the server has said that the statement that was sent last waits."""
    heard = 0
    """How often the server has said that a statement waits, or does so no more."""
    has_waited = False
    """Whether the statement that was made last had to wait: it stood in a queue, and others behind it."""

    def __init__(self, connection: psycopg.Connection[Any], observer: Observer) -> None:
        """Take a connection, and who asks the server what it does for it."""
        self._connection = ref(connection)  # whose handlers have this
        self.observer = observer
        connection.add_notice_handler(self._hear)

    @property
    def connection(self) -> psycopg.Connection[Any]:
        """The connection."""
        found = self._connection()
        assert found is not None, "whoever makes a statement has it"
        return found

    def _hear(self, message: errors.Diagnostic) -> None:
        said = message.message_primary or ""
        self.heard += 1
        if " still waiting for " in said:
            self.told_to_wait = True
        elif " acquired " in said:
            self.told_to_wait = False

    def make(self, generator: PQGen[T], step: Step, later: Step) -> T:
        """Make a statement at the step that was just announced, and return what psycopg makes of the answer.

        A statement that has to wait has only arrived in the server's queue then, and makes the step `later`.
        """
        self.told_to_wait = self.has_waited = False
        statement = _Statement(self, generator)
        statement.settle()
        if not statement.runs:
            return statement.answer()
        self.has_waited = True
        queued = tuple(access for access in step.also if not access[1].startswith(TABLE))
        arrival = step._replace(action=Action.ARRIVE, uncommitted=True, also=queued)
        try:
            while True:
                self.observer.stop(self.connection.info.backend_pid)
                pacing.made(arrival)
                told: Any = pacing.block(later, statement.attempt, partial(_never, step))
                if told is not QUEUED_ANEW:
                    return cast("T", told)
        except BaseException:
            if statement.runs:
                statement.cancel()
            raise


class _Statement(Generic[T]):
    """A statement that has been sent, with the generator of psycopg that takes its answer."""

    def __init__(self, waiting: WaitingStatements, generator: PQGen[T]) -> None:
        connection, observer = waiting.connection, waiting.observer
        self._waiting = waiting
        self._connection = connection
        self._observer = observer
        self._generator = generator
        self._next: Ready | None = None
        self._socket = connection.pgconn.socket
        self._backend = connection.info.backend_pid
        self._answer: Callable[[], T] | None = None
        self._keeps_waiting = observer.stops  # once told, until somebody else has moved
        self._advance()

    def _advance(self) -> None:
        """Take what the server has sent by now, or send on, as psycopg asks for."""
        try:
            wanted = self._generator.send(self._next)  # type: ignore[arg-type]  # None starts a generator
            self._next = READY_R if wanted == WAIT_R else READY_W
        except StopIteration as end:
            value: T = end.value
            self._answer = lambda: value
        except psycopg.Error as error:
            self._answer = partial(_raise, error)

    @property
    def runs(self) -> bool:
        """Whether it has not been answered."""
        return self._answer is None

    def settle(self) -> None:
        """Wait until it has been answered or waits for a lock."""
        while self.runs and not self._waits():
            if self._next == READY_R:
                select([self._socket], [], [])
            self._advance()

    def _waits(self) -> bool:
        """Whether the server has said that it waits, and it still does.

        Until the turn passes on, nobody gives a lock back: whoever else waits is stopped, unless the server is yours.
        """
        if not self._waiting.told_to_wait:
            return False
        if self._keeps_waiting:
            return not self._has_news(0)
        return not self._has_news(_MOMENT) and self._observer.waits(self._backend) and not self._has_news(0)

    def _has_news(self, seconds: float) -> bool:
        """Whether the server has sent something, or does so within a time."""
        return bool(select([self._socket], [], [], seconds)[0])

    def attempt(self) -> T | Literal[Blocked.BLOCKED] | _QueuedAnew:
        """Let the server go on with it; return the answer, or BLOCKED if it still waits, and is stopped again.

        If it had what it waited for, and now waits for something else, others may notice that: QUEUED_ANEW.
        """
        self._keeps_waiting = False
        heard = self._waiting.heard
        self._observer.settle()
        self._observer.go_on(self._backend)
        self.settle()
        if not self.runs:
            return self.answer()
        if self._waiting.heard != heard:
            return QUEUED_ANEW
        self._observer.stop(self._backend)
        return BLOCKED

    def answer(self) -> T:
        """Return what psycopg makes of the answer, or raise the error that it is."""
        assert self._answer is not None
        return self._answer()

    def cancel(self) -> None:
        """Have the server give up the statement."""
        self._observer.go_on(self._backend)
        self._connection.cancel_safe()
        while self.runs:
            select([self._socket], [], [])
            self._advance()


def _raise(error: Exception) -> NoReturn:
    raise error


def application_name(name: str) -> str:
    """Return the application name of a connection that the calling process opens."""
    return f"{name} {os.getpid()}"


def _lives(name: str) -> bool:
    """Return whether the process lives whose connection has this application name."""
    return is_alive(int(name.rpartition(" ")[2]))


def _never(step: Step) -> NoReturn:
    raise AssertionError(f"{step} would wait in the operating system, though the lab controls the schedule")
