"""What functions do to SQLite: the reduced search has the outcomes that all interleavings of their statements have."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import chdir, closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ticketlab.explorer.policies.dpor import SourceSets
from ticketlab.explorer.results import ExploreOptions
from ticketlab.explorer.search import search
from ticketlab.lab.artifacts.race_folder import fastest
from ticketlab.lab.plain.function import PlainFunction, Returned
from ticketlab.lab.plain.participants import ready_participants

MOST = 400
Outcome = tuple[tuple[str, ...], ...]
Program = list[str]


class Part:
    """A participant: a connection, and what it was told so far."""

    def __init__(self, timeout: float) -> None:
        self.db = sqlite3.connect("stock.db", timeout=timeout, isolation_level=None)
        self.cursor: sqlite3.Cursor | None = None

    def call(self, name: str) -> str:
        """Make one call, and return what it said."""
        if name in STATEMENTS:
            return str(self.db.execute(STATEMENTS[name]).fetchall())
        if name == "open":
            self.cursor = None
            self.cursor = self.db.execute("select n from stock")
        elif name == "next":
            return str(self.cursor.fetchone() if self.cursor else None)
        elif name == "drop":
            self.cursor = None
        else:
            self.cursor = None
            if self.db.in_transaction:
                self.db.rollback()
            self.db.close()
        return ""


STATEMENTS = {
    "read": "select n from stock",
    "take": "update stock set n = n - 1 where n > 0",
    "put": "insert into stock values (7)",
    "none": "delete from stock where n > 100",
    "begin": "begin",
    "immediate": "begin immediate",
    "save": "savepoint s",
    "release": "release s",
    "commit": "commit",
    "rollback": "rollback",
}
WRITES = ("take", "put", "none", "immediate")
programs = st.lists(st.sampled_from([*STATEMENTS, "open", "next", "drop"]), min_size=1, max_size=3)


def _lay_out(journal: str) -> Callable[[Path], None]:
    def lay_out(folder: Path) -> None:
        with closing(sqlite3.connect(folder / "stock.db", isolation_level=None)) as db:
            db.execute(f"pragma journal_mode = {journal}")
            db.execute("create table stock (n)")
            db.execute("insert into stock values (1), (5)")

    return lay_out


def _perform(program: Program) -> list[str]:
    part, said = Part(5.0), []
    for name in [*program, "close"]:
        try:
            said.append(part.call(name))
        except sqlite3.Error as error:
            said.append(str(error))
    return said


def _end() -> str:
    with closing(sqlite3.connect("stock.db")) as db:
        return str(db.execute("select n from stock").fetchall())


def _explored(parts: list[Program], journal: str) -> set[Outcome]:
    plain = PlainFunction(function=lambda who: _perform(parts[who - 1]), processes=len(parts), reset=_lay_out(journal))
    found = set[Outcome]()
    with ready_participants(plain, ExploreOptions(executor="inline")) as (executor, _):
        for count, execution in enumerate(search(executor, SourceSets(), MOST + 1)):
            assume(count < MOST)
            outcomes = [record.outcome for record in sorted(execution.records, key=lambda one: one.buyer)]
            assert all(isinstance(outcome, Returned) for outcome in outcomes)
            found.add((*(tuple(outcome.value) for outcome in outcomes), (_end(),)))
    return found


class Mover(Part):
    """A participant whose calls are made one by one, in whatever order; a call that SQLite would keep waiting waits.

    A commit that has to wait keeps new readers out meanwhile, so that to begin to wait is a move of its own. A change
    that is a transaction of its own waits in its commit as well: it is then made in one that is begun for it.
    """

    def __init__(self, program: Program) -> None:
        super().__init__(0)
        self.left = [*program, "close"]
        self.said: list[str] = []
        self._reads = self._committing = False
        self._fetched = 0

    def move(self, *, gives_up: bool) -> bool:
        """Make the next call, or begin to wait in it; return whether there was a move to make."""
        name, waited = self.left[0], self._committing
        try:
            told = self._commit() if self._committing and name != "commit" else self.call(name)
        except sqlite3.Error as error:
            told = str(error)
            if told == "database is locked" and not gives_up and self._waits(name):
                return self._committing and not waited
            if self._committing and name != "commit":
                self.db.execute("rollback")
        self._committing = False
        self._note(self.left.pop(0), told)
        self.said.append(told)
        return True

    def _commit(self) -> str:
        self.db.execute("commit")
        return "[]"

    def _waits(self, name: str) -> bool:
        if name in ("commit", "release"):
            self._committing = True
        elif name in WRITES and name != "immediate" and not self.db.in_transaction:
            self._committing = self._begun(STATEMENTS[name])
        return self._committing or not (name in WRITES and self._reads)  # a reader who would write is refused at once

    def _begun(self, sql: str) -> bool:
        self.db.execute("begin")
        try:
            self.db.execute(sql)
        except sqlite3.OperationalError:
            self.db.execute("rollback")
            return False
        with suppress(sqlite3.OperationalError):
            self.db.execute("commit")
            raise AssertionError("what was refused a moment ago was done")
        return True

    def _note(self, name: str, told: str) -> None:
        """Take down whether the connection holds a lock for reading."""
        if name == "open":
            self._fetched = 0 if told else 1
        elif name == "next":
            self._fetched += 1
        read = self._reads or (name in ("read", "open") and not told.startswith("database"))
        unfinished = self.cursor is not None and self._fetched in (1, 2)
        self._reads = unfinished or (name != "close" and self.db.in_transaction and read)


Schedule = list[tuple[int, bool]]


def _interleaved(parts: list[Program], laid_out: bytes) -> set[Outcome]:
    """Return the outcomes of all interleavings, by running each from its start."""
    found = set[Outcome]()
    left: list[Schedule] = [[]]
    while left:
        schedule = left.pop()
        said, alive = _run(parts, laid_out, schedule) or ((), [])
        if not alive:
            found.add((*said, (_end(),)))
        for gives_up in (False, True):
            further = [[*schedule, (who, gives_up)] for who in alive]
            able = [one for one in further if _run(parts, laid_out, one)]
            if able:
                left += able
                break
    return found


def _run(parts: list[Program], laid_out: bytes, schedule: Schedule) -> tuple[Outcome, list[int]] | None:
    """Run the beginning of an interleaving; return what was said, and who is left.

    None if the last move could not be made.
    """
    for file in Path().glob("stock.db*"):
        file.unlink()
    Path("stock.db").write_bytes(laid_out)
    movers = [Mover(program) for program in parts]
    try:
        moved = [movers[who].move(gives_up=gives_up) for who, gives_up in schedule]
        alive = [who for who, mover in enumerate(movers) if mover.left]
        return (tuple(tuple(mover.said) for mover in movers), alive) if all(moved) else None
    finally:
        for mover in movers:
            mover.cursor = None
            mover.db.close()


@pytest.mark.slow
@settings(max_examples=10)
@given(st.lists(programs, min_size=2, max_size=2), st.sampled_from(["delete", "wal"]))
def test_the_outcomes_are_those_of_all_interleavings(parts: list[Program], journal: str) -> None:
    with TemporaryDirectory(dir=fastest()) as folder, chdir(folder):
        _lay_out(journal)(Path())
        every = _interleaved(parts, Path("stock.db").read_bytes())
    assert _explored(parts, journal) == every
