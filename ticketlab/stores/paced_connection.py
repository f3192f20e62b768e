"""A psycopg connection that gives up the processor where a statement has to wait for somebody's lock."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import psycopg
from psycopg import pq
from psycopg.abc import PQGen

from ticketlab.core.postgres_waits import Observer, WaitingStatements
from ticketlab.core.steps import Step

T = TypeVar("T")


class PacedConnection(psycopg.Connection[Any]):
    """A connection whose statements wait as the installed pacer says."""

    observer: Observer | None = None
    """Who asks the server; None in a live race, where a statement waits in the operating system."""
    has_waited = False
    """Whether a statement within the last `making` had to wait: it stood in a queue, and others behind it."""
    _statements: WaitingStatements
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
        self._statements, self.observer = WaitingStatements(self, observer), observer

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
        try:
            return self._statements.make(gen, step, self._later)
        finally:
            self.has_waited |= self._statements.has_waited
