"""What a Python process tells of SQLite: a statement is one step, and so is each wait for a database that is locked.

All calls that SQLite makes for a statement on the files of its databases are part of the step; others are not, since
functions of the user's own may be called in the middle of it. What SQLite finds locked it tries again after a sleep.
Whoever sleeps there waits until the lock can be had, or until its time-out is over in virtual time; then its tries go
on at once, and fail. Where SQLite would come to a sleep at once, having locked nothing, its first try is kept.

Whoever has read in a transaction goes on reading the same, and whoever may write sees what nobody else changes. So only
the first read and the first change of a transaction concern others, and the kernel knows of both by the locks.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Final

from ticketlab.core.file_names import LINKS
from ticketlab.core.sql_statements import Verb
from ticketlab.core.steps import Access, Action, Step
from ticketlab.gate.calls.call import Made, Reply, StoppedCall
from ticketlab.gate.calls.statement_steps import CHANGES, Asked, StatementSteps, ToldDatabase, step_of
from ticketlab.gate.database_locks import DatabaseLocks, LockLevel, locks_of
from ticketlab.gate.processes import Task
from ticketlab.gate.sight import Sight

_BETWEEN: Final = "\x1f"
_TO_THE_END: Final = 1.0  # seconds, of whom nobody knows how long it waits
_DONE: Final = Reply(0)
_OTHERS: Final = (Verb.NOTHING, Verb.ATTACH, Verb.DETACH)
_TOUCHES: Final = frozenset({Action.READ, Action.WRITE, Action.APPEND, Action.TRUNCATE, Action.ACQUIRE})


def ask(sight: Sight, task: Task, fields: Sequence[str]) -> StoppedCall | None:
    """Return the step of what is about to be asked of a connection; None if it is none, or not yet."""
    what, state, timeout, files, mode, *sql = fields
    databases = [found for file in files.split(_BETWEEN) if (found := _database(sight, file)) is not None]
    if not databases or any(sight.by_calls(each.data) for each in databases):
        return None
    asked = Asked(what, "t" in state, "a" in state, float(timeout), mode, "\t".join(sql))
    task.statement = statement = ToldStatement(sight, task, databases, asked)
    return statement.first()


def came_to(_sight: Sight, task: Task, fields: Sequence[str]) -> None:
    """Take down what came of a statement."""
    statement, task.statement = task.statement, None
    if isinstance(statement, ToldStatement):
        failed, changed, in_transaction, tables = fields
        known = [each for each in tables.split(_BETWEEN) if each]
        statement.end(failed, known, changed=changed == "1", in_transaction=in_transaction == "1")


def in_statement(sight: Sight, task: Task, call: StoppedCall, *, looks: bool) -> StoppedCall:
    """Return a call as part of the statement that its thread has told, if it has; `looks` says that it only looks."""
    if isinstance(statement := task.statement, ToldStatement):
        return statement.takes(call)
    if call.step.action in _TOUCHES and not looks:
        sight.databases.called.add(call.step.resource)
    return call


def _database(sight: Sight, file: str) -> ToldDatabase | None:
    file = os.path.realpath(file)
    place = sight.place(file)
    if place is None:
        return None
    data = place.path
    with suppress(OSError):
        data = sight.names.data(os.stat(file), place)
    sight.databases.told.add(data)
    return ToldDatabase(file, data, place)


class ToldStatement:
    """A statement, or whatever else is asked of a connection, until it is done.

    `granted` says whether its last wait ended since it could go on. `step` is the most that it does to others, and
    `late` what it does as soon as it makes a call on the databases, if it is no step before.
    """

    def __init__(self, sight: Sight, task: Task, databases: Sequence[ToldDatabase], asked: Asked) -> None:
        self._sight, self._task = sight, task
        locks = [locks_of(each.file, task.process.pid) for each in databases]
        self._steps = StatementSteps(databases, locks, asked)
        self._made: Made | None = None
        self._granted = True
        self._expired = False
        self._refused: Callable[[], bool] | None = None
        self.step: Step | None = None
        self.late: Step | None = None
        self.late_at_locks = False

    def first(self) -> StoppedCall | None:
        """Return the step that is made before the first call; None if there is none, or if it comes later."""
        if self._steps.asked.what == "connect":
            return self._connecting()
        accesses = list(self._steps.accesses())
        what, verb = self._steps.asked.what, self._steps.verb
        if what == "fetch" and accesses and accesses[0][0] is Action.FINISH:
            self.late, self.late_at_locks = step_of(accesses), True
        elif what == "execute" and (verb in _OTHERS or self._steps.is_deferred):
            self.late = self._steps.any_read()
        elif accesses or verb in (Verb.READ, *CHANGES):
            self.step = self._steps.named(accesses, [])
            return self._stands(self.step)
        return None

    def _connecting(self) -> StoppedCall:
        """Return the step of opening a database, which may create it; SQLite looks at no more than its header."""
        database = self._steps.databases[0]
        there = os.path.exists(database.file)
        step = database.place.step(Action.LOOK if there else Action.CREATE)

        def found() -> Made:
            exists = os.path.exists(database.file)
            return Made(database.place.step(Action.LOOK if exists else Action.CREATE))

        return StoppedCall(step, found=found, attempt=lambda: _DONE, came=self.came)

    # Waiting

    def _stands(self, step: Step) -> StoppedCall:
        waits = self._steps.asked.timeout > 0 and self._may_wait()
        self._granted = not waits

        def attempt() -> Reply | None:
            if waits and self._has_to_wait():
                return None
            self._granted = True
            return _DONE

        return StoppedCall(step, waits=waits, attempt=attempt, until=self._steps.asked.timeout, came=self.came)

    def _may_wait(self) -> bool:
        """Whether SQLite may find the database locked while it has locked nothing of it."""
        if not self._steps.asked.alone or any(locks.mine for locks in self._steps.locks):
            return False
        return self._steps.verb in (Verb.READ, Verb.CHANGE, Verb.DEFINE) or self._steps.verb is Verb.BEGIN

    def _has_to_wait(self) -> bool:
        """Whether SQLite would come to a sleep at once."""
        for database in self._steps.databases:
            locks = locks_of(database.file, self._task.process.pid)
            keeps = LockLevel.KEEPING if self._steps.verb is Verb.READ else LockLevel.WRITING
            if locks.others >= keeps:
                return True
        return False

    def refused(self, is_refused: Callable[[], bool]) -> None:
        """Take down how it can be asked whether a lock that the kernel refuses is still another's."""
        self._refused = is_refused

    def asleep(self) -> StoppedCall | None:
        """Return the wait of whom SQLite has sent to sleep, until it tries again; None if its time is over."""
        if not self._granted:
            self._expired = True
        if self._expired or (self.step is None and self.late is None):
            return None
        self.step = self._cut_short(self.step or self.late)
        self._granted, refused, since = False, self._refused, self._sight.databases.statements
        self._refused = None

        def attempt() -> Reply | None:
            if refused() if refused is not None else self._sight.databases.statements == since:
                return None
            self._granted = True
            self._sight.databases.statements += 1
            return _DONE

        return StoppedCall(
            self.step, waits=True, attempt=attempt, until=self._steps.asked.timeout or _TO_THE_END, came=self.came
        )

    def _cut_short(self, step: Step | None) -> Step:
        """Take down what the part before a wait was, and return what comes after it.

        It has changed nothing, or it keeps new readers out from now on until it can be committed.
        """
        assert step is not None, "whoever has made calls on a database has made a step"
        now = [self._now(each) for each in self._steps.databases]
        keeping = [
            each for each, locks in zip(self._steps.databases, now, strict=True) if locks.mine is LockLevel.KEEPING
        ]
        claims = keeping and max(locks.mine for locks in self._steps.locks) < LockLevel.KEEPING
        self._steps.locks = now
        if claims:
            self._made = Made(self._steps.claiming(keeping, step.path))
            return self._steps.any_commit(keeping) if self._steps.commits_at_once or step.affects == () else step
        self._made = Made(step, refused=True)
        return step if step.affects is None else self._steps.any_commit(self._steps.databases)

    def _now(self, database: ToldDatabase) -> DatabaseLocks:
        return locks_of(database.file, self._task.process.pid)

    # Its calls, and its end

    def takes(self, call: StoppedCall) -> StoppedCall:
        """Return a call of its thread as part of the statement, if it is on one of the databases."""
        step = call.step
        if step.private or call.ends or call.came is not None or not self._owns(step):
            return call
        if self.late is not None and (step.action.holds or not self.late_at_locks):
            self.step, self.late = self.late, None
            return StoppedCall(self.step, came=self.came)
        return StoppedCall(step, inner=True)

    def maps(self, descriptor: int) -> bool:
        """Whether a descriptor is of a file that SQLite maps for itself."""
        file = self._sight.opened(self._task.process, descriptor)
        return file is not None and any(each.owns(file.name) for each in self._steps.databases)

    def _owns(self, step: Step) -> bool:
        names = [resource.removeprefix(LINKS) for action, resource in step.accesses if action is not Action.ENTER]
        return all("etilqs_" in name or any(each.owns(name) for each in self._steps.databases) for name in names)

    def came(self) -> Made | None:
        """Return what the step has turned out to be, if that is known by now."""
        made, self._made = self._made, None
        return made

    def end(self, failed: str, tables: Sequence[str], *, changed: bool, in_transaction: bool) -> None:
        """Take down what came of it."""
        self._sight.databases.statements += 1
        if self.step is None or self._steps.asked.what == "connect":
            return
        before = self._steps.locks
        now = [self._now(each) for each in self._steps.databases]
        if self._steps.verb is Verb.EXCLUDE and not self._steps.sets_the_same(now):
            self._tell_of_logs(before)
        same = self._steps.asked.alone and [one.mine for one in now] == [one.mine for one in before]
        if failed:
            self._made = self._failed(failed, tables, unchanged=same and not (in_transaction and changed))
        elif self._steps.verb is Verb.EXCLUDE and self._steps.sets_the_same(now):
            self._made = Made(self._steps.any_read())
        elif self._steps.spilled(now):
            self._made = Made(self._steps.any_commit(self._steps.databases))
        else:
            self._made = self._done(tables, changed=changed)

    def _tell_of_logs(self, before: Sequence[DatabaseLocks]) -> None:
        """Tell that something depended on who has a database with a log open, which no step says."""
        for database, locks in zip(self._steps.databases, before, strict=True):
            if locks.has_log:
                sentence = f"the log of {database.data} was ended or copied, and who had it open then is not seen"
                self._sight.outside[sentence] = None

    def _done(self, tables: Sequence[str], *, changed: bool) -> Made:
        steps = self._steps
        idle = steps.verb is Verb.CHANGE and not changed and not steps.statement.returns
        known = list(steps.tables(tables, Action.READ if idle else None))
        step = steps.named(list(self._accesses_before(tables)), known, idle=idle)
        return Made(step, refused=idle and steps.commits_at_once)

    def _accesses_before(self, tables: Sequence[str]) -> Iterator[Access]:
        """Yield what was announced, and of a change whether it only inserted rows."""
        assert self.step is not None
        if self.step.affects == ():
            return
        inserts = bool(tables) and all(each[0] in "rRiI" for each in tables) and any(each[0] in "iI" for each in tables)
        for action, resource in self.step.accesses:
            first = resource in [each.data for each in self._steps.databases]
            yield (Action.INSERT if inserts and first and action is Action.WRITE else action, resource)

    def _failed(self, failed: str, tables: Sequence[str], *, unchanged: bool) -> Made:
        assert self.step is not None
        known = list(self._steps.tables(tables, Action.LOOK))
        step = self._steps.named(list(self._accesses_before(())), known)
        if failed == "busy":
            return Made(self.step, refused=unchanged)
        return Made(step._replace(path=f"{step.shown} → {failed}"), refused=unchanged)
