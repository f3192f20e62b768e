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
from typing import Final, NamedTuple

from ticketlab.core.file_names import READERS, FileName
from ticketlab.core.sql_statements import Verb, parsed
from ticketlab.core.steps import TABLE, Access, Action, Step
from ticketlab.core.text import join_words
from ticketlab.gate.calls.call import Made, Reply, StoppedCall
from ticketlab.gate.database_locks import DatabaseLocks, Level, is_of_database, locks_of
from ticketlab.gate.processes import Task
from ticketlab.gate.sight import Sight

_BETWEEN: Final = "\x1f"
_DONE: Final = Reply(0)
_LETTERS: Final = {"r": Action.READ, "w": Action.WRITE, "i": Action.INSERT}
_CHANGES: Final = (Verb.CHANGE, Verb.DEFINE)
_WRITES: Final = frozenset({Action.WRITE, Action.INSERT, Action.BEGIN})


class Database(NamedTuple):
    """A database: its file, the resource that its data is, and its name."""

    file: str
    data: str
    place: FileName

    @property
    def readers(self) -> str:
        """The resource that is who reads it, where readers keep writers waiting."""
        return READERS + self.data

    @property
    def beside(self) -> tuple[Access, ...]:
        """What a change is to the folder: the journal comes and goes."""
        return (Action.LOOK, self.place.name), self.place.entry

    @property
    def looks(self) -> tuple[Access, ...]:
        """The locks that are given up by whoever ends without a word."""
        return tuple((Action.READ, f"record lock on {self.data}{end}") for end in ("", "-shm"))

    def owns(self, resource: str) -> bool:
        """Whether a resource is of its files."""
        return is_of_database(resource, self.data) or is_of_database(resource, self.place.path)


class Asked(NamedTuple):
    """What was asked of a connection.

    `what` says by which kind of method, `in_transaction` whether a transaction was open, `alone` whether its process
    has no other connection to the database, `mode` how the driver begins a transaction before a change.
    """

    what: str
    in_transaction: bool
    alone: bool
    timeout: float
    mode: str
    sql: str


def ask(sight: Sight, task: Task, fields: Sequence[str]) -> StoppedCall | None:
    """Return the step of what is about to be asked of a connection; None if it is none, or not yet."""
    what, state, timeout, files, mode, *sql = fields
    databases = [found for file in files.split(_BETWEEN) if (found := _database(sight, file)) is not None]
    if not databases or any(sight.by_calls(each.data) for each in databases):
        return None
    asked = Asked(what, "t" in state, "a" in state, float(timeout), mode, "\t".join(sql))
    task.statement = statement = Statement(sight, task, databases, asked)
    return statement.first()


def came_to(_sight: Sight, task: Task, fields: Sequence[str]) -> None:
    """Take down what came of a statement."""
    statement, task.statement = task.statement, None
    if isinstance(statement, Statement):
        failed, changed, in_transaction, tables = fields
        known = [each for each in tables.split(_BETWEEN) if each]
        statement.end(failed, known, changed=changed == "1", in_transaction=in_transaction == "1")


def _database(sight: Sight, file: str) -> Database | None:
    file = os.path.realpath(file)
    place = sight.place(file)
    if place is None:
        return None
    data = place.path
    with suppress(OSError):
        data = sight.names.data(os.stat(file), place)
    sight.databases.add(data)
    return Database(file, data, place)


