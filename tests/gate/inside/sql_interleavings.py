"""What two programs of SQL come to under all interleavings of their statements, tried out in one process.

Each participant has a connection of its own and a thread of its own, and one of them moves at a time. A busy handler
stands where SQLite would sleep: it keeps its thread until the schedule lets it try again, or its time is over.
"""

from __future__ import annotations

import _sqlite3
import ctypes
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Semaphore, Thread
from typing import Any, Final, NamedTuple

from tests.probes.turns import other_beginnings, take_turns

BOOK: Final = "t.db"
_LIBRARY: Final = ctypes.CDLL(_sqlite3.__file__)  # which finds what it is linked with
_HANDLER: Final = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)
_BASE: Final = object.__basicsize__


class Side(NamedTuple):
    """A participant: its statements, how its driver begins transactions, and how long it waits, in seconds."""

    statements: tuple[str, ...]
    level: Any  # as `isolation_level` of a connection
    timeout: float


Outcome = tuple[tuple[str, ...], tuple[Any, ...]]
"""What each participant has been answered, and the rows in the end."""

SCRIPT: Final = """\
import sqlite3, sys
from sqlite3 import OperationalError
db = sqlite3.connect("t.db", timeout={timeout}, isolation_level={level!r})
answers, n, held = [], 0, None
def ask(act):
    try:
        answers.append(act())
    except OperationalError as error:
        answers.append(str(error))
{body}
ask(lambda: (held and held.close(), db.close())[1])
print(answers)
"""
"""A program that makes one side's statements one after another."""

STATEMENTS: Final = {
    "select": "ask(lambda: db.execute('SELECT n FROM t WHERE k = 0').fetchone()[0])",
    "open": "ask(lambda: (held := db.execute('SELECT n FROM t ORDER BY k')).fetchone()[0])",
    "add": "ask(lambda: db.execute('UPDATE t SET n = n + 1 WHERE k = 0').rowcount)",
    "double": "ask(lambda: db.execute('UPDATE t SET n = n * 2 WHERE k = 0').rowcount)",
    "none": "ask(lambda: db.execute('UPDATE t SET n = 9 WHERE k = 7').rowcount)",
    "returning": "ask(lambda: db.execute('UPDATE t SET n = n + 3 WHERE k = 0 RETURNING n').fetchone()[0])",
    "wal": "ask(lambda: db.execute('PRAGMA journal_mode = WAL').fetchone()[0])",
    "insert": "ask(lambda: db.execute('INSERT INTO t (n) VALUES (5)').lastrowid)",
    "begin": "ask(lambda: db.execute('BEGIN') and None)",
    "immediate": "ask(lambda: db.execute('BEGIN IMMEDIATE') and None)",
    "exclusive": "ask(lambda: db.execute('BEGIN EXCLUSIVE') and None)",
    "commit": "ask(lambda: db.commit())",
    "rollback": "ask(lambda: db.rollback())",
}
"""The statements by their names, as lines of a program."""


def script_of(side: Side) -> str:
    """Return the program of one side."""
    body = "\n".join(
        "try: held = db.execute('SELECT n FROM t ORDER BY k'); answers.append(held.fetchone()[0])\n"
        "except OperationalError as error: answers.append(str(error))"
        if name == "open"
        else STATEMENTS[name]
        for name in side.statements
    )
    return SCRIPT.format(timeout=side.timeout, level=side.level, body=body)


def lay_out(folder: Path, journal: str) -> None:
    """Make the database anew."""
    for old in folder.glob(f"{BOOK}*"):
        old.unlink()
    db = sqlite3.connect(folder / BOOK)
    db.execute(f"PRAGMA journal_mode = {journal}")
    db.executescript("CREATE TABLE t (k INTEGER PRIMARY KEY, n); INSERT INTO t VALUES (0, 1), (1, 1), (2, 1);")
    db.close()


def rows_of(folder: Path) -> tuple[Any, ...]:
    """Return what is in the database."""
    db = sqlite3.connect(folder / BOOK)
    try:
        return tuple(db.execute("SELECT k, n FROM t ORDER BY k").fetchall())
    finally:
        db.close()


