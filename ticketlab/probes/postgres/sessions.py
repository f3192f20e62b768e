"""What a connection has locked and changed, and the steps that follow from it.

All statements on one database concern each other, unless both only read. What a transaction changes, readers notice
when it is committed, and other changers at once. At SERIALIZABLE the server keeps in mind who has read what, so there
all that transactions do concerns each other. A statement is one step, however many rows it touches; several rows are
locked one by one, so where others may come in between, that is said to be untried.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final
from weakref import ref

import psycopg
from psycopg import IsolationLevel
from psycopg.pq import TransactionStatus

from ticketlab.core import pacing
from ticketlab.core.errors import UsageError
from ticketlab.core.pacing import UNCHANGED, UNTRIED
from ticketlab.core.postgres_waits import OBSERVED, Observer, WaitingStatements, application_name
from ticketlab.core.servers import OWN_FOLDERS
from ticketlab.core.steps import TABLE, Access, Action, Step
from ticketlab.core.text import join_words
from ticketlab.probes.here import HERE
from ticketlab.probes.postgres.statements import Effect, SqlEffect

WAIT: Final = psycopg.Connection.wait
_TIMEOUTS: Final = ("lock_timeout", "statement_timeout", "transaction_timeout", "idle_in_transaction_session_timeout")
_NO_TIMEOUTS: Final = "; ".join(f"SET {name} = 0" for name in _TIMEOUTS[:2])
_ACTIONS: Final = {
    Effect.READ: Action.READ,
    Effect.CATALOG: Action.READ,
    Effect.LOCK: Action.ACQUIRE,
    Effect.INSERT: Action.INSERT,
    Effect.ADVISE: Action.WRITE,
    Effect.COMMIT: Action.COMMIT,
    Effect.ROLLBACK: Action.ROLLBACK,
    Effect.BACK: Action.ROLLBACK,
}
_OF_ROWS: Final = frozenset({Effect.READ, Effect.LOCK, Effect.INSERT, Effect.CHANGE})
_TRIGGERS: Final = "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal"
_FUNCTIONS: Final = """
    SELECT proname, bool_or(provolatile = 'v'), bool_or(pronamespace <> 'pg_catalog'::regnamespace)
    FROM pg_proc WHERE proname = ANY(%s) GROUP BY proname
