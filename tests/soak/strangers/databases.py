"""Databases in files, by other packages than the driver."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

import dataset
import django
import peewee
import requests_cache
import sqlite_utils
from apscheduler.jobstores.base import ConflictingIdError
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from cachew import cachew
from django.conf import settings
from django.core.cache import caches
from django.core.management import call_command
from django.db import connection
from pony import orm
from werkzeug.utils import secure_filename

from tests.soak.strangers.kit import one_true, use

settings.configure(
    CACHES={"default": {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": "dj"}},
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "dj.sqlite"}},
    INSTALLED_APPS=["django.contrib.sessions"],
    SECRET_KEY="not one",
    USE_TZ=True,
)
django.setup()
SESSIONS = import_module("django.contrib.sessions.backends.db").SessionStore


def shop(folder: Path) -> None:
    with closing(sqlite3.connect("shop.db")) as db:
        db.executescript("create table stock (id integer primary key, n integer); insert into stock (n) values (1)")


def none_left(folder: Path, returned: list[Any]) -> bool:
    with closing(sqlite3.connect("shop.db")) as db:
        return bool(db.execute("select n from stock").fetchone() == (0,)) and returned.count(True) == 1


def _peewee() -> tuple[Any, Any]:
    db = peewee.SqliteDatabase("shop.db", timeout=5)

    class Stock(peewee.Model):
        n = peewee.IntegerField()

        class Meta:
            database = db

    return db, Stock


@use("peewee", right=True, reset=shop, invariant=none_left)
def peewee_update() -> bool:
    db, stock = _peewee()
    with db.connection_context():
        return bool(stock.update(n=stock.n - 1).where(stock.n > 0).execute() == 1)


@use("peewee", right=True, reset=shop, invariant=none_left)
def peewee_immediate() -> bool:
    db, stock = _peewee()
    with db.connection_context(), db.atomic("IMMEDIATE"):
        row = stock.get()
        if row.n < 1:
            return False
        row.n -= 1
        row.save()
        return True


@use("peewee", right=False, reset=shop, invariant=none_left)
def peewee_save() -> bool:
    db, stock = _peewee()
    with db.connection_context():
        row = stock.get()
        if row.n < 1:
            return False
        row.n -= 1
        row.save()
        return True


@use("peewee", right=False, reset=shop, invariant=none_left)
def peewee_atomic() -> bool:
    """`atomic` begins a deferred transaction: one of two fails."""
    db, stock = _peewee()
    with db.connection_context(), db.atomic():
        row = stock.get()
        if row.n < 1:
            return False
        row.n -= 1
        row.save()
        return True


def _pony() -> tuple[Any, Any]:
    db = orm.Database()

    class Stock(db.Entity):
        _table_ = "stock"
        n = orm.Required(int)

    db.bind(provider="sqlite", filename=str(Path.cwd() / "shop.db"))
    db.generate_mapping()
    return db, Stock


@use("pony", right=True, reset=shop, invariant=none_left)
def pony_for_update() -> bool:
    _, stock = _pony()
    with orm.db_session:
        row = stock.get_for_update(id=1)
        if row.n < 1:
            return False
        row.n -= 1
        return True


@use("pony", right=False, reset=shop, invariant=none_left)
def pony_optimistic() -> bool:
    """Pony checks at the commit that nobody changed what was read, and raises if somebody did."""
    _, stock = _pony()
    with orm.db_session:
        row = stock[1]
        if row.n < 1:
            return False
        row.n -= 1
        return True


@use("dataset", right=True, reset=shop, invariant=none_left)
def dataset_query() -> bool:
    db = dataset.connect("sqlite:///shop.db")
    try:
        with db as transaction:
            return bool(transaction.query("update stock set n = n - 1 where n > 0 returning n").next()["n"] == 0)
    except StopIteration:
        return False
    finally:
        db.close()


@use("dataset", right=False, reset=shop, invariant=none_left)
def dataset_find_then_update() -> bool:
    db = dataset.connect("sqlite:///shop.db")
    try:
        row = db["stock"].find_one(id=1)
        if row["n"] < 1:
            return False
        db["stock"].update({"id": 1, "n": row["n"] - 1}, ["id"])
        return True
    finally:
        db.close()


@use("sqlite-utils", right=False, reset=shop, invariant=none_left)
def sqlite_utils_get_then_update() -> bool:
    db = sqlite_utils.Database("shop.db")
    with closing(db.conn):
        row = db["stock"].get(1)
        if row["n"] < 1:
            return False
        db["stock"].update(1, {"n": row["n"] - 1})
        return True


@use("sqlite-utils", right=True, reset=shop, invariant=none_left)
def sqlite_utils_execute() -> bool:
    db = sqlite_utils.Database("shop.db")
    with closing(db.conn), db.conn:
        return bool(db.execute("update stock set n = n - 1 where n > 0").rowcount == 1)


def job_table(folder: Path) -> None:
    store = SQLAlchemyJobStore(url="sqlite:///jobs.db")
    store.start(None, "default")
    store.shutdown()


class _Job:
    id = "nightly"
    next_run_time = None

    def __getstate__(self) -> dict[str, Any]:
        return {"id": self.id}


@use("apscheduler", right=True, reset=job_table, returned=one_true)
def apscheduler_add() -> bool:
    store = SQLAlchemyJobStore(url="sqlite:///jobs.db")
    try:
        store.add_job(_Job())
        return True
    except ConflictingIdError:
        return False
    finally:
        store.shutdown()


@use("apscheduler", right=False, reset=job_table, returned=one_true)
def apscheduler_looks_first() -> bool:
    store = SQLAlchemyJobStore(url="sqlite:///jobs.db")
    try:
        if store.lookup_job("nightly") is None:
            store.add_job(_Job())
            return True
        return False
    finally:
        store.shutdown()


@use("cachew", right=True)
def cachew_twice() -> list[int]:
    return list(_numbers(3))


@cachew("numbers.cachew")
def _numbers(count: int) -> Iterator[int]:
    yield from range(count)


@use("requests-cache", right=True)
def requests_cache_keys(who: int) -> int:
    cache = requests_cache.backends.sqlite.SQLiteDict("http.sqlite")
    cache[f"key{who}"] = "value"
    cache.close()
    return who


@use("werkzeug", right=False, returned=one_true)
def werkzeug_upload() -> bool:
    name = Path(secure_filename("a file.txt"))
    if name.exists():
        return False
    name.write_text("uploaded")
    return True


@use("django", right=False, returned=one_true)
def django_file_cache_add() -> bool:
    """The file cache's `add` looks and then sets: it is not atomic."""
    return bool(caches["default"].add("owner", "me"))


@use("django", right=True)
def django_file_cache_set() -> None:
    caches["default"].set("page", "the same for all")


def session_table(folder: Path) -> None:
    connection.close()
    call_command("migrate", verbosity=0, run_syncdb=True)
    connection.close()


@use("django", right=True, reset=session_table)
def django_sessions_apart(who: int) -> int:
    store = SESSIONS(session_key=None)
    store["who"] = who
    store.create()
    return int(SESSIONS(store.session_key)["who"])


def one_session(folder: Path) -> None:
    session_table(folder)
    store = SESSIONS()
    store["n"] = 0
    store.create()
    (folder / "key").write_text(store.session_key)
    connection.close()


def session_counted(returned: list[Any]) -> bool:
    try:
        return bool(SESSIONS(Path("key").read_text())["n"] == len(returned))
    finally:
        connection.close()


@use("django", right=False, reset=one_session, invariant=session_counted)
def django_session_update() -> None:
    store = SESSIONS(Path("key").read_text())
    store["n"] = store["n"] + 1
    store.save()
