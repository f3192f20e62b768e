"""Small programs of concurrent PostgreSQL transactions: those that are drawn, and those that were thought of."""

from __future__ import annotations

import math
from collections.abc import Iterator
from enum import StrEnum
from random import Random
from typing import Final, NamedTuple


class Kind(StrEnum):
    """What a statement does to what the sessions share."""

    READ = "read"
    WRITE = "write"
    LOCK = "lock"  # of rows, or of an advisory key
    UNLOCK = "unlock"
    COMMIT = "commit"
    ROLLBACK = "rollback"


class Statement(NamedTuple):
    """One statement of a session."""

    kind: Kind
    sql: str


class Transactions(NamedTuple):
    """The statements of each session, which are one transaction, over the table `rows`; all have one isolation level.

    After a statement that fails, a session rolls back at once. What a session ends with gives back its advisory locks.
    """

    isolation: str
    rows: tuple[tuple[int, int], ...]
    sessions: tuple[tuple[Statement, ...], ...]

    @property
    def interleavings(self) -> int:
        """How many orders of the statements there are, if none waits or fails."""
        lengths = [len(statements) for statements in self.sessions]
        return math.factorial(sum(lengths)) // math.prod(math.factorial(length) for length in lengths)

    @property
    def reset(self) -> str:
        """The statements that put the opening rows back."""
        rows = ", ".join(f"({key}, {value})" for key, value in self.rows)
        return f"DELETE FROM judged; INSERT INTO judged VALUES {rows}"

    @property
    def begin(self) -> str:
        """The statement that begins a session's transaction."""
        return f"BEGIN ISOLATION LEVEL {self.isolation}"

    def __str__(self) -> str:
        """Return the program as people write it."""
        sessions = "\n".join(
            f"  {1 + who}: " + "; ".join(each.sql for each in statements)
            for who, statements in enumerate(self.sessions)
        )
        return f"{self.isolation}, rows {list(self.rows)}\n{sessions}"


MAKE_TABLE: Final = "DROP TABLE IF EXISTS judged; CREATE TABLE judged (id int PRIMARY KEY, value int)"
UNLOCK_ALL: Final = Statement(Kind.UNLOCK, "SELECT pg_advisory_unlock_all()")
COMMIT: Final = Statement(Kind.COMMIT, "COMMIT")
ROLLBACK: Final = Statement(Kind.ROLLBACK, "ROLLBACK")
LEVELS: Final = ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE")


def read(key: int | None = None) -> Statement:
    """Return a SELECT of one row, or of all."""
    return Statement(Kind.READ, f"SELECT id, value FROM judged{_where(key)} ORDER BY id")


def lock(key: int | None = None, how: str = "") -> Statement:
    """Return a SELECT ... FOR UPDATE of one row, or of all; `how` is NOWAIT, SKIP LOCKED or nothing."""
    return Statement(Kind.LOCK, f"SELECT id, value FROM judged{_where(key)} ORDER BY id FOR UPDATE {how}".strip())


def share(key: int | None = None) -> Statement:
    """Return a SELECT ... FOR SHARE of one row, or of all."""
    return Statement(Kind.LOCK, f"SELECT id, value FROM judged{_where(key)} ORDER BY id FOR SHARE")


def write(key: int | None, value: str = "value + 1") -> Statement:
    """Return an UPDATE of one row, or of all."""
    return Statement(Kind.WRITE, f"UPDATE judged SET value = {value}{_where(key)}")


def insert(key: int, value: int = 7) -> Statement:
    """Return an INSERT of one row."""
    return Statement(Kind.WRITE, f"INSERT INTO judged VALUES ({key}, {value})")


def delete(key: int) -> Statement:
    """Return a DELETE of one row."""
    return Statement(Kind.WRITE, f"DELETE FROM judged{_where(key)}")


def advise(key: int) -> Statement:
    """Return the statement that takes an advisory lock for the session."""
    return Statement(Kind.LOCK, f"SELECT pg_advisory_lock({key})")


def _where(key: int | None) -> str:
    return "" if key is None else f" WHERE id = {key}"


def session(*statements: Statement, end: Statement = COMMIT) -> tuple[Statement, ...]:
    """Return a session's statements, with those that end it."""
    advised = any("pg_advisory_lock" in each.sql for each in statements)
    return (*statements, end, UNLOCK_ALL) if advised else (*statements, end)


def draw(number: int, limit: int) -> Transactions:
    """Draw a program, the same for the same number, that has no more than `limit` interleavings."""
    random = Random(number)
    while True:
        rows = tuple((1 + place, 10 * (1 + place)) for place in range(random.choice((2, 2, 3))))
        keys = [key for key, _ in rows]
        sessions = tuple(_session(random, keys) for _ in range(random.choice((2, 2, 3))))
        program = Transactions(random.choice(LEVELS), rows, sessions)
        if program.interleavings <= limit:
            return program


