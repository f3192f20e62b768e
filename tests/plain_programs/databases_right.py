"""Right ways to use a database `shop.db`, by the bare driver, SQLAlchemy and, if it is installed, Django."""

from __future__ import annotations

import importlib
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from sqlalchemy import Engine, create_engine, event, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.orm.exc import StaleDataError
from sqlalchemy.pool import NullPool

from tests.plain_programs.files_right import one_winner
from tests.plain_programs.sqlite_right import (
    claim_returning,
    insert_once,
    take_a_version,
    take_and_retry,
    take_if_left,
    take_under_lock,
)
from ticketlab.lab.plain.function import PlainFunction

MISSING: Final = [name for name in ("django",) if find_spec(name) is None]
_SCHEMA: Final = """create table stock (id integer primary key, n integer not null, version integer not null default 1);
create table name (name text unique); create table visit (page text primary key, n integer);
create table job (id integer primary key, owner integer); insert into job (owner) values (null), (null);
insert into stock (n) values (1)"""


def lay_out(folder: Path, journal: str = "delete") -> None:
    """Make the database, with one ticket and two jobs."""
    (folder / "shop.db").write_bytes(_laid_out())
    if journal != "delete":
        with closing(sqlite3.connect(folder / "shop.db")) as db:
            db.execute(f"pragma journal_mode = {journal}")


def lay_out_in_wal(folder: Path) -> None:
    """Make the database, with a write-ahead log."""
    lay_out(folder, "wal")


@cache
def _laid_out() -> bytes:
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(_SCHEMA)
        return db.serialize()


def column(folder: Path, query: str) -> list[Any]:
    """Return what a query returns, a column."""
    with closing(sqlite3.connect(folder / "shop.db")) as db:
        return [value for (value,) in db.execute(query)]


def sold_once(folder: Path, returned: list[bool]) -> bool:
    """Whether one process got the ticket, and the database knows."""
    return one_winner(returned) and column(folder, "select n from stock") == [0]


def count_visit() -> None:
    with closing(sqlite3.connect("shop.db")) as db, db:
        db.execute("insert into visit values ('home', 1) on conflict (page) do update set n = n + 1")


def visits_counted(folder: Path, returned: list[object]) -> bool:
    """Whether every visit was counted."""
    return column(folder, "select n from visit") == [len(returned)]


def take_job(who: int) -> int | None:
    with closing(sqlite3.connect("shop.db")) as db, db:
        free = "(select min(id) from job where owner is null)"
        row = db.execute(f"update job set owner = ? where id = {free} returning id", (who,)).fetchall()
    return int(row[0][0]) if row else None


def delete_job() -> int | None:
    with closing(sqlite3.connect("shop.db", isolation_level=None)) as db:
        row = db.execute("delete from job where id = (select min(id) from job) returning id").fetchall()
    return int(row[0][0]) if row else None


def jobs_apart(returned: list[int | None]) -> bool:
    """Whether every job was taken by one process."""
    return sorted(each for each in returned if each is not None) == [1, 2][: len(returned)]


def take_in_savepoint() -> bool:
    with closing(sqlite3.connect("shop.db", isolation_level=None)) as db:
        db.execute("begin immediate")
        db.execute("savepoint try")
        db.execute("update stock set n = n - 1")
        if db.execute("select n from stock").fetchone() == (-1,):
            db.execute("rollback to try")
        taken = db.total_changes > 0 and db.execute("select n from stock").fetchone() == (0,)
        had = db.execute("select version from stock").fetchone() == (1,)
        if taken and had:
            db.execute("update stock set version = 2")
        db.execute("commit")
        return taken and had


def take_exclusively() -> bool:
    with closing(sqlite3.connect("shop.db", isolation_level="EXCLUSIVE", timeout=30)) as db, db:
        db.execute("begin exclusive")
        (n,) = db.execute("select n from stock").fetchone()
        db.executemany("update stock set n = ?", [(max(n - 1, 0),)])
        return bool(n)


def read_or_take(who: int) -> bool:
    """Take the ticket, as the only one who does, or read twice in one transaction, which must see the same."""
    if who == 1:
        return take_if_left(who)
    with closing(sqlite3.connect("shop.db", isolation_level=None)) as db:
        db.execute("begin")
        first, second = (db.execute("select n, version from stock").fetchall() for _ in range(2))
        db.execute("commit")
        assert first == second
    return False


