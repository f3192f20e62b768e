"""A program of transactions as a workload of the lab: its statements are the accesses of a PostgreSQL session."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import psycopg

from ticketlab.core.errors import Conflict
from ticketlab.core.postgres_waits import OBSERVED, Observer, application_name
from ticketlab.core.steps import Action, Step
from ticketlab.explorer.engine.state import ExecutionEnd
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.policies.policy import Policy
from ticketlab.explorer.search import search
from ticketlab.explorer.workload import Performer
from ticketlab.stores.paced_connection import PacedConnection
from ticketlab.stores.postgres_session import PostgresSession

from .postgres_judge import RENEWED, ROWS, Answer, Ending, Row
from .postgres_programs import MAKE_TABLE, Kind, Statement, Transactions

_NAME: Final = "judged"
_RESOURCE: Final = "postgres"
_KEYS: Final = {
    Kind.LOCK: Step(Action.ACQUIRE, _RESOURCE, uncommitted=True),
    Kind.UNLOCK: Step(Action.RELEASE, _RESOURCE, uncommitted=True),
}


class Explored(NamedTuple):
    """The endings that the lab found when it said that nothing is left, and how many executions that took."""

    endings: frozenset[Ending]
    executions: int


class _Undone(Exception):
    """The session rolls back."""


class ScriptedSession(PostgresSession):
    """A session that executes the statements of a program as its accesses."""

    def perform(self, program: Transactions, statements: Sequence[Statement]) -> tuple[Answer, ...]:
        """Execute the statements; return the answers."""
        self.answers: list[Answer] = []
        try:
            with self.transaction(program.isolation.lower()):
                self._inside(statements)
            self.answers.append(Answer("COMMIT"))
        except _Undone:
            self.answers.append(Answer("ROLLBACK"))
        except (Conflict, psycopg.Error) as error:
            self.answers.append(Answer(_code(error), failed=True))
        self._serializable = False
        for each in _after_end(statements):
            self.answers.append(self._access(_KEYS[each.kind], self._doing(each.sql)))
        return tuple(self.answers)

    def _inside(self, statements: Sequence[Statement]) -> None:
        steps = {Kind.READ: self._reading, Kind.WRITE: self._writing, **_KEYS}
        for each in statements:
            match each.kind:
                case Kind.COMMIT:
                    return
                case Kind.ROLLBACK:
                    raise _Undone
            self.answers.append(self._access(steps[each.kind], self._doing(each.sql)))

    def _doing(self, sql: str) -> Callable[[], Answer]:
        return lambda: _answer(self._execute(sql))


def _code(error: Exception) -> str:
    cause = error.__cause__ if isinstance(error, Conflict) else error
    assert isinstance(cause, psycopg.Error)
    return cause.sqlstate or "?"


def _after_end(statements: Sequence[Statement]) -> Sequence[Statement]:
    ends = (place for place, each in enumerate(statements) if each.kind in (Kind.COMMIT, Kind.ROLLBACK))
    return statements[next(ends) + 1 :]


def _answer(cursor: Any) -> Answer:
    rows = cursor.fetchall() if cursor.description else []
    return Answer(cursor.statusmessage or "", tuple(tuple(map(_text, row)) for row in rows))


def _text(value: object) -> str:
    return {True: "t", False: "f"}[value] if isinstance(value, bool) else str(value)


class TransactionsWorkload:
    """The sessions of a program; each is a participant with one request."""

    def __init__(self, program: Transactions, folder: Path) -> None:
        """Take a program, and the folder of the server's socket."""
        self._program = program
        self._folder = folder
        self._resets = 0
        self.scripts: Sequence[Sequence[Any]] = [[statements] for statements in program.sessions]

    def open(self) -> Sequence[Callable[[], None]]:
        """Connect those who observe and reset."""
        self._own = self._connect()
        self._observer = Observer(self._connect(), _NAME, alone=True, stops=True)
        return ()

    def _connect(self) -> PacedConnection:
        name = application_name(_NAME)
        address = f"host={self._folder} user=postgres dbname=postgres"
        options = " ".join(f"-c {setting}={value}" for setting, value in OBSERVED.items())
        return PacedConnection.connect(address, autocommit=True, application_name=name, options=options)

    @contextmanager
    def join(self, buyer: int) -> Iterator[Performer]:
        """Connect, and yield what executes a session's statements."""
        connection = self._connect()
        try:
            connection.be_observed(self._observer)
            session = ScriptedSession(connection, ledger=False, advisory_key=0)
            yield lambda statements: session.perform(self._program, statements)
        finally:
            connection.give_up()
            connection.close()

    def reset(self) -> None:
        """Put the opening rows back."""
        if self._resets % RENEWED == 0:
            self._own.execute(MAKE_TABLE)
        self._resets += 1
        self._own.execute(self._program.reset)

    def rows(self) -> tuple[Row, ...]:
        """Return all rows."""
        return _answer(self._own.execute(ROWS)).rows

    def close(self) -> None:
        """Disconnect."""
        self._observer.close()
        self._own.close()


def explore(program: Transactions, folder: Path, policy: Policy) -> Explored:
    """Run all executions of a policy."""
    workload = TransactionsWorkload(program, folder)
    endings: set[Ending] = set()
    executions = 0
    with Inline(workload) as executor:
        for execution in search(executor, policy):
            executions += 1
            if execution.ending is not ExecutionEnd.COMPLETED:
                raise AssertionError(f"an execution ended {execution.ending.name}, after {execution.steps}")
            by_session = {record.buyer: record.outcome for record in execution.records}
            answers = tuple(by_session[who] for who in range(len(program.sessions)))
            if failed := [each for each in answers if isinstance(each, Exception)]:
                raise failed[0]
            endings.add(Ending(answers, workload.rows()))
    return Explored(frozenset(endings), executions)
