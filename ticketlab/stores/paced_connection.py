"""A psycopg connection that gives up the processor where a statement has to wait for somebody's lock.

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
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from select import select
from typing import Any, Final, Generic, Literal, NoReturn, TypeVar

import psycopg
from psycopg import errors, pq, sql
from psycopg.abc import PQGen
from psycopg.waiting import READY_R, READY_W, WAIT_R, Ready

from ticketlab.core import pacing
from ticketlab.core.pacing import BLOCKED, Blocked
from ticketlab.core.steps import Action, Step
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


class _Statement(Generic[T]):
    """A statement that has been sent, with the generator of psycopg that takes its answer."""

    def __init__(self, connection: PacedConnection, observer: Observer, generator: PQGen[T]) -> None:
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
        if not self._connection.told_to_wait:
            return False
        if self._keeps_waiting:
            return not self._has_news(0)
        return not self._has_news(_MOMENT) and self._observer.waits(self._backend) and not self._has_news(0)

    def _has_news(self, seconds: float) -> bool:
        """Whether the server has sent something, or does so within a time."""
        return bool(select([self._socket], [], [], seconds)[0])

    def attempt(self) -> T | Literal[Blocked.BLOCKED]:
        """Let the server go on with it; return the answer, or BLOCKED if it still waits, and is stopped again."""
        self._keeps_waiting = False
        self._observer.settle()
        self._observer.go_on(self._backend)
        self.settle()
        if self.runs:
            self._observer.stop(self._backend)
            return BLOCKED
        return self.answer()

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


class PacedConnection(psycopg.Connection[Any]):
    """A connection whose statements wait as the installed pacer says."""

    observer: Observer | None = None
    """Who asks the server; None in a live race, where a statement waits in the operating system."""
    told_to_wait = False
    has_waited = False
    """Whether the statement within the last `making` had to wait: it stood in a queue, and others behind it."""
    _step: Step | None = None
    _later: Step
    _opened_by = 0  # nobody, as long as it is being opened

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._opened_by = os.getpid()

    def __del__(self, *_: object) -> None:
        """Close it in the process that opened it: a copy of a store is never closed, and a forked child has copies."""
        if self._opened_by == os.getpid():
            self.close()

    def be_observed(self, observer: Observer) -> None:
        """Have statements wait as the pacer says; the connection has been opened with the settings OBSERVED."""
        self.add_notice_handler(self._hear)
        self.observer = observer

    def _hear(self, message: errors.Diagnostic) -> None:
        said = message.message_primary or ""
        if " still waiting for " in said:
            self.told_to_wait = True
        elif " acquired " in said:
            self.told_to_wait = False

    @contextmanager
    def making(self, step: Step, later: Step | None = None) -> Iterator[None]:
        """Say which step the statements within the context make.

        A statement that has to wait has only arrived in the server's queue then, and makes the step later, under the
        name of `later` if that is given.
        """
        if self.observer is not None:
            self.observer.settle()
        self._step, self._later, self.has_waited = step, later or step, False
        try:
            yield
        finally:
            self._step = None

    def together(self, *statements: tuple[str, Mapping[str, Any] | None]) -> str:
        """Return statements with their values written out, to be sent at once."""
        cursor = psycopg.ClientCursor(self)
        return "; ".join(cursor.mogrify(query, values) for query, values in statements)

    def give_up(self) -> None:
        """Roll back and give back whatever the connection holds, when this returns."""
        with suppress(psycopg.Error):
            if self.info.transaction_status != pq.TransactionStatus.IDLE:
                self.execute("ROLLBACK")
            self.execute("SELECT pg_advisory_unlock_all()")

    def wait(self, gen: PQGen[T], *args: Any, **settings: Any) -> T:
        """Run a statement, as psycopg does, or up to where it has to wait for a lock."""
        observer, step = self.observer, self._step
        if observer is None or step is None:
            return super().wait(gen, *args, **settings)
        self.told_to_wait = False
        statement = _Statement(self, observer, gen)
        statement.settle()
        if not statement.runs:
            return statement.answer()
        observer.stop(self.info.backend_pid)
        self.has_waited = True
        pacing.made(step._replace(action=Action.ARRIVE, uncommitted=True))
        try:
            return pacing.block(self._later, statement.attempt, partial(_never, step))
        except BaseException:
            if statement.runs:
                statement.cancel()
            raise


def _never(step: Step) -> NoReturn:
    raise AssertionError(f"{step} would wait in the operating system, though the lab controls the schedule")