def _engine(begin: str = "begin immediate") -> Engine:
    """Return an engine that begins transactions by itself, as SQLAlchemy's manual says."""
    engine = create_engine("sqlite:///shop.db", poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def issue(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    return engine


class Base(DeclarativeBase):
    """What the mapped classes have in common."""


class Stock(Base):
    """How many tickets are left, with a version that SQLAlchemy compares."""

    __tablename__ = "stock"
    id: Mapped[int] = mapped_column(primary_key=True)
    n: Mapped[int]
    version: Mapped[int] = mapped_column()
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - as SQLAlchemy has it


class Name(Base):
    """A name that is entered once."""

    __tablename__ = "name"
    name: Mapped[str] = mapped_column(primary_key=True)


def core_immediate() -> bool:
    with _engine().begin() as connection:
        n = connection.execute(text("select n from stock")).scalar_one()
        connection.execute(text("update stock set n = :n"), {"n": max(n - 1, 0)})
    return bool(n)


def core_atomic() -> bool:
    engine = create_engine("sqlite:///shop.db", poolclass=NullPool)
    with engine.begin() as connection:
        return connection.execute(text("update stock set n = n - 1 where n > 0")).rowcount == 1


def session_immediate() -> bool:
    with Session(_engine()) as session, session.begin():
        stock = session.get_one(Stock, 1)
        if stock.n == 0:
            return False
        stock.n -= 1
    return True


def session_expression() -> bool:
    with Session(create_engine("sqlite:///shop.db", poolclass=NullPool)) as session, session.begin():
        done: Any = session.execute(update(Stock).where(Stock.n > 0).values(n=Stock.n - 1))
        return bool(done.rowcount)


def session_versions() -> bool:
    engine = create_engine("sqlite:///shop.db", poolclass=NullPool)
    while True:
        try:
            with Session(engine) as session, session.begin():
                stock = session.get_one(Stock, 1)
                if stock.n == 0:
                    return False
                stock.n -= 1
            return True
        except StaleDataError:
            continue


def session_unique() -> bool:
    try:
        with Session(create_engine("sqlite:///shop.db", poolclass=NullPool)) as session, session.begin():
            session.add(Name(name="ann"))
    except IntegrityError:
        return False
    return True


def _set_up_django() -> Any:
    """Return Django's parts, set up on the database of the current folder, or nothing if it is not installed."""
    if MISSING:
        return None
    found = {"ENGINE": "django.db.backends.sqlite3", "NAME": "shop.db"}
    immediate = {**found, "OPTIONS": {"transaction_mode": "IMMEDIATE"}}
    settings = importlib.import_module("django.conf").settings
    settings.configure(DATABASES={"default": found, "immediate": immediate}, USE_TZ=True)
    importlib.import_module("django").setup()
    db, models = importlib.import_module("django.db"), importlib.import_module("django.db.models")

    def model(called: str, **fields: Any) -> Any:
        meta = type("Meta", (), {"app_label": "shop", "managed": False, "db_table": called.lower()})
        return type(called, (models.Model,), {"__module__": __name__, "Meta": meta, **fields})

    return SimpleNamespace(
        Stock=model("Stock", n=models.IntegerField(), version=models.IntegerField()),
        Name=model("Name", name=models.TextField(primary_key=True)),
        atomic=db.transaction.atomic,
        F=models.F,
        IntegrityError=db.IntegrityError,
        close=db.connections.close_all,
    )


django: Final = _set_up_django()


def at_the_end_of_a_request(function: Callable[[Any], bool]) -> Callable[[], bool]:
    """Return a function that closes Django's connections afterwards, as Django does."""

    def work() -> bool:
        try:
            return function(django)
        finally:
            django.close()

    work.__qualname__ = function.__qualname__
    return work


@at_the_end_of_a_request
def django_f_expression(shop: Any) -> bool:
    with shop.atomic():
        return bool(shop.Stock.objects.filter(id=1, n__gt=0).update(n=shop.F("n") - 1))


@at_the_end_of_a_request
def django_immediate(shop: Any) -> bool:
    with shop.atomic(using="immediate"):
        stock = shop.Stock.objects.using("immediate").select_for_update().get(id=1)
        if stock.n == 0:
            return False
        stock.n -= 1
        stock.save()
        return True


@at_the_end_of_a_request
def django_version(shop: Any) -> bool:
    while True:
        stock = shop.Stock.objects.get(id=1)
        if stock.n == 0:
            return False
        same = shop.Stock.objects.filter(id=1, version=stock.version)
        if same.update(n=stock.n - 1, version=stock.version + 1):
            return True


@at_the_end_of_a_request
def django_get_or_create(shop: Any) -> bool:
    _, created = shop.Name.objects.get_or_create(name="ann")
    return bool(created)


@at_the_end_of_a_request
def django_create(shop: Any) -> bool:
    try:
        with shop.atomic():
            shop.Name.objects.create(name="ann")
    except shop.IntegrityError:
        return False
    return True


_SELLING: Final = (take_if_left, take_under_lock, take_a_version, take_and_retry, take_exclusively, take_in_savepoint)
_BY_SQLALCHEMY: Final = (core_immediate, core_atomic, session_immediate, session_expression, session_versions)
_BY_DJANGO: Final = () if MISSING else (django_f_expression, django_immediate, django_version)
_NAMING_BY_DJANGO: Final = () if MISSING else (django_create, django_get_or_create)
_LAID_OUT: Final[Sequence[Callable[..., object]]] = (lay_out, lay_out_in_wal)


def named(function: Callable[..., object], reset: Callable[..., object], **settings: Any) -> PlainFunction:
    """Return a function that says in its name how the database is laid out."""
    wal = ", in WAL" if reset is lay_out_in_wal else ""
    return PlainFunction(function=function, reset=reset, name=f"{function.__qualname__}{wal}", **settings)


RIGHT: Final[list[PlainFunction]] = [
    *(named(each, reset, invariant=sold_once) for each in (*_SELLING, claim_returning) for reset in _LAID_OUT),
    *(named(insert_once, reset, returned=one_winner) for reset in _LAID_OUT),
    *(named(count_visit, reset, invariant=visits_counted) for reset in _LAID_OUT),
    *(named(each, reset, returned=jobs_apart) for each in (take_job, delete_job) for reset in _LAID_OUT),
    *(named(read_or_take, reset, invariant=sold_once) for reset in _LAID_OUT),
    *(named(each, lay_out, invariant=sold_once) for each in _BY_SQLALCHEMY),
    named(session_unique, lay_out, returned=one_winner),
    *(named(each, reset, invariant=sold_once) for each in _BY_DJANGO for reset in _LAID_OUT),
    *(named(each, lay_out, returned=one_winner) for each in _NAMING_BY_DJANGO),
]