def _together(*sessions: tuple[Statement, ...], isolation: str = LEVELS[0]) -> Transactions:
    return Transactions(isolation, ((1, 10), (2, 20), (3, 30)), sessions)


def _upgrade(isolation: str) -> Transactions:
    one = session(share(1), write(1))
    return _together(one, one, isolation=isolation)


def _skew(isolation: str) -> Transactions:
    return _together(session(read(1), write(2)), session(read(2), write(1)), isolation=isolation)


def _lost(isolation: str) -> Transactions:
    return _together(session(read(1), write(1, "100")), session(read(1), write(1, "200")), isolation=isolation)


THOUGHT_OF: Final = {
    "two waiters on one row": _together(*(session(write(1, str(100 + who))) for who in range(3))),
    "three waiters on one row": _together(*(session(write(1, str(100 + who))) for who in range(4))),
    "waiters for a lock": _together(*(session(lock(1)) for _ in range(3))),
    "a waiter whose holder rolls back": _together(session(write(1), end=ROLLBACK), session(write(1))),
    "waiters whose holder rolls back": _together(session(write(1), end=ROLLBACK), session(write(1)), session(lock(1))),
    "waiters at repeatable read": _together(*(session(write(1)) for _ in range(3)), isolation=LEVELS[1]),
    "an upgrade of a lock": _upgrade(LEVELS[0]),
    "an upgrade at repeatable read": _upgrade(LEVELS[1]),
    "an upgrade behind a waiter": _together(session(share(1), write(1)), session(share(1)), session(write(1))),
    "a deadlock of two": _together(session(write(1), write(2)), session(write(2), write(1))),
    "a deadlock of two at repeatable read": _together(
        session(write(1), write(2)), session(write(2), write(1)), isolation=LEVELS[1]
    ),
    "a deadlock of three": _together(*(session(lock(1 + who), lock(1 + (1 + who) % 3)) for who in range(3))),
    "a deadlock of a row and an advisory lock": _together(session(advise(1), write(1)), session(write(1), advise(1))),
    "a lost update": _lost(LEVELS[0]),
    "a lost update refused at repeatable read": _lost(LEVELS[1]),
    "a lost update refused at serializable": _lost(LEVELS[2]),
    "write skew": _skew(LEVELS[1]),
    "write skew refused": _skew(LEVELS[2]),
    "a dangerous structure of three": _together(
        session(read(1), write(2)), session(read(2), write(3)), session(write(1)), isolation=LEVELS[2]
    ),
    "a reader alone is refused": _together(
        session(read(1), read(2)), session(read(1), write(2)), session(write(1)), isolation=LEVELS[2]
    ),
    "skip locked": _together(session(lock(None, "SKIP LOCKED")), session(lock(1), write(2)), session(delete(3))),
    "no wait": _together(session(lock(1, "NOWAIT"), write(1)), session(lock(1, "NOWAIT"), write(1))),
    "a key that is waited for": _together(*(session(insert(4, 100 + who)) for who in range(3))),
    "a key whose holder rolls back": _together(
        session(insert(4, 100), end=ROLLBACK), session(insert(4, 101)), session(insert(4, 102))
    ),
    "a key at repeatable read": _together(
        session(read(), insert(4, 100)), session(read(), insert(4, 101)), isolation=LEVELS[1]
    ),
    "a key at serializable": _together(
        session(read(), insert(4, 100)), session(read(), insert(4, 101)), isolation=LEVELS[2]
    ),
    "a row that is deleted and made again": _together(
        session(delete(1), insert(1)), session(write(1)), session(read(1))
    ),
    "rows that come while an update waits": _together(
        session(write(1), insert(4)), session(write(None)), session(read())
    ),
}


def _session(random: Random, keys: list[int]) -> tuple[Statement, ...]:
    statements = [each for _ in range(random.randint(1, 4)) for each in _statement(random, keys)][:4]
    return session(*statements, end=random.choices((COMMIT, ROLLBACK), (4, 1))[0])


def _statement(random: Random, keys: list[int]) -> Iterator[Statement]:
    key = random.choice(keys)
    match random.choices(range(8), (3, 2, 4, 4, 2, 3, 2, 1))[0]:
        case 0:
            yield read(key)
        case 1:
            yield read()
        case 2:
            yield lock(random.choice((key, key, None)), random.choice(("", "", "NOWAIT", "SKIP LOCKED")))
        case 3:
            yield write(
                random.choice((key, key, key, None)), random.choice(("value + 1", str(random.randint(100, 199))))
            )
        case 4:
            yield insert(random.choice((key, keys[-1] + 1)), random.randint(200, 299))
        case 5:
            yield delete(key)
        case 6:
            yield advise(random.choice((1, 2)))
            if random.random() < 0.5:
                yield random.choice((read(key), write(key)))
                yield Statement(Kind.UNLOCK, f"SELECT pg_advisory_unlock({random.choice((1, 2))})")
        case _:
            yield share(key)