class _Mover:
    """A participant: a connection, and the thread that makes its statements when it is let."""

    def __init__(self, folder: Path, side: Side) -> None:
        self.side = side
        self.answers: list[Any] = []
        self.left: list[Callable[[], Any]] = []
        self.parked = False
        self.wake = 0.0
        self.stirred = True  # whether somebody else has moved since it was parked
        self._expires = False
        self._go, self._done = Semaphore(0), Semaphore(0)
        self._held: Any = None
        self._folder = folder
        self.thread = Thread(target=self._run, daemon=True)
        self.thread.start()
        self._done.acquire()

    def _run(self) -> None:
        db = sqlite3.connect(self._folder / BOOK, timeout=0, isolation_level=self.side.level, check_same_thread=False)
        if self.side.timeout:
            self._handler = _HANDLER(self._busy)
            pointer = ctypes.c_void_p.from_address(id(db) + _BASE)
            _LIBRARY.sqlite3_busy_handler(pointer, self._handler, None)
        self.left = [*self._steps(db)]
        self._done.release()
        while self.left:
            self._go.acquire()
            step = self.left.pop(0)
            try:
                answer = step()
                if answer is not _NOTHING:
                    self.answers.append(answer)
            except sqlite3.OperationalError as error:
                self.answers.append(str(error))
                if self.left and self.left[0].__name__ == "fetch":
                    self.left.pop(0)
            self._done.release()

    def _steps(self, db: Any) -> list[Callable[[], Any]]:
        steps: list[Callable[[], Any]] = []
        for name in self.side.statements:
            steps += self._steps_of(db, name)

        def close_cursor() -> Any:
            if self._held is not None:
                self._held.close()
            return _NOTHING

        held = [close_cursor] if "open" in self.side.statements else []
        return [*steps, *held, lambda: db.close()]

    def _steps_of(self, db: Any, name: str) -> list[Callable[[], Any]]:
        line = STATEMENTS[name]
        if name == "commit":
            return [lambda: db.commit()]
        if name == "rollback":
            return [lambda: db.rollback()]
        sql = line.split("'")[1]
        if "fetchone" in line:
            cursors: list[Any] = []

            def execute() -> Any:
                cursors.append(db.execute(sql))
                return _NOTHING

            def fetch() -> Any:
                cursor = cursors.pop()
                row = cursor.fetchone()
                if name == "open":
                    self._held = cursor
                return row[0]

            return [execute, fetch]
        read = {"rowcount": "rowcount", "lastrowid": "lastrowid"}.get(line.rstrip(")").rpartition(".")[2], "")
        return [lambda: getattr(db.execute(sql), read) if read else (db.execute(sql), None)[1]]

    def _busy(self, _context: Any, _count: int) -> int:
        self.parked, self.stirred = True, False
        self._done.release()
        self._go.acquire()
        self.parked = False
        return 0 if self._expires else 1

    def move(self, *, expires: bool = False) -> None:
        """Let it make its next statement, or go on with the one that has to wait."""
        self._expires = expires
        self._go.release()
        self._done.acquire()

    @property
    def timeout(self) -> float:
        return self.side.timeout

    @property
    def is_over(self) -> bool:
        return not self.left and not self.parked


_NOTHING: Final = object()


def _play(folder: Path, journal: str, sides: Sequence[Side], choices: Sequence[int]) -> tuple[list[list[int]], Outcome]:
    """Play one schedule: its first choices are given, and then the first who can move does; return who could when."""
    lay_out(folder, journal)
    movers = [_Mover(folder, side) for side in sides]
    could = take_turns(movers, choices)
    return could, (tuple(str(mover.answers) for mover in movers), rows_of(folder))


def all_outcomes(folder: Path, journal: str, sides: Sequence[Side]) -> set[Outcome]:
    """Return what the sides come to under all interleavings."""
    found: set[Outcome] = set()
    waiting: list[list[int]] = [[]]
    while waiting:
        choices = waiting.pop()
        could, outcome = _play(folder, journal, sides, choices)
        found.add(outcome)
        waiting += other_beginnings(choices, could)
    return found