"""
_seen: dict[SqlEffect, tuple[bool, bool]] = {}  # whether it has touched several rows, and had to wait
_observers: dict[tuple[int, str], Observer] = {}  # by process and database
_volatile: dict[str, tuple[bool, bool]] = {}  # functions: whether one is volatile, and whether it is a user's


class DatabaseSession:
    """One connection of a participant."""

    def __init__(self, connection: psycopg.Connection[Any], name: str) -> None:
        """Take a connection that no transaction is open on; `name` is how application names of the search begin."""
        info = connection.info
        self._connection = ref(connection)  # so that it ends where the user drops it
        self.pid = os.getpid()
        self.who = HERE.who
        own = info.host in OWN_FOLDERS
        self.resource = "postgres" if own else f"{info.dbname} on {info.host}:{info.port}"
        self._untried: list[str] = []
        self._set_up(name)
        self._waiting = WaitingStatements(connection, self._observer(name, own))
        self._holds = self._reads = self.advises = self._has_savepoint = False
        self._changed: dict[str, None] = {}

    @property
    def connection(self) -> psycopg.Connection[Any]:
        """The connection, which is there as long as anybody uses it."""
        found = self._connection()
        assert found is not None, "somebody uses it"
        return found

    @property
    def is_open(self) -> bool:
        """Whether it is still there, and open."""
        found = self._connection()
        return found is not None and not found.closed

    def _observer(self, name: str, own: bool) -> Observer:
        info = self.connection.info
        key = os.getpid(), info.dsn
        if key not in _observers:
            asking = psycopg.connect(info.dsn, password=info.password or None, autocommit=True)
            _observers[key] = Observer(asking, name, alone=False, stops=own)
            if asking.execute(_TRIGGERS).fetchone() != (0,):
                self._untried.append("a trigger, whose statements are not told apart")
        return _observers[key]

    def _set_up(self, name: str) -> None:
        """Have the server say who waits; raises UsageError if the role may not do that."""
        for setting in _TIMEOUTS:
            if self.raw(f"SHOW {setting}") not in ("0", None):
                self._untried.append(f"{setting}, which is a time of the server's")
        settings = {**OBSERVED, "application_name": application_name(name), **dict.fromkeys(_TIMEOUTS, "0")}
        self.serializable = self.raw("SHOW default_transaction_isolation") == "serializable"
        for setting, value in settings.items():
            if self.raw(f"SET {setting} = '{value}'", quiet=setting == "transaction_timeout") is None:
                raise UsageError(f"the role {self.connection.info.user} of {self.resource} may not set {setting}")

    def raw(self, text: str, *, quiet: bool = False) -> str | None:
        """Execute a statement of the lab's own; return the first value or an empty string, or None if it is refused."""
        result = self.connection.pgconn.exec_(text.encode())
        if result.error_message:
            return "" if quiet else None
        return (result.get_value(0, 0) or b"").decode() if result.ntuples else ""

    @property
    def _status(self) -> TransactionStatus:
        return TransactionStatus(self.connection.pgconn.transaction_status)

    def make(self, call: Callable[[], Any], said: SqlEffect, rows: Callable[[], int], *, begins: bool) -> Any:
        """Make a statement at its step: `call` returns psycopg's generator, `rows` how many rows it came to touch.

        `begins` says that psycopg begins a transaction for it, unless one is open.
        """
        said = self._known(said)
        self.serializable |= said.serializable or self.connection.isolation_level is IsolationLevel.SERIALIZABLE
        self._has_savepoint |= said.opens_savepoint
        within = begins or self._status is not TransactionStatus.IDLE
        for what in (*said.untried, *self._untried):
            pacing.note(UNTRIED, f"{HERE.called} uses {what}")
        if self._status is TransactionStatus.INERROR and not self._has_savepoint:
            said = SqlEffect(Effect.NOTHING)  # it is refused, or ends a transaction that holds nothing any more
        step = self._step(said, within=within)
        if step is None:
            result = self._plainly(call())
            self._settle(said, within=within)
        else:
            result = self._at(step, call, said, within=within)
            self._learn(said, step, rows(), within=within)
        if said.sets_timeout:
            pacing.note(UNTRIED, f"{HERE.called} uses a time-out of the server's")
            self.raw(_NO_TIMEOUTS)
        return result

    def _plainly(self, generator: Any) -> Any:
        return WAIT(self.connection, generator)

    def _known(self, said: SqlEffect) -> SqlEffect:
        """Return what a statement does, with what the server says of the functions that it calls."""
        new = [each for each in said.calls if each not in _volatile]
        if new:
            observer = self._waiting.observer
            _volatile.update(dict.fromkeys(new, (False, False)))
            _volatile.update({name: (volatile, users) for name, volatile, users in observer.ask(_FUNCTIONS, (new,))})
        users = [each for each in said.calls if _volatile[each][1]]
        if users:
            told = f"{join_words(users)}, a function of yours, whose statements are not told apart"
            return said._replace(effect=Effect.EVERYTHING, untried=(*said.untried, told))
        if said.effect in (Effect.NOTHING, Effect.READ) and any(_volatile[each][0] for each in said.calls):
            return said._replace(effect=Effect.EVERYTHING)
        return said

    def _step(self, said: SqlEffect, *, within: bool) -> Step | None:
        """Return the step of a statement; None if nobody can notice it."""
        effect = said.effect
        if effect is Effect.NOTHING:
            return None
        if effect in (Effect.COMMIT, Effect.ROLLBACK, Effect.BACK):
            return self._ending(_ACTIONS[effect])
        return _statement(self.resource, said._replace(untried=()), within, within and self.serializable)

    def _ending(self, action: Action) -> Step | None:
        """Return the step that ends a transaction."""
        if not (self._holds or self._reads):
            return None
        if not self._holds:
            return Step(Action.FINISH, self.resource)
        tables = [(Action.WRITE, TABLE + name) for name in self._changed] if action is Action.COMMIT else []
        return Step(action, self.resource, also=(*self._conflicts(), *tables))

    def _conflicts(self) -> Iterator[Access]:
        if self.serializable:
            yield Action.WRITE, f"conflicts in {self.resource}"

    def _at(self, step: Step, call: Callable[[], Any], said: SqlEffect, *, within: bool) -> Any:
        pacing.at(step)
        self._waiting.observer.settle()
        mine = (Action.READ, f"queue of {HERE.who} in {self.resource}")
        held = self._holds
        try:
            return self._waiting.make(call(), step, step._replace(also=(*step.also, mine)))
        except psycopg.Error as error:
            self._refused(step, said, error, held=held, within=within)
            raise
        finally:
            if self._waiting.has_waited and step.action.looks:
                pacing.note(UNTRIED, f"{HERE.called} waited for a table that somebody changes as a whole")

    def _refused(self, step: Step, said: SqlEffect, error: psycopg.Error, *, held: bool, within: bool) -> None:
        """Take down that a statement was refused: that ends its transaction, and what this held is free."""
        if said.effect in (Effect.LOCK, Effect.CHANGE):
            self._count(said, 0, within=within)
        looked = [access for access in step.also if not access[1].startswith(TABLE)]
        looked += [(Action.LOOK, name) for _, name in step.also if name.startswith(TABLE)]
        refused = step._replace(also=tuple(looked))
        if step.action is Action.COMMIT:
            pacing.made(refused._replace(action=Action.ROLLBACK))
        elif held and step.action.looks:
            pacing.note(UNTRIED, f"{HERE.called} was refused a reading: {type(error).__name__}")
            pacing.made(refused._replace(action=Action.ROLLBACK, uncommitted=True))
        elif held or self._waiting.has_waited:
            pacing.made(refused)
        else:
            pacing.made(refused)
            pacing.note(UNCHANGED, type(error).__name__)
        if not self._has_savepoint:
            self._forget()

    def _learn(self, said: SqlEffect, step: Step, rows: int, *, within: bool) -> None:
        """Take down what a statement has come to."""
        if said.effect in (Effect.CHANGE, Effect.LOCK) and rows == 0 and said.changes:
            tables = tuple((Action.READ, name) if name.startswith(TABLE) else (did, name) for did, name in step.also)
            pacing.made(step._replace(also=tables, path=f"{step.path} (no row)"))
        elif said.effect in (Effect.CHANGE, Effect.LOCK):
            self._count(said, rows, within=within)
        self._settle(said, within=within)

    def _count(self, said: SqlEffect, rows: int, *, within: bool) -> None:
        """Take note that a statement locks several rows, if it ever does and has to wait, or may have to."""
        several, waited = _seen.get(said, (False, False))
        several, waited = _seen[said] = several or rows > 1, waited or self._waiting.has_waited or not within
        if not (several and waited):
            return
        what = join_words([*said.changes, *said.reads]) or self.resource
        pacing.note(
            UNTRIED, f"{HERE.called} locks several rows of {what} in one statement: in which order was not tried"
        )

    def _settle(self, said: SqlEffect, *, within: bool) -> None:
        status = self._status
        if status is TransactionStatus.IDLE:
            self._forget()
        elif within:
            self._reads |= said.effect is Effect.READ
            self._holds |= said.effect not in (Effect.READ, Effect.NOTHING, Effect.CATALOG, Effect.BACK)
            self._holds |= self.serializable and said.effect is Effect.READ
            if said.effect in (Effect.CHANGE, Effect.INSERT, Effect.EVERYTHING):
                self._changed.update(dict.fromkeys(said.changes))
        self.advises |= said.effect in (Effect.ADVISE, Effect.EVERYTHING)

    def _forget(self) -> None:
        self._holds = self._reads = self._has_savepoint = False
        self._changed.clear()

    def leave(self) -> None:
        """Give back, at its step, what the connection holds: it is closed, or its process ends."""
        if self._status is not TransactionStatus.IDLE or self.advises:
            step = Step(Action.ROLLBACK, self.resource) if self.advises else self._ending(Action.ROLLBACK)
            if step is not None:
                pacing.at(step)
            self.give_up()

    def give_up(self) -> None:
        """Give back what the connection holds; nobody is told."""
        self._waiting.observer.go_on(self.connection.pgconn.backend_pid)
        if self._status is not TransactionStatus.IDLE:
            self.raw("ROLLBACK")
        if self.advises:
            self.raw("SELECT pg_advisory_unlock_all()")
        self.advises = False
        self._forget()


@lru_cache(maxsize=4096)
def _statement(resource: str, said: SqlEffect, within: bool, serializable: bool) -> Step:
    """Return the step of a statement, in a transaction or alone."""
    effect = said.effect
    action = _ACTIONS.get(effect, Action.WRITE)
    if effect is Effect.LOCK and not within:
        action = Action.WRITE  # and given back at once
    also: list[Access] = [(Action.WRITE, f"conflicts in {resource}")] if serializable else []
    changed = Action.INSERT if effect is Effect.INSERT else Action.WRITE
    also += [(changed, TABLE + name) for name in said.changes]
    also += [(Action.READ, TABLE + name) for name in said.reads]
    return Step(
        action,
        resource,
        uncommitted=within and effect in (Effect.LOCK, Effect.INSERT, Effect.CHANGE),
        also=tuple(also),
        path=join_words(said.changes or said.reads) or ("advisory lock" if effect is Effect.ADVISE else ""),
    )
