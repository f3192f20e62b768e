"""Functions that sell one seat out of a PostgreSQL database, as people write them with psycopg and SQLAlchemy."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import psycopg
from psycopg import IsolationLevel, errors
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

psycopg_pool: Any = import_module("psycopg_pool") if find_spec("psycopg_pool") else None
_READ = "SELECT seats FROM stock WHERE id = 1"
_WRITE = "UPDATE stock SET seats = %s WHERE id = 1"
_MORE = "UPDATE stock SET seats = seats + 1 WHERE id = %s"


def connect(*, autocommit: bool = False) -> psycopg.Connection[tuple[int]]:
    return psycopg.connect(os.environ["DATABASE_URL"], autocommit=autocommit)


def reset() -> None:
    with connect() as db:
        db.execute("CREATE TABLE stock (id int PRIMARY KEY, seats int)")
        db.cursor().executemany("INSERT INTO stock VALUES (%s, %s)", [(1, 1), (2, 1)])


def one_seat(returned: list[object]) -> bool:
    return returned.count(True) == 1


def _seats(db: psycopg.Connection[tuple[int]], suffix: str = "") -> int:
    row = db.execute(_READ + suffix).fetchone()
    assert row is not None
    return row[0]


def _sell(db: psycopg.Connection[tuple[int]], suffix: str = "") -> bool:
    seats = _seats(db, suffix)
    if seats > 0:
        db.execute(_WRITE, (seats - 1,))
    return seats > 0


def read_then_write() -> bool:
    with connect() as db:
        return _sell(db)


def locked() -> bool:
    with connect() as db:
        return _sell(db, " FOR UPDATE")


def in_a_block() -> bool:
    with connect(autocommit=True) as db, db.transaction():
        return _sell(db, " FOR UPDATE")


def locked_too_early() -> bool:
    with connect() as db:
        _seats(db, " FOR UPDATE")
        db.commit()
        return _sell(db)


def atomic() -> bool:
    with connect(autocommit=True) as db:
        return db.execute("UPDATE stock SET seats = seats - 1 WHERE id = 1 AND seats > 0").rowcount == 1


def serializable() -> bool:
    with connect() as db:
        db.isolation_level = IsolationLevel.SERIALIZABLE
        while True:
            try:
                with db.transaction():
                    return _sell(db)
            except errors.SerializationFailure:
                pass


def not_retried() -> bool:
    with connect() as db:
        db.isolation_level = IsolationLevel.SERIALIZABLE
        return _sell(db)


def advised() -> bool:
    with connect(autocommit=True) as db:
        db.execute("SELECT pg_advisory_lock(7)")
        sold = _sell(db)
        db.execute("SELECT pg_advisory_unlock(7)")
        return sold


def advised_too_briefly() -> bool:
    with connect() as db:
        db.execute("SELECT pg_advisory_lock(7)")
        sold = _sell(db)
        db.execute("SELECT pg_advisory_unlock(7)")
        return sold


def crosswise(who: int) -> None:
    with connect() as db:
        for row in (who, 3 - who):
            db.execute(_MORE, (row,))


def in_order() -> None:
    with connect() as db:
        for row in (1, 2):
            db.execute(_MORE, (row,))


def many_crosswise(who: int) -> None:
    with connect() as db:
        db.cursor().executemany(_MORE, [(who,), (3 - who,)])


def whole_table() -> None:
    with connect() as db:
        db.execute("UPDATE stock SET seats = seats + 1")


def dropped() -> int:
    db = connect()
    db.execute(_MORE, (1,))
    del db  # what was not committed is undone here, and the row is free
    with connect() as other:
        return _seats(other, " FOR UPDATE")


def with_copy() -> int:
    with connect() as db, db.cursor().copy("COPY stock TO STDOUT") as copy:
        return len(list(copy.rows()))


def with_time() -> int:
    with connect() as db:
        return len(db.execute("SELECT seats FROM stock WHERE now() > '2020-01-01'").fetchall())


def with_pipeline() -> None:
    with connect() as db, db.pipeline():
        db.execute(_MORE, (1,))
        db.execute(_MORE, (2,))


def with_messages() -> None:
    with connect(autocommit=True) as db:
        db.execute("NOTIFY news")


def with_timeout() -> None:
    with connect() as db:
        db.execute("SET LOCAL lock_timeout = '1s'")
        db.execute(_MORE, (1,))


def asynchronously() -> None:
    async def ask() -> None:
        async with await psycopg.AsyncConnection.connect(os.environ["DATABASE_URL"]) as db:
            await db.execute(_READ)

    asyncio.run(ask())


class Base(DeclarativeBase):
    pass


class Stock(Base):
    __tablename__ = "stock"
    id: Mapped[int] = mapped_column(primary_key=True)
    seats: Mapped[int]


ENGINE = create_engine("postgresql+psycopg://")  # the variables say where the server is


def reset_mapped() -> None:
    Base.metadata.create_all(ENGINE)
    with Session(ENGINE) as session:
        session.add(Stock(id=1, seats=1))
        session.commit()


def mapped(*, lock: bool = False) -> bool:
    with Session(ENGINE) as session:
        stock = session.get_one(Stock, 1, with_for_update=lock)
        sold = stock.seats > 0
        if sold:
            stock.seats -= 1
            session.commit()
        return sold


def mapped_and_locked() -> bool:
    return mapped(lock=True)


def pooled(suffix: str = "") -> bool:
    with (
        psycopg_pool.ConnectionPool(os.environ["DATABASE_URL"], min_size=1, max_size=1) as pool,
        pool.connection() as db,
    ):
        return _sell(db, suffix)


def pooled_and_locked() -> bool:
    return pooled(" FOR UPDATE")


def pooled_for_a_moment() -> bool:
    """A pool that keeps no connections, and has no limit."""
    with psycopg_pool.NullConnectionPool(os.environ["DATABASE_URL"]) as pool:
        pool.wait()
        with pool.connection() as first, pool.connection() as second:
            opened = first is not second
        return opened and first.closed and second.closed


def pooled_after_a_failure() -> bool:
    """What could not be opened takes no place in a pool."""
    with psycopg_pool.ConnectionPool(os.environ["DATABASE_URL"], max_size=1, min_size=1) as pool:
        there, pool.conninfo = pool.conninfo, "host=/nowhere"
        with suppress(psycopg.OperationalError):
            pool.getconn()
        pool.conninfo = there
        with pool.connection() as db:
            return not db.closed


def given_back_late() -> bool:
    """A pool that is closed closes what it is given back."""
    pool = psycopg_pool.ConnectionPool(
        os.environ["DATABASE_URL"], max_size=1, min_size=1, open=True, kwargs=lambda: {"autocommit": True}
    )
    db = pool.getconn()
    pool.close()
    pool.putconn(db)
    return bool(db.autocommit and db.closed)
