"""What the statements of one connection are: which steps they make, and what they have locked afterwards."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from sqlite3 import Connection, Cursor
from typing import Any, TypeVar
from weakref import ref

from ticketlab.core import pacing
from ticketlab.core.pacing import UNCHANGED, UNTRIED
from ticketlab.core.sql_statements import Statement, Verb, parsed
from ticketlab.core.steps import Action, Step
from ticketlab.probes.here import HERE
from ticketlab.probes.sqlite.databases import Level, TablesTouched, known, learn
from ticketlab.probes.sqlite.maintenance import Maintenance
from ticketlab.probes.sqlite.transactions import BY_LEVEL, LEVEL, is_active, is_refused, mode_of

T = TypeVar("T")


def fail_without_transaction(sql: str) -> Any:
    """Fail as SQLite does if a statement is to end a transaction and none is open."""
    with closing(Connection(":memory:")) as another:
        return another.execute(sql)


class StatementRunner(Maintenance):
    """The statements of a connection."""

    def execute(self, cursor: Cursor, sql: str, parameters: Any, call: Callable[[], T]) -> T:
        """Make a statement."""
        if id(cursor) in self.busy:
            self._leave_early(cursor)
        self.tell_driver()
        statement = parsed(sql)
        if self.lent:
            call = self._while_lent(cursor, sql, statement, call)
        result = self._by_verb(cursor, sql, statement, parameters, call)
        if is_active(cursor):
            touched = None if statement.is_whole else known(self.databases, sql)
            self.busy[id(cursor)] = None if touched is None else bool(touched.reads or touched.changes)
            if statement.verb is Verb.CHANGE:
                self.changing[id(cursor)] = ref(cursor)
        return result

    def _while_lent(self, cursor: Cursor, sql: str, statement: Statement, call: Callable[[], Any]) -> Callable[[], Any]:
        """Have a statement see what the user knows: that no transaction is open; one that it begins is the lent one."""
        if statement.verb in (Verb.COMMIT, Verb.RELEASE, Verb.ROLLBACK):
            return partial(fail_without_transaction, sql)
        if statement.verb is Verb.BEGIN or (statement.begins and self.drivers_mode() is not None):
            self.lent = False
        return partial(Cursor.execute, cursor, "") if statement.verb is Verb.BEGIN else call

    def _by_verb(self, cursor: Cursor, sql: str, statement: Statement, parameters: Any, call: Callable[[], T]) -> T:
        verb = statement.verb
        if verb in (Verb.READ, Verb.CHANGE, Verb.DEFINE):
            return self._touch(cursor, sql, statement, call)
        if verb in (Verb.COMMIT, Verb.RELEASE):
            return self.commit(call)
        if verb is Verb.ROLLBACK:
            return self.roll_back(call)
        if verb is Verb.BEGIN and statement.mode != "deferred":
            return self._begin(statement.mode, call)
        if verb is Verb.EXCLUDE:
            return self._exclude(cursor, sql, statement, call)
        if verb is Verb.ATTACH:
            return self._attach(sql, parameters, call)
        if statement.setting == "busy_timeout":
            return self._set_timeout(cursor, statement, call)
        result = call()
        if verb is Verb.DETACH:
            self._look_what_is_attached(None)
        return result

    def _touch(self, cursor: Cursor, sql: str, statement: Statement, call: Callable[[], T]) -> T:
        """Make a statement that reads or changes tables."""
        changes = statement.verb is not Verb.READ
        begins = statement.begins and not self.is_open and self.drivers_mode() is not None
        if begins and (mode := str(self.drivers_mode()).lower()) in ("immediate", "exclusive"):
            # a statement that cannot be prepared has the driver begin no transaction
            self._begin(mode, lambda: self.raw(f"BEGIN {mode}"), lambda: Connection.__call__(self.connection, sql))
        alone = changes and not self.is_open and not begins
        touched = None if statement.is_whole else known(self.databases, sql)
        step = self.databases.statement(touched, changes=changes, alone=alone)
        before, was_open = self.connection.total_changes, self.is_open
        make = (lambda: self._alone(cursor, call, lends=statement.returns)) if alone else call
        try:
            result = self._make(step, make, waits=self.databases.waits(touched, changes=changes))
        except sqlite3.Error as error:
            if was_open and not self.is_open:
                self._rolled_back()
            else:
                self._failed(sql, statement, error, alone=alone)
            raise
        if not statement.is_whole:
            touched = touched or learn(self.databases, sql, lambda allow: self._prepare(sql, allow))
        idle = statement.verb is Verb.CHANGE and self.connection.total_changes == before and not is_active(cursor)
        self._made(touched, changes=changes, alone=alone, idle=idle)
        if self.is_open or self.lent or is_active(cursor):
            self.databases.enter(touched, changes=changes)
        if self._claimed:
            self._claimed = False
            self._commit_late(lambda: self.raw("COMMIT"), undo=True)
        return result

    def _made(self, touched: TablesTouched | None, *, changes: bool, alone: bool, idle: bool) -> None:
        """Say what a statement was, now that it is known, also if it was known before: then the step is the same."""
        alone = alone and not self.lent and not self._claimed
        did = Action.READ if idle else None
        if touched is not None and not touched.reads and not touched.changes:
            step = self.databases.nothing
        else:
            step = self.databases.statement(touched, changes=changes, alone=alone, did=did)
        pacing.made(step)
        if idle and alone:
            pacing.note(UNCHANGED, "no row")

    def _failed(self, sql: str, statement: Statement, error: sqlite3.Error, *, alone: bool) -> None:
        """Say what became of a statement that failed, and what it may have locked all the same."""
        if is_refused(error):
            return
        changes = statement.verb is not Verb.READ
        touched = None
        if not statement.is_whole:
            # of what cannot be prepared now nothing counts that was learnt elsewhere: the step depends on the schedule
            touched = learn(self.databases, sql, lambda allow: self._prepare(sql, allow))
        step = self.databases.statement(touched, changes=changes, alone=alone, did=Action.LOOK)
        kind = type(error).__name__
        if self.is_open:
            self.databases.enter(touched, changes=changes, surely=False)
            step = step._replace(path=f"{step.shown} → {kind}")
        pacing.made(step)
        if not self.is_open:
            pacing.note(UNCHANGED, kind)

    def _rolled_back(self) -> None:
        """Take down that a statement has failed and rolled its transaction back, which nobody knew beforehand."""
        back = self.databases.rolling_back()
        if back is not None:
            pacing.made(back)
        pacing.note(UNTRIED, f"a statement of {HERE.called} rolled back: what others do just before it was not tried")
        self._rest()

    def _prepare(self, sql: str, allow: Callable[..., int]) -> None:
        """Prepare a statement under an authorizer, and put the user's own back."""
        Connection.set_authorizer(self.connection, allow)
        try:
            Connection.__call__(self.connection, sql)
        finally:
            own = getattr(self.connection, "authorizer", None)
            Connection.set_authorizer(self.connection, own)

    def drivers_mode(self) -> str | None:
        """Return how the driver begins a transaction before a change; None if it does not."""
        if self.begins_none or mode_of(self.connection) != BY_LEVEL:
            return None
        mode: str | None = LEVEL.__get__(self.connection)
        return mode

    def tell_driver(self) -> None:
        """Have the driver begin no transaction, if it is to begin none: it would commit one that is open."""
        if self.begins_none and mode_of(self.connection) == BY_LEVEL and not self._is_open_in_sqlite:
            LEVEL.__set__(self.connection, None)

    def _alone(self, cursor: Cursor, call: Callable[[], T], *, lends: bool) -> T:
        """Make a change that is a transaction of its own.

        Where readers keep it from being committed, SQLite waits and keeps new readers out. So it is made in a
        transaction that the probe begins, and committed late. So is what returns rows, for it commits when the last one
        has been fetched.
        """
        if self.lent:
            return call()
        if not lends:
            try:
                return call()
            except sqlite3.OperationalError as error:
                if not is_refused(error):
                    raise
        self.raw("BEGIN")
        try:
            result = call()
        except BaseException:
            if self.is_open:
                self.raw("ROLLBACK")
            raise
        self.lent = lends and is_active(cursor)
        if not self.lent:
            self._commit_alone()
        return result

    def _begin(self, mode: str, call: Callable[[], T], prepare: Callable[[], object] = bool) -> T:
        """Begin a transaction with the right to change things, after what comes first at the same step."""

        def begin() -> T:
            prepare()
            return call()

        def reserve() -> None:
            prepare()
            self.raw("BEGIN IMMEDIATE")

        waits = self.databases.waits(None, changes=True)
        if mode == "exclusive" and self.timeout > 0 and not self.is_open:
            self._begin_at(self.databases.beginning(exclusive=False), reserve, waits=waits)
            return self._keep_readers_out(call)
        return self._begin_at(self.databases.beginning(exclusive=mode == "exclusive"), begin, waits=waits)

    def _begin_at(self, step: Step, call: Callable[[], T], *, waits: bool) -> T:
        try:
            result = self._make(step, call, waits=waits)
        except sqlite3.Error as error:
            if self.is_open:  # SQLite locks what it is to lock before it sees that
                for file in self.databases.files.values():
                    file.hold(Level.WRITING, surely=False)
            elif not is_refused(error):  # a statement that cannot be prepared, for which none is begun
                pacing.made(self.databases.statement(None, changes=False))
                pacing.note(UNCHANGED, type(error).__name__)
            raise
        for file in self.databases.files.values():
            file.hold(Level.WRITING, surely=True)
        return result

    def _keep_readers_out(self, call: Callable[[], T]) -> T:
        """Begin an exclusive transaction, after an immediate one: new readers are kept out, and the others waited for.

        SQLite does so in one statement, in this order.
        """

        def begin() -> T:
            self.raw("ROLLBACK")  # nobody moves before another transaction is begun
            try:
                return call()
            except sqlite3.OperationalError as error:
                if is_refused(error):
                    self._claim()
                raise

        step = self.databases.excluding_readers()
        pacing.at(step)
        try:
            return begin()
        except sqlite3.Error as error:
            if not is_refused(error):
                self._rolled_back()
                raise
        pacing.made(self.databases.claiming())
        if len(self.databases.files) > 1:
            pacing.note(UNTRIED, f"{HERE.called} waits for the readers of several databases: how was not tried")
        try:
            return self._make(step, begin, waits=True)
        except sqlite3.OperationalError:
            self._undo(for_readers=True)
            raise

    def _claim(self) -> None:
        """Keep new readers out of the main database, as SQLite does for a commit that waits for those who read."""
        self.raw("BEGIN IMMEDIATE")
        (version,) = self.raw("PRAGMA user_version")
        self.raw(f"PRAGMA user_version = {version}")  # it is never committed: there must be something to commit
        with suppress(sqlite3.OperationalError):
            self.raw("COMMIT")
