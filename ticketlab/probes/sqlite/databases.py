"""What a connection has open and locked, and the steps that follow from it.

SQLite locks a database as a whole, so the resource of a step is the database's data, which is the file's: two who may
change it never commute. A second resource is who reads it. With a rollback journal a commit waits for all who read, and
those who finish reading need not mind each other. In a write-ahead log readers keep nobody waiting. A change in a
transaction keeps other writers out, and readers see it when it is committed.

Whoever has read in a transaction goes on reading the same, and whoever may write sees what nobody else changes. So only
the first read and the first change of a transaction concern others; further ones are steps that commute with all. The
tables say what was done, for people and for judges; nothing is decided by them.

What is locked is not always known for certain: a statement that fails may have taken the lock it needed. So there is a
least level of what is locked, on which steps are left out, and a most, on which it is given back.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import IntEnum
from functools import lru_cache
from typing import Any, Final, NamedTuple

from ticketlab.core import pacing
from ticketlab.core.file_names import READERS, FileName
from ticketlab.core.pacing import UNCHANGED
from ticketlab.core.steps import TABLE, Access, Action, Step
from ticketlab.core.text import join_words
from ticketlab.probes.file_system.opening import name_now
from ticketlab.probes.file_system.resources import DATABASE
from ticketlab.probes.here import HERE

_stat, _exists = os.stat, os.path.exists


class Level(IntEnum):
    """What a connection has locked of a database."""

    NOTHING = 0
    READING = 1
    WRITING = 2


class TablesTouched(NamedTuple):
    """The tables that a statement reads and changes, each with its database's name in the connection, if it has one."""

    reads: tuple[tuple[str | None, str], ...] = ()
    changes: tuple[tuple[str | None, str, Action], ...] = ()


class Database:
    """A database file that a connection has open."""

    __slots__ = ("_file", "beside", "changed", "data", "least", "most", "path", "readers")

    def __init__(self, data: str, place: FileName, path: str) -> None:
        self.data = data
        self.path = place.path
        self.readers = READERS + data
        self.beside: tuple[Access, ...] = ((Action.LOOK, place.name), place.entry)  # the journal comes and goes
        self._file = path if path.startswith("/") else f"{os.getcwd()}/{path}"  # noqa: PTH109 - for each connection
        self.least = self.most = Level.NOTHING
        self.changed: set[str] = set()

    @property
    def has_log(self) -> bool:
        """Whether there is a write-ahead log, in which readers keep nobody out."""
        return _exists(f"{self._file}-wal")

    @property
    def keeps_others(self) -> bool:
        """Whether somebody may have to wait until this reading ends: not if there is a log, which cannot change now."""
        return self.most is Level.READING and not self.has_log

    @property
    def begins_to_read(self) -> Iterator[Access]:
        """What the first read is to others; whoever needs the database for itself may be refused from now on."""
        yield Action.READ, self.data
        if not self.has_log:
            yield Action.ENTER, self.readers

    def table(self, name: str) -> str:
        """Return the resource that a table is."""
        return f"{TABLE}{name} in {self.path}"

    def hold(self, level: Level, *, surely: bool) -> None:
        """Take down that something is locked, or may be."""
        self.most = max(self.most, level)
        if surely:
            self.least = max(self.least, level)

    def rest(self, *, reads_on: bool, surely: bool) -> None:
        """Take down that a transaction has ended, but for what is still being read."""
        self.changed.clear()
        self.most = min(self.most, Level.READING) if reads_on else Level.NOTHING
        self.least = min(self.least, self.most) if surely else Level.NOTHING


