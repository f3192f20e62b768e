"""What Python scripts that use SQLite come to under all interleavings of their calls, tried out in one process.

Each participant has a thread of its own, and one of them moves at a time. Its connections are SQLite's own; they pause
before each call and each statement, so that the schedule says who goes on. A busy handler stands where SQLite would
sleep: it keeps its thread until the schedule lets it try again, or its time is over.
"""

from __future__ import annotations

import _sqlite3
import ctypes
import gc
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock, Thread, local
from typing import Any, Final
from unittest.mock import patch
from weakref import ref

from .sql_scripts import FILES, Outcome, contents, function_of, lay_out
from .turns import other_beginnings, take_turns

_LIBRARY: Final = ctypes.CDLL(_sqlite3.__file__)  # which finds what it is linked with
_HANDLER: Final = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)
_next: Final = _LIBRARY.sqlite3_next_stmt
_next.restype, _next.argtypes = ctypes.c_void_p, (ctypes.c_void_p, ctypes.c_void_p)
_BASE: Final = object.__basicsize__
with closing(sqlite3.connect(":memory:")) as _any:
    _STATEMENT: Final = type(_any("select 1"))
_here = local()


class TooManyError(Exception):
    """There are more interleavings than were to be tried."""


def _pause() -> None:
    mover: Mover | None = getattr(_here, "mover", None)
    if mover is not None:
        mover.pause()


def _is_active(cursor: sqlite3.Cursor) -> bool:
    return any(type(held) is _STATEMENT for held in gc.get_referents(cursor))


def _is_own(text: Any, connection: sqlite3.Connection) -> bool:
    """Whether nobody else notices a statement, or the call of that name, from what it says."""
    if not isinstance(text, str):
        return False
    if text in ("commit", "rollback", "COMMIT", "ROLLBACK"):
        return not connection.in_transaction
    return text == "BEGIN" or text.startswith(("SAVEPOINT", "ROLLBACK TO", "PRAGMA busy", "PRAGMA read_unc", "DETACH"))


def _pausing(name: str, kind: type, *, if_active: bool = False) -> Callable[..., Any]:
    original = getattr(kind, name)

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        connection: Any = self.connection if isinstance(self, sqlite3.Cursor) else self
        if connection.has_ended:
            return None
        own = _is_own(args[0] if args else name, connection)
        if not own and (not if_active or _is_active(self)):
            _pause()
        connection.has_paused = not if_active
        try:
            return original(self, *args, **kwargs)
        finally:
            connection.has_paused = False

    return call


class PausingCursor(sqlite3.Cursor):
    """A cursor that pauses before each call that another connection may notice."""

    def execute(self, sql: str, *args: Any) -> Any:
        """Execute a statement, after the end of the one before; a time-out that it sets is the busy handler's."""
        if _is_active(self):
            self.fetchall()
        told = _execute(self, sql, *args)
        name, _, value = sql.partition("=")
        if name.strip().lower() == "pragma busy_timeout" and value:
            self.connection.wait_for(int(value) / 1000)  # type: ignore[attr-defined]
        return told

    executemany = _pausing("executemany", sqlite3.Cursor)
    executescript = _pausing("executescript", sqlite3.Cursor)
    fetchone = _pausing("fetchone", sqlite3.Cursor, if_active=True)
    fetchall = _pausing("fetchall", sqlite3.Cursor, if_active=True)
    __next__ = _pausing("__next__", sqlite3.Cursor, if_active=True)
    close = _pausing("close", sqlite3.Cursor, if_active=True)

    def __del__(self) -> None:
        if _is_active(self):
            _pause()


_execute: Final = _pausing("execute", sqlite3.Cursor)


def _statement_of(connection: PausingConnection | None, sql: str) -> None:
    """Pause before a statement that is not the first of its call; in a transaction others notice only its end."""
    if connection is not None:
        if not connection.has_paused and (
            not connection.in_transaction or sql.lstrip()[:3].upper() in ("COM", "ROL", "REL")
        ):
            _pause()
        connection.has_paused = False


