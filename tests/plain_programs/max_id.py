"""The next number of an order: one more than the largest, or the database's own."""

import sqlite3
from contextlib import closing
from pathlib import Path


def bad(who: int) -> None:
    with closing(sqlite3.connect("orders.db")) as db, db:
        (last,) = db.execute("select coalesce(max(number), 0) from orders").fetchone()
        db.execute("insert into orders values (?, ?)", (last + 1, who))


def good(who: int) -> None:
    with closing(sqlite3.connect("orders.db")) as db, db:
        db.execute("insert into orders(who) values (?)", (who,))


def reset(folder: Path) -> None:
    Path(folder, "orders.db").unlink(missing_ok=True)
    with closing(sqlite3.connect(Path(folder, "orders.db"))) as db, db:
        db.execute("create table orders(number integer primary key, who text)")


def invariant(folder: Path) -> None:
    with closing(sqlite3.connect(Path(folder, "orders.db"))) as db:
        assert db.execute("select count(*) from orders").fetchone() == (2,)