class Databases:
    """The database files that a connection has open, by the names that it has for them."""

    def __init__(self, main: Database) -> None:
        self.files = {"main": main}

    @property
    def main(self) -> Database:
        """The database that the connection was opened for."""
        return self.files["main"]

    @property
    def nothing(self) -> Step:
        """The step of a call that did nothing that others could notice."""
        return Step(Action.READ, self.main.readers, affects=())

    def named(self, schema: str | None) -> Sequence[Database]:
        """Return the file that a name stands for; all of them if the name is not known."""
        if schema is None:
            return list(self.files.values())
        return [self.files[schema]] if schema in self.files else []

    def _concerned(self, touched: TablesTouched | None, *, changes: bool) -> tuple[list[Database], list[Database]]:
        """Return the files that a statement reads, and those that it changes."""
        if touched is None:
            every = list(self.files.values())
            return ([], every) if changes else (every, [])
        written = [file for schema, *_ in touched.changes for file in self.named(schema)]
        read = [file for schema, _ in touched.reads for file in self.named(schema) if file not in written]
        return list(dict.fromkeys(read)), list(dict.fromkeys(written))

    def waits(self, touched: TablesTouched | None, *, changes: bool) -> bool:
        """Whether SQLite waits for a lock: it does not if a reader becomes a writer, since that could be for ever."""
        return not any(file.least is Level.READING for file in self._concerned(touched, changes=changes)[1])

    def statement(
        self, touched: TablesTouched | None, *, changes: bool, alone: bool = False, did: Action | None = None
    ) -> Step:
        """Return the step of a statement; `alone` says that it is a transaction of its own.

        `did` says what became of its changes, if not what it was to do: READ if there was nothing to change, LOOK if
        they were refused.
        """
        if len(self.files) > 1:
            return self._statement(touched, changes=changes, alone=alone, did=did)
        main = self.main
        logged = not changes and main.least < Level.READING and main.has_log
        key = main.data, main.path, main.least, touched, changes, alone, did, logged
        try:
            return _steps[key]
        except KeyError:
            step = _steps[key] = self._statement(touched, changes=changes, alone=alone, did=did)
            return step

    def _statement(self, touched: TablesTouched | None, *, changes: bool, alone: bool, did: Action | None) -> Step:
        read, written = self._concerned(touched, changes=changes)
        made = [each[2] for each in touched.changes] if touched else []
        action = Action.INSERT if made and set(made) == {Action.INSERT} else Action.WRITE if changes else Action.READ
        accesses: list[Access] = []
        for file in written:
            if file.least < Level.WRITING:
                accesses += [(action, file.data), *([(Action.WRITE, file.readers)] if alone else []), *file.beside]
        accesses += [access for file in read if file.least < Level.READING for access in file.begins_to_read]
        tables = list(self._tables(touched, did)) if touched else []
        path = self._words(touched)
        if did is Action.READ and changes:
            path += " (no row)"
        if accesses:
            first, resource = accesses[0]
            also = (*accesses[1:], *tables)
            return Step(first, resource, uncommitted=bool(written) and not alone, also=also, path=path)
        action, resource = tables[0] if tables else (action, self.main.data)
        return Step(action, resource, affects=(), also=tuple(tables[1:]), path=path)

    def _tables(self, touched: TablesTouched, did: Action | None) -> Iterator[Access]:
        changed = {each[:2] for each in touched.changes}
        for schema, table, action in touched.changes:
            yield from ((did or action, file.table(table)) for file in self.named(schema)[:1])
        for schema, table in touched.reads:
            if (schema, table) not in changed:
                yield from ((Action.READ, file.table(table)) for file in self.named(schema)[:1])

    def _words(self, touched: TablesTouched | None) -> str:
        if touched is None:
            return ""
        told = [(schema, table) for schema, table, _ in touched.changes] or list(touched.reads)
        by_file: dict[str, list[str]] = {}
        for schema, table in told:
            for file in self.named(schema)[:1]:
                by_file.setdefault(file.path, []).append(table)
        return join_words([f"{join_words(sorted(set(tables)))} in {path}" for path, tables in by_file.items()])

    def enter(self, touched: TablesTouched | None, *, changes: bool, surely: bool = True) -> None:
        """Take down what a statement has locked until its transaction ends."""
        read, written = self._concerned(touched, changes=changes)
        known = touched is not None and surely and None not in {each[0] for each in (*touched.changes, *touched.reads)}
        for files, level in ((read, Level.READING), (written, Level.WRITING)):
            for file in files:
                file.hold(level, surely=known)
        for schema, table, _ in touched.changes if touched else ():
            for file in self.named(schema)[:1]:
                file.changed.add(table)

    def rest(self, *, reads_on: bool, surely: bool = False) -> None:
        """Take down that a transaction has ended; `reads_on` says that a result is still being fetched."""
        for file in self.files.values():
            file.rest(reads_on=reads_on, surely=surely)

    def beginning(self, *, exclusive: bool) -> Step:
        """Return the step that begins a transaction with the right to change things."""
        others = [(Action.BEGIN, file.data) for file in self._others]
        readers = [(Action.WRITE, file.readers) for file in self.files.values() if exclusive]
        return Step(Action.BEGIN, self.main.data, excludes=True, uncommitted=not exclusive, also=(*others, *readers))

    def excluding(self) -> Step:
        """Return the step that needs the databases for itself."""
        also = [(Action.WRITE, file.data) for file in self._others]
        also += [access for file in self.files.values() for access in ((Action.WRITE, file.readers), *file.beside)]
        return Step(Action.WRITE, self.main.data, also=tuple(also))

    def excluding_readers(self) -> Step:
        """Return the step that keeps readers out, for who already keeps others from changing anything."""
        main, *others = self.files.values()
        return Step(Action.WRITE, main.readers, also=tuple((Action.WRITE, file.readers) for file in others))

    def claiming(self) -> Step:
        """Return the step that keeps new readers out until those who read are done, and it can be committed."""
        first, *more = [file for file in self.files.values() if file.most is Level.WRITING]
        also = [(Action.ACQUIRE, file.data) for file in more]
        return Step(
            Action.ACQUIRE, first.data, also=(*also, *((Action.WRITE, file.readers) for file in (first, *more)))
        )

    @property
    def _others(self) -> list[Database]:
        return list(self.files.values())[1:]

    def committing(self) -> Step | None:
        """Return the step that commits; None if nobody notices it."""
        writers = [file for file in self.files.values() if file.most is Level.WRITING]
        accesses: list[Access] = [(Action.COMMIT, file.data) for file in writers]
        for file in writers:
            accesses += [(Action.WRITE, file.readers), *file.beside]
            accesses += [(Action.WRITE, file.table(name)) for name in sorted(file.changed)]
        return _step([*accesses, *self._finishing()], self.main.path)

    def rolling_back(self, *, for_readers: bool = False) -> Step | None:
        """Return the step that rolls back; None if nobody notices it. `for_readers` says that they are the reason."""
        writers = [file for file in self.files.values() if file.most is Level.WRITING]
        accesses = [access for file in writers for access in ((Action.ROLLBACK, file.data), *file.beside)]
        accesses += [(Action.WRITE, file.readers) for file in writers if for_readers]
        return _step([*accesses, *self._finishing()], self.main.path)

    def _finishing(self) -> Iterator[Access]:
        for file in self.files.values():
            if file.keeps_others:
                yield Action.FINISH, file.readers


