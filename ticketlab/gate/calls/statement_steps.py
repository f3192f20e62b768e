"""What a statement of SQL is to others, by its text and by what its process has locked before.

SQLite locks a database as a whole, so the resource of a step is the database's data. A second resource is who reads it:
with a rollback journal a commit waits for all who read. A change in a transaction keeps other writers out, and readers
see it when it is committed. The tables say what was done, for people and for judges; nothing is decided by them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from ticketlab.core.file_names import READERS, FileName
from ticketlab.core.sql_statements import Verb, parsed
from ticketlab.core.steps import TABLE, Access, Action, Step
from ticketlab.core.text import join_words
from ticketlab.gate.database_locks import DatabaseLocks, LockLevel, is_of_database

_LETTERS: Final = {"r": Action.READ, "w": Action.WRITE, "i": Action.INSERT}
CHANGES: Final = (Verb.CHANGE, Verb.DEFINE)


class ToldDatabase(NamedTuple):
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


class StatementSteps:
    """The steps that a statement can be; `locks` has what was locked of each database before."""

    def __init__(self, databases: Sequence[ToldDatabase], locks: Sequence[DatabaseLocks], asked: Asked) -> None:
        self.databases, self.locks, self.asked = databases, locks, asked
        self.statement = parsed(asked.sql)

    @property
    def verb(self) -> Verb:
        return self.statement.verb if self.asked.what == "execute" else Verb.NOTHING

    @property
    def _begins(self) -> bool:
        return self.statement.begins and not self.asked.in_transaction and bool(self.asked.mode)

    @property
    def commits_at_once(self) -> bool:
        return self.verb in CHANGES and not self.asked.in_transaction and not self._begins

    def _level(self, locks: DatabaseLocks) -> LockLevel:
        """Return what the connection surely has locked."""
        return locks.mine if self.asked.alone else LockLevel.NOTHING

    def _pairs(self) -> Iterator[tuple[ToldDatabase, DatabaseLocks]]:
        return zip(self.databases, self.locks, strict=True)

    @property
    def is_deferred(self) -> bool:
        return self.verb is Verb.BEGIN and self.statement.mode == "deferred"

    def accesses(self) -> Iterator[Access]:
        """Yield what the statement does to whom, by what its process has locked until now."""
        what, verb = self.asked.what, self.verb
        for database, locks in self._pairs():
            if what == "commit" or verb in (Verb.COMMIT, Verb.RELEASE):
                yield from self._committing(database, locks)
            elif what in ("rollback", "close", "fetch") or verb is Verb.ROLLBACK:
                yield from self._ending(database, locks)
            elif verb is Verb.READ:
                if self._level(locks) < LockLevel.READING:
                    yield from ((Action.READ, database.data), *database.looks)
                    if not locks.has_log:  # whoever needs the database for itself is refused from now on
                        yield Action.ENTER, database.readers
            elif verb in CHANGES:
                yield from self._changing(database, locks)
            elif verb is Verb.BEGIN and not self.is_deferred:
                yield from ((Action.BEGIN, database.data), *database.beside, *database.looks)
                if self.statement.mode == "exclusive":
                    yield Action.WRITE, database.readers
            elif verb is Verb.EXCLUDE:
                yield from ((Action.WRITE, database.data), (Action.WRITE, database.readers))
                yield from (*database.beside, *database.looks)

    def _changing(self, database: ToldDatabase, locks: DatabaseLocks) -> Iterator[Access]:
        if self.commits_at_once:
            yield from ((Action.WRITE, database.data), (Action.WRITE, database.readers))
        elif self._level(locks) < LockLevel.WRITING:
            yield Action.WRITE, database.data
            if self.asked.mode.lower() == "exclusive" and self._begins:
                yield Action.WRITE, database.readers
        else:
            return
        yield from (*database.beside, *database.looks)

    def _committing(self, database: ToldDatabase, locks: DatabaseLocks) -> Iterator[Access]:
        if locks.mine >= LockLevel.WRITING:
            yield from ((Action.COMMIT, database.data), (Action.WRITE, database.readers))
            yield from (*database.beside, *database.looks)
        else:
            yield from self._finishing(database, locks)

    def _ending(self, database: ToldDatabase, locks: DatabaseLocks) -> Iterator[Access]:
        """Yield what it is to roll back, to fetch the last row, or to close a connection."""
        if self.asked.what == "fetch" and self.asked.in_transaction:
            return
        if self.asked.what == "fetch" and locks.mine >= LockLevel.WRITING:
            yield from self._committing(database, locks)
        elif locks.mine >= LockLevel.WRITING and (self.asked.in_transaction or self.asked.what == "close"):
            yield from ((Action.ROLLBACK, database.data), *database.beside)
            yield from self._finishing(database, locks)
        else:
            yield from self._finishing(database, locks)

    def _finishing(self, database: ToldDatabase, locks: DatabaseLocks) -> Iterator[Access]:
        """Yield what it is to others if somebody reads no more; with a log, readers keep nobody waiting."""
        if locks.mine >= LockLevel.READING and not locks.has_log:
            yield Action.FINISH, database.readers

    def tables(self, tables: Sequence[str], did: Action | None) -> Iterator[Access]:
        """Yield what is done to which table; `did` says what became of its changes, if not what it was to do."""
        for each in tables:
            letter, (place, _, table) = each[0], each[1:].partition(" ")
            if int(place) < len(self.databases):
                resource = f"{TABLE}{table} in {self.databases[int(place)].place.path}"
                action = _LETTERS[letter.lower()]
                if letter.isupper() and did is None:
                    yield Action.READ, resource
                yield (did if did is not None and letter != "r" else action), resource

    def named(self, accesses: list[Access], tables: list[Access], *, idle: bool = False) -> Step:
        """Return a step with the name by which people know it."""
        changed = [name for action, name in tables if action is not Action.READ] or [name for _, name in tables]
        path = _words([name.removeprefix(TABLE) for name in changed]) or ""
        if idle:
            path += " (no row)"
        uncommitted = self._is_uncommitted
        if not accesses:
            action, resource = tables[0] if tables else (self._plain_action, self.databases[0].data)
            return Step(action, resource, affects=(), also=tuple(tables[1:]), path=path)
        return step_of([*accesses, *tables], path)._replace(uncommitted=uncommitted)

    @property
    def _plain_action(self) -> Action:
        return Action.WRITE if self.verb in CHANGES else Action.READ

    @property
    def _is_uncommitted(self) -> bool:
        """Whether readers notice nothing of it until a later step."""
        if self.verb is Verb.BEGIN:
            return self.statement.mode != "exclusive"
        return (
            self.verb in CHANGES
            and not self.commits_at_once
            and not (self._begins and self.asked.mode.lower() == "exclusive")
        )

    # Steps whose tables are not known

    def any_read(self) -> Step:
        """Return the step of reading anything."""
        accesses = [access for each in self.databases for access in ((Action.READ, each.data), *each.looks)]
        return step_of([*accesses, *((Action.ENTER, each.readers) for each in self.databases)])

    def any_commit(self, databases: Sequence[ToldDatabase]) -> Step:
        """Return the step of changing anything for all to see."""
        accesses = [(Action.COMMIT, each.data) for each in databases]
        accesses += [(Action.WRITE, each.readers) for each in databases]
        return step_of([*accesses, *(access for each in databases for access in (*each.beside, *each.looks))])

    def claiming(self, databases: Sequence[ToldDatabase], path: str) -> Step:
        """Return the step that keeps new readers out until those who read are done, and it can be committed."""
        accesses = [(Action.ACQUIRE, each.data) for each in databases]
        return step_of([*accesses, *((Action.WRITE, each.readers) for each in databases)], path)

    def sets_the_same(self, now: Sequence[DatabaseLocks]) -> bool:
        """Whether a setting that concerns all was what it is now before; another one may not be committed yet."""
        if any(locks.mine >= LockLevel.WRITING for locks in now):
            return False
        logs = [locks.has_log for locks in self.locks]
        return self.statement.setting == "journal_mode" and logs == [locks.has_log for locks in now]

    def spilled(self, now: Sequence[DatabaseLocks]) -> bool:
        """Whether a change was too large for SQLite's memory, so that readers are kept out before it is committed."""
        asks = self.verb is Verb.BEGIN or self.asked.mode.lower() == "exclusive"
        return not asks and any(
            one.mine is LockLevel.KEEPING and before.mine < LockLevel.KEEPING
            for one, before in zip(now, self.locks, strict=True)
        )


def _words(tables: list[str]) -> str:
    by_file: dict[str, dict[str, None]] = {}
    for each in tables:
        table, _, path = each.rpartition(" in ")
        by_file.setdefault(path, {})[table] = None
    return join_words([f"{join_words(sorted(names))} in {path}" for path, names in by_file.items()])


def step_of(accesses: Sequence[Access], path: str = "") -> Step:
    (action, resource), *also = accesses
    return Step(action, resource, also=tuple(also), path=path or resource.removeprefix(READERS))