class Statement:
    """A statement, or whatever else is asked of a connection, until it is done.

    `granted` says whether its last wait ended since it could go on. `step` is the most that it does to others, and
    `late` what it does as soon as it makes a call on the databases, if it is no step before.
    """

    def __init__(self, sight: Sight, task: Task, databases: Sequence[Database], asked: Asked) -> None:
        self._sight, self._task, self._databases, self._asked = sight, task, databases, asked
        self._statement = parsed(asked.sql)
        self._locks = [locks_of(each.file, task.process.pid) for each in databases]
        self._made: Made | None = None
        self._granted = True
        self._expired = False
        self._refused: Callable[[], bool] | None = None
        self.step: Step | None = None
        self.late: Step | None = None
        self.late_at_locks = False

    # What it is to others

    @property
    def _verb(self) -> Verb:
        return self._statement.verb if self._asked.what == "execute" else Verb.NOTHING

    @property
    def _begins(self) -> bool:
        return self._statement.begins and not self._asked.in_transaction and bool(self._asked.mode)

    @property
    def _commits_at_once(self) -> bool:
        return self._verb in _CHANGES and not self._asked.in_transaction and not self._begins

    def _level(self, locks: DatabaseLocks) -> Level:
        """Return what the connection surely has locked."""
        return locks.mine if self._asked.alone else Level.NOTHING

    def _most(self, locks: DatabaseLocks) -> Level:
        """Return what the connection has locked at most."""
        return locks.mine if self._asked.alone else max(locks.mine, Level.WRITING)

    def _pairs(self) -> Iterator[tuple[Database, DatabaseLocks]]:
        return zip(self._databases, self._locks, strict=True)

    def first(self) -> StoppedCall | None:
        """Return the step that is made before the first call; None if there is none, or if it comes later."""
        if self._asked.what == "connect":
            return self._connecting()
        accesses = list(self._accesses())
        what, verb = self._asked.what, self._verb
        if what == "fetch" and accesses and accesses[0][0] is Action.FINISH:
            self.late, self.late_at_locks = _step(accesses), True
        elif what == "execute" and (verb is Verb.NOTHING or verb in (Verb.ATTACH, Verb.DETACH) or self._is_deferred):
            self.late = _step(
                [access for each in self._databases for access in ((Action.READ, each.data), *each.looks)]
            )
        elif accesses or verb in (Verb.READ, *_CHANGES):
            self.step = self._named(accesses, [])
            return self._stands(self.step)
        return None

    @property
    def _is_deferred(self) -> bool:
        return self._verb is Verb.BEGIN and self._statement.mode == "deferred"

    def _connecting(self) -> StoppedCall:
        """Return the step of opening a database, which may create it; SQLite looks at no more than its header."""
        database = self._databases[0]
        there = os.path.exists(database.file)
        step = database.place.step(Action.LOOK if there else Action.CREATE)

        def found() -> Made:
            exists = os.path.exists(database.file)
            return Made(database.place.step(Action.LOOK if exists else Action.CREATE))

        return StoppedCall(step, found=found, attempt=lambda: _DONE, came=self.came)

    def _accesses(self) -> Iterator[Access]:
        """Yield what the statement does to whom, by what its process has locked until now."""
        what, verb = self._asked.what, self._verb
        for database, locks in self._pairs():
            if what == "commit" or verb in (Verb.COMMIT, Verb.RELEASE):
                yield from self._committing(database, locks)
            elif what in ("rollback", "close", "fetch") or verb is Verb.ROLLBACK:
                yield from self._ending(database, locks)
            elif verb is Verb.READ:
                if self._level(locks) < Level.READING:
                    yield from ((Action.READ, database.data), *database.looks)
            elif verb in _CHANGES:
                yield from self._changing(database, locks)
            elif verb is Verb.BEGIN and not self._is_deferred:
                yield from ((Action.BEGIN, database.data), *database.beside, *database.looks)
                if self._statement.mode == "exclusive":
                    yield Action.WRITE, database.readers
            elif verb is Verb.EXCLUDE:
                yield from ((Action.WRITE, database.data), (Action.WRITE, database.readers))
                yield from (*database.beside, *database.looks)

    def _changing(self, database: Database, locks: DatabaseLocks) -> Iterator[Access]:
        if self._commits_at_once:
            yield from ((Action.WRITE, database.data), (Action.WRITE, database.readers))
        elif self._level(locks) < Level.WRITING:
            yield Action.WRITE, database.data
            if self._asked.mode.lower() == "exclusive" and self._begins:
                yield Action.WRITE, database.readers
        else:
            return
        yield from (*database.beside, *database.looks)

    def _committing(self, database: Database, locks: DatabaseLocks) -> Iterator[Access]:
        if self._most(locks) >= Level.WRITING:
            yield from ((Action.COMMIT, database.data), (Action.WRITE, database.readers))
            yield from (*database.beside, *database.looks)
        else:
            yield from self._finishing(database, locks)

    def _ending(self, database: Database, locks: DatabaseLocks) -> Iterator[Access]:
        """Yield what it is to roll back, to fetch the last row, or to close a connection."""
        if self._asked.what == "fetch" and self._asked.in_transaction:
            return
        if self._asked.what == "fetch" and self._most(locks) >= Level.WRITING:
            yield from self._committing(database, locks)
        elif self._most(locks) >= Level.WRITING and (self._asked.in_transaction or self._asked.what == "close"):
            yield from ((Action.ROLLBACK, database.data), *database.beside)
            yield from self._finishing(database, locks)
        else:
            yield from self._finishing(database, locks)

    def _finishing(self, database: Database, locks: DatabaseLocks) -> Iterator[Access]:
        """Yield what it is to others if somebody reads no more; with a log, readers keep nobody waiting."""
        if self._most(locks) >= Level.READING and not locks.has_log:
            yield Action.FINISH, database.readers

    # Waiting

    def _stands(self, step: Step) -> StoppedCall:
        waits = self._asked.timeout > 0 and self._may_wait()
        self._granted = not waits

        def attempt() -> Reply | None:
            if waits and self._has_to_wait():
                return None
            self._granted = True
            return _DONE

        return StoppedCall(step, waits=waits, attempt=attempt, until=self._asked.timeout, came=self.came)

    def _may_wait(self) -> bool:
        """Whether SQLite may find the database locked while it has locked nothing of it."""
        if not self._asked.alone or any(locks.mine for locks in self._locks):
            return False
        return self._verb in (Verb.READ, Verb.CHANGE, Verb.DEFINE) or self._verb is Verb.BEGIN

    def _has_to_wait(self) -> bool:
        """Whether SQLite would come to a sleep at once."""
        for database in self._databases:
            locks = locks_of(database.file, self._task.process.pid)
            keeps = Level.KEEPING if self._verb is Verb.READ else Level.WRITING
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
        self._cut_short()
        self._granted, refused, since = False, self._refused, self._sight.statements
        self._refused = None

        def attempt() -> Reply | None:
            if refused() if refused is not None else self._sight.statements == since:
                return None
            self._granted = True
            self._sight.statements += 1
            return _DONE

        step = self.step or self.late
        assert step is not None, "whoever has made calls on a database has made a step"
        step = step._replace(affects=None)
        self.step = step
        return StoppedCall(step, waits=True, attempt=attempt, until=self._asked.timeout or 1.0, came=self.came)

    def _cut_short(self) -> None:
        """Take down what its first part was: it has changed nothing, or it keeps new readers out from now on."""
        step = self.step or self.late
        assert step is not None
        keeping = [each for each in self._databases if self._now(each).mine >= Level.WRITING]
        before = max(locks.mine for locks in self._locks)
        if keeping and (before < Level.KEEPING):
            (first, *more) = [(Action.ACQUIRE, each.data) for each in keeping]
            readers = [(Action.WRITE, each.readers) for each in keeping]
            self._made = Made(Step(*first, also=(*more, *readers), path=step.path))
        else:
            self._made = Made(step, refused=True)
        self._locks = [self._now(each) for each in self._databases]

    def _now(self, database: Database) -> DatabaseLocks:
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
        return file is not None and any(each.owns(file.name) for each in self._databases)

    def _owns(self, step: Step) -> bool:
        names = [resource for action, resource in step.accesses if action is not Action.ENTER]
        return all("etilqs_" in name or any(each.owns(name) for each in self._databases) for name in names)

    def came(self) -> Made | None:
        """Return what the step has turned out to be, if that is known by now."""
        made, self._made = self._made, None
        return made

    def end(self, failed: str, tables: Sequence[str], *, changed: bool, in_transaction: bool) -> None:
        """Take down what came of it."""
        self._sight.statements += 1
        if self.step is None or self._asked.what == "connect":
            return
        now = [self._now(each).mine for each in self._databases]
        before = [locks.mine for locks in self._locks]
        if failed:
            self._made = self._failed(failed, tables, unchanged=now == before and not (in_transaction and changed))
            return
        idle = self._verb is Verb.CHANGE and not changed and not self._statement.returns
        refused = idle and self._commits_at_once
        if self._verb is Verb.EXCLUDE and not self._is_excluded():
            self._made = Made(_step([(Action.READ, each.data) for each in self._databases]))
            return
        known = list(self._tables(tables, Action.READ if idle else None))
        self._made = Made(self._named(list(self._accesses_before(tables)), known, idle=idle), refused=refused)

    def _accesses_before(self, tables: Sequence[str]) -> Iterator[Access]:
        """Yield what was announced, and of a change whether it only inserted rows."""
        assert self.step is not None
        if self.step.affects == ():
            return
        inserts = bool(tables) and all(each[0] in "rRiI" for each in tables) and any(each[0] in "iI" for each in tables)
        for action, resource in self.step.accesses:
            first = resource in [each.data for each in self._databases]
            yield (Action.INSERT if inserts and first and action is Action.WRITE else action, resource)

    def _is_excluded(self) -> bool:
        """Whether a setting has changed what concerns all."""
        logs = [locks.has_log for locks in self._locks]
        return self._statement.setting != "journal_mode" or logs != [
            self._now(each).has_log for each in self._databases
        ]

    def _failed(self, failed: str, tables: Sequence[str], *, unchanged: bool) -> Made:
        assert self.step is not None
        known = list(self._tables(tables, Action.LOOK))
        step = self._named(list(self._accesses_before(())), known)
        if failed == "busy":
            return Made(self.step, refused=unchanged)
        return Made(step._replace(path=f"{step.shown} → {failed}"), refused=unchanged)

    def _tables(self, tables: Sequence[str], did: Action | None) -> Iterator[Access]:
        """Yield what is done to which table; `did` says what became of its changes, if not what it was to do."""
        for each in tables:
            letter, (place, _, table) = each[0], each[1:].partition(" ")
            if int(place) < len(self._databases):
                resource = f"{TABLE}{table} in {self._databases[int(place)].place.path}"
                action = _LETTERS[letter.lower()]
                if letter.isupper() and did is None:
                    yield Action.READ, resource
                yield (did if did is not None and letter != "r" else action), resource

    def _named(self, accesses: list[Access], tables: list[Access], *, idle: bool = False) -> Step:
        """Return a step with the name by which people know it."""
        changed = [name for action, name in tables if action is not Action.READ] or [name for _, name in tables]
        path = _words([name.removeprefix(TABLE) for name in changed]) or ""
        if idle:
            path += " (no row)"
        uncommitted = self._is_uncommitted
        if not accesses:
            action, resource = tables[0] if tables else (self._plain_action, self._databases[0].data)
            return Step(action, resource, affects=(), also=tuple(tables[1:]), path=path)
        return _step([*accesses, *tables], path)._replace(uncommitted=uncommitted)

    @property
    def _plain_action(self) -> Action:
        return Action.WRITE if self._verb in _CHANGES else Action.READ

    @property
    def _is_uncommitted(self) -> bool:
        """Whether readers notice nothing of it until a later step."""
        if self._verb is Verb.BEGIN:
            return self._statement.mode != "exclusive"
        return (
            self._verb in _CHANGES
            and not self._commits_at_once
            and not (self._begins and self._asked.mode.lower() == "exclusive")
        )


def _words(tables: list[str]) -> str:
    by_file: dict[str, dict[str, None]] = {}
    for each in tables:
        table, _, path = each.rpartition(" in ")
        by_file.setdefault(path, {})[table] = None
    return join_words([f"{join_words(sorted(names))} in {path}" for path, names in by_file.items()])


def _step(accesses: Sequence[Access], path: str = "") -> Step:
    (action, resource), *also = accesses
    return Step(action, resource, also=tuple(also), path=path)