def _step(accesses: Sequence[Access], path: str) -> Step | None:
    """Return the step of some accesses, the first of which names it; None of none."""
    if not accesses:
        return None
    (action, resource), *also = accesses
    return Step(action, resource, also=tuple(also), path=path)


def open_database(path: str, make: Callable[[], None], *, creates: bool) -> Database | None:
    """Open a database by `make`, at its step, which looks for its name and may create it; None if it is nobody's."""
    seems = HERE.resources.announced(path)
    if seems is None:
        make()
        return None
    pacing.at(_opening(seems, creates=creates))
    place = name_now(seems, path, follows=True)
    there = _exists(path)
    try:
        make()
    except sqlite3.Error as error:
        pacing.note(UNCHANGED, type(error).__name__)
        raise
    pacing.made(_opening(place, creates=not there))
    return Database(HERE.resources.data(_stat(path), place, path), place, path)


@lru_cache(maxsize=256)
def _opening(place: FileName, *, creates: bool) -> Step:
    marks: Iterable[Access] = ((Action.LOOK, DATABASE + place.path),)  # nobody changes that: it says who opened it
    if creates:
        return Step(Action.CREATE, place.name, also=(*place.looks, place.entry, *marks))
    return Step(Action.LOOK, place.name, also=(*place.looks, *marks))


_CODES: Final = {
    sqlite3.SQLITE_INSERT: Action.INSERT,
    sqlite3.SQLITE_UPDATE: Action.WRITE,
    sqlite3.SQLITE_DELETE: Action.WRITE,
}
MOST_LEARNT: Final = 4096
_learnt: dict[tuple[str, str], TablesTouched] = {}
_steps: dict[tuple[Any, ...], Step] = {}


def known(databases: Databases, sql: str) -> TablesTouched | None:
    """Return what a statement touches, if it has been learnt; not if it names a database that is not attached."""
    touched = _learnt.get((databases.main.data, sql))
    if touched is None or all(
        schema in (None, "temp") or schema in databases.files for schema, *_ in (*touched.reads, *touched.changes)
    ):
        return touched
    return None


def learn(databases: Databases, sql: str, prepare: Callable[[Callable[..., int]], object]) -> TablesTouched | None:
    """Learn what a statement touches from what SQLite asks an authorizer while it is prepared; None if it cannot be."""
    reads, changes = set[tuple[str | None, str]](), dict[tuple[str | None, str], Action]()

    def allow(code: int, table: str | None, _: str | None, schema: str | None, _by: str | None) -> int:
        if code == sqlite3.SQLITE_READ and table:
            reads.add((schema, table))
        elif code in _CODES and table:
            before = changes.setdefault((schema, table), _CODES[code])
            changes[schema, table] = before if before is _CODES[code] else Action.WRITE
        return sqlite3.SQLITE_OK

    try:
        prepare(allow)
    except sqlite3.Error:
        return None
    order = str  # a name may be missing
    touched = TablesTouched(
        tuple(sorted(reads, key=order)),
        tuple((schema, table, action) for (schema, table), action in sorted(changes.items(), key=order)),
    )
    if len(_learnt) > MOST_LEARNT:  # texts may have numbers in them
        _learnt.clear()
        _steps.clear()
    _learnt[databases.main.data, sql] = touched
    return touched
