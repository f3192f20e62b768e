"""A psycopg connection that gives up the processor where a statement has to wait for somebody's lock.

In an exploration nobody may wait in the operating system. A statement is sent; then the server either answers, or says
that the statement waits: with `log_lock_waits` it sends a message when it has looked for a deadlock and found none
(`deadlock_timeout` after the wait began). So no time-out of the lab decides what is blocked, and a deadlock is an
answer like any other. A statement that waits stays in the server's queue, as it would in a live race, and goes on when
the server lets it. What others do to the queue has settled before anybody makes the next step.

A commit may let several go on at once: those who wait for a row that was updated, or for a key whose holder rolls back,
race for it in the server. So in the lab's own server who waits is stopped by a signal while somebody makes a step, and
they go on one after another, in the order in which they were sent. In a server of yours it stays luck, and a search
that sees its schedules not repeat themselves says so.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from itertools import starmap
from pathlib import Path
from select import select
from typing import Any, Final, Generic, Literal, NoReturn, TypeVar

import psycopg
from psycopg import errors, pq, sql
from psycopg.abc import PQGen
from psycopg.waiting import READY_R, READY_W, WAIT_R, Ready

from ticketlab.core import pacing
from ticketlab.core.errors import UsageError
from ticketlab.core.pacing import BLOCKED, Blocked
from ticketlab.core.steps import Step

T = TypeVar("T")

_SETTINGS: Final = (
    "SET deadlock_timeout = '1ms'",
    "SET log_lock_waits = on",
    "SET client_min_messages = log",
    "SET lc_messages = 'C'",
    "SET enable_indexscan = off",
    "SET enable_bitmapscan = off",
)
"""What an exploration sets. Tables are read whole: at SERIALIZABLE a look at a page of an index conflicts with whoever
puts a new version of a row into it, and whether an update has to do that depends on the room that was left before.
"""
_STATES: Final = sql.SQL("""
    SELECT a.application_name, a.state = 'active', EXISTS (
        SELECT FROM pg_locks AS l
        WHERE l.pid = a.pid AND NOT l.granted AND l.waitstart < clock_timestamp() - interval '3 ms')
    FROM pg_stat_activity AS a
    WHERE {whose} AND a.pid <> pg_backend_pid()
""")
"""Who is connected, whether the server works for it, and whether it waits and has looked for a deadlock by now."""

_QUEUE: Final = sql.SQL("""
    SELECT a.pid FROM pg_stat_activity AS a
    WHERE {whose} AND EXISTS (SELECT FROM pg_locks AS l WHERE l.pid = a.pid AND NOT l.granted)
    ORDER BY a.query_start