class PausingConnection(sqlite3.Connection):
    """A connection that pauses before each of its statements."""

    is_closed = False
    has_ended = False  # with its process: what ends later is garbage
    has_paused = False  # for the statement that is about to begin

    def __init__(self, database: Any, timeout: float = 5.0, **options: Any) -> None:
        super().__init__(database, timeout=0, check_same_thread=False, **options)
        self.wait_for(timeout)
        _here.mover.opened.append(self)
        me = ref(self)  # which must not keep itself alive
        self.set_trace_callback(lambda sql: _statement_of(me(), sql))

    def wait_for(self, timeout: float) -> None:
        """Wait as long, in virtual time, where SQLite waits."""
        mover = _here.mover
        handler = _HANDLER(lambda _context, _count: mover.busy(timeout))
        mover.handlers.append(handler)  # SQLite may use it for longer than there is a connection
        pointer = ctypes.c_void_p.from_address(id(self) + _BASE)
        _LIBRARY.sqlite3_busy_handler(pointer, handler if timeout else None, None)

    def end_statements(self) -> None:
        """End what is still being fetched, by whatever cursors are left."""
        database, statement = ctypes.c_void_p.from_address(id(self) + _BASE), None
        while statement := _next(database, statement):
            _LIBRARY.sqlite3_reset(ctypes.c_void_p(statement))

    def cursor(self, factory: Any = PausingCursor) -> Any:
        """Return a cursor that pauses."""
        return super().cursor(factory)

    def execute(self, *args: Any) -> Any:
        """Execute a statement with a new cursor."""
        return self.cursor().execute(*args)

    def executemany(self, *args: Any) -> Any:
        """Execute a statement for each of the parameters with a new cursor."""
        return self.cursor().executemany(*args)

    def executescript(self, *args: Any) -> Any:
        """Execute several statements with a new cursor."""
        return self.cursor().executescript(*args)

    commit = _pausing("commit", sqlite3.Connection)
    rollback = _pausing("rollback", sqlite3.Connection)

    def close(self) -> None:
        """Close it."""
        self.is_closed = True
        _close(self)


_roll_back: Final = sqlite3.Connection.rollback
_end: Final = sqlite3.Connection.close
_close: Final = _pausing("close", sqlite3.Connection)


class Mover:
    """A participant: a thread that makes its calls when it is let."""

    def __init__(self, play: Callable[[], str]) -> None:
        self.said = ""
        self.opened: list[PausingConnection] = []
        self.handlers: list[Any] = []
        self.is_over = self.parked = self._expires = False
        self.timeout = self.wake = 0.0
        self.stirred = True  # whether somebody else has moved since it was parked
        self._go, self._done = Lock(), Lock()  # each is given by the other side
        self._go.acquire()
        self._done.acquire()
        self._play = play
        self.thread = Thread(target=self._run, daemon=True)
        self.thread.start()
        self._done.acquire()

    def _run(self) -> None:
        _here.mover = self
        try:
            self.said = self._play()
        except Exception as error:
            self.said = repr(error)
        if left := [each for each in self.opened if not each.is_closed]:
            self.pause()
            for connection in left:  # as its process ends
                connection.is_closed = True
                connection.set_trace_callback(None)
                connection.end_statements()
                if connection.in_transaction:  # a cursor that is left would keep it open
                    _roll_back(connection)
                _end(connection)
                connection.has_ended = True
        self.is_over = True
        self._done.release()

    def pause(self) -> None:
        """Wait until the schedule lets it move."""
        self._done.release()
        self._go.acquire()

    def busy(self, timeout: float) -> int:
        """Wait where SQLite does, and return whether it is to try again."""
        self.parked, self.stirred, self.timeout = True, False, timeout
        self.pause()
        self.parked = False
        return 0 if self._expires else 1

    def move(self, *, expires: bool = False) -> None:
        """Let it go on until it pauses again."""
        self._expires = expires
        self._go.release()
        self._done.acquire()


@contextmanager
def _pausing_connections() -> Iterator[None]:
    connect = sqlite3.connect

    def connecting(database: Any, **options: Any) -> Any:
        if hasattr(_here, "mover"):
            options["factory"] = PausingConnection
            options.pop("check_same_thread", None)
        return connect(database, **options)

    with patch.object(sqlite3, "connect", connecting), patch.object(sqlite3.dbapi2, "connect", connecting):
        yield


@contextmanager
def _without_collector() -> Iterator[None]:
    """Have nothing end but where its last reference does."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _play(
    laid_out: Sequence[bytes], plays: Sequence[Callable[[], str]], choices: Sequence[int]
) -> tuple[list[list[int]], Any]:
    """Play one schedule: its first choices are given, and then the first who can move does; return who could when."""
    for name, data in zip(FILES, laid_out, strict=True):
        for old in Path().glob(f"{name}*"):
            old.unlink()
        Path(name).write_bytes(data)
    movers = [Mover(play) for play in plays]
    could = take_turns(movers, choices)
    return could, (tuple(mover.said for mover in movers), contents())


def all_outcomes(journal: str, scripts: Sequence[str], most: int = 1_200) -> set[Outcome]:
    """Return what the scripts come to under all interleavings; raises TooManyError if these are more than `most`."""
    plays = [function_of(script, f"side{number}") for number, script in enumerate(scripts)]
    lay_out(Path(), journal)
    laid_out = [Path(name).read_bytes() for name in FILES]
    found: set[Outcome] = set()
    waiting: list[list[int]] = [[]]
    played = 0
    with _pausing_connections(), _without_collector():
        while waiting:
            choices = waiting.pop()
            could, outcome = _play(laid_out, plays, choices)
            played += 1
            if played > most:
                raise TooManyError
            found.add(outcome)
            waiting += other_beginnings(choices, could)
    return found