""")
"""Who waits for a lock, in the order in which the statements were sent."""

_WAITS: Final = "SELECT count(*) FROM pg_locks WHERE pid = %s AND NOT granted"


class Observer:
    """A second connection, by which a process asks the server what it does for the buyers of a store."""

    def __init__(self, connection: psycopg.Connection[Any], name: str, *, alone: bool, own_server: bool) -> None:
        """Take a connection, and how the application names of the store's connections begin.

        `alone` says that all buyers are in this process, and `own_server` that the lab may stop the server's processes.
        """
        self._connection = connection
        self._all = sql.SQL("a.application_name LIKE {}").format(sql.Literal(f"{name} %"))
        self._queue = _QUEUE.format(whose=self._all)
        self._alone = alone
        self._own_server = own_server
        self.waiting: list[_Statement[Any]] = []  # of this process

    def waits(self, backend: int) -> bool:
        """Return whether a process of the server waits for a lock."""
        row = self._connection.execute(_WAITS, (backend,)).fetchone()
        return row is not None and row[0] > 0

    def settle(self) -> None:
        """Wait until every statement that was sent is answered or waits, and who was killed is gone or waits."""
        if not self._alone:
            self._await_rest(self._all)
        while True:
            heard = [statement.settle() for statement in self.waiting]  # all of them: one may have let another go on
            if not any(heard):
                break

    def _await_rest(self, whose: sql.Composed) -> None:
        """Wait until the connections that meet a condition stay as they are until somebody acts."""
        states = _STATES.format(whose=whose)
        while not all(starmap(_at_rest, self._connection.execute(states))):
            pass

    @contextmanager
    def one_after_another(self) -> Iterator[None]:
        """Have those who wait, and whom the step within lets go on, do so one after another."""
        several = self._own_server and not (self._alone and len(self.waiting) < 2)
        backends = [row[0] for row in self._connection.execute(self._queue)] if several else []
        with ExitStack() as stack:
            if len(backends) > 1:
                for backend in reversed(backends):
                    stack.callback(self._resume, backend)
                    _send_signal(backend, signal.SIGSTOP)
            yield

    def _resume(self, backend: int) -> None:
        _send_signal(backend, signal.SIGCONT)
        self._await_rest(sql.SQL("a.pid = {}").format(sql.Literal(backend)))

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
        self._answer: Callable[[], T] | None = None
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

    def settle(self) -> bool:
        """Wait until it has been answered or waits for a lock; return whether it has heard anything new."""
        heard = False
        while self.runs and not self._waits():
            if self._next == READY_R:
                select([self._socket], [], [])
            self._advance()
            heard = True
        return heard

    def _waits(self) -> bool:
        """Whether the server has said that it waits, and it still does."""
        told = self._connection.told_to_wait and self._observer.waits(self._connection.info.backend_pid)
        return told and not select([self._socket], [], [], 0)[0]

    def attempt(self) -> T | Literal[Blocked.BLOCKED]:
        """Return the answer, or BLOCKED."""
        self._observer.settle()
        self.settle()
        return BLOCKED if self.runs else self.answer()

    def answer(self) -> T:
        """Return what psycopg makes of the answer, or raise the error that it is."""
        assert self._answer is not None
        return self._answer()

    def cancel(self) -> None:
        """Have the server give up the statement."""
        self._connection.cancel_safe()
        while self.runs:
            select([self._socket], [], [])
            self._advance()


def _send_signal(process: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # it has ended by now, or the server has been killed
        os.kill(process, number)


def _raise(error: Exception) -> NoReturn:
    raise error


def application_name(name: str) -> str:
    """Return the application name of a connection that the calling process opens."""
    return f"{name} {os.getpid()}"


def _at_rest(name: str, active: bool, waits: bool) -> bool:
    """Whether a connection stays as it is until somebody acts: the server ends one whose process has ended."""
    return waits or (not active and _lives(name))


def _lives(name: str) -> bool:
    """Return whether the process lives whose connection has this application name."""
    try:
        state = Path(f"/proc/{name.rpartition(' ')[2]}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


class PacedConnection(psycopg.Connection[Any]):
    """A connection whose statements wait as the installed pacer says."""

    observer: Observer | None = None
    """Who asks the server; None in a live race, where a statement waits in the operating system."""
    told_to_wait = False
    _step: Step | None = None

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._opened_by = os.getpid()

    def __del__(self, *_: object) -> None:
        """Close it in the process that opened it: a copy of a store is never closed, and a forked child has copies."""
        if self._opened_by == os.getpid():
            self.close()

    def be_observed(self, observer: Observer) -> None:
        """Have the server say when a statement waits, and do the same for the same schedule.

        Raises:
            UsageError: the role may not ask for that.
        """
        try:
            for setting in _SETTINGS:
                self.execute(setting)
        except errors.InsufficientPrivilege as error:
            raise UsageError(
                f"exploring PostgreSQL takes a role that may set log_lock_waits and deadlock_timeout: {error}"
            ) from error
        self.add_notice_handler(self._hear)
        self.observer = observer

    def _hear(self, message: errors.Diagnostic) -> None:
        said = message.message_primary or ""
        if " still waiting for " in said:
            self.told_to_wait = True
        elif " acquired " in said:
            self.told_to_wait = False

    @contextmanager
    def making(self, step: Step) -> Iterator[None]:
        """Say which step the statements within the context make: one that has to wait goes on in another such step."""
        if self.observer is not None:
            self.observer.settle()
        self._step = step
        try:
            yield
        finally:
            self._step = None

    def end(self) -> None:
        """Disconnect; a transaction that is open has been rolled back when this returns."""
        with suppress(psycopg.Error):
            if self.info.transaction_status != pq.TransactionStatus.IDLE:
                self.execute("ROLLBACK")
        self.close()

    def wait(self, gen: PQGen[T], *args: Any, **settings: Any) -> T:
        """Run a statement, as psycopg does, or up to where it has to wait for a lock."""
        observer, step = self.observer, self._step
        if observer is None:
            return super().wait(gen, *args, **settings)
        with observer.one_after_another():
            if step is None:
                return super().wait(gen, *args, **settings)
            self.told_to_wait = False
            statement = _Statement(self, observer, gen)
            statement.settle()
        if not statement.runs:
            return statement.answer()
        observer.waiting.append(statement)
        try:
            return pacing.block(step, statement.attempt, partial(_never, step))
        except BaseException:
            if statement.runs:
                statement.cancel()
            raise
        finally:
            observer.waiting.remove(statement)


def _never(step: Step) -> NoReturn:
    raise AssertionError(f"{step} would wait in the operating system, though the lab controls the schedule")
