"""Right ways to take the last ticket from a database `shop.db`, and to enter a name once."""

import sqlite3
import time
from contextlib import closing


def take_if_left(who: int) -> bool:
    with closing(sqlite3.connect("shop.db")) as db, db:
        return db.execute("update stock set n = n - 1 where n > 0").rowcount == 1


def take_under_lock(who: int) -> bool:
    with closing(sqlite3.connect("shop.db", isolation_level=None)) as db:
        db.execute("begin immediate")
        (n,) = db.execute("select n from stock").fetchone()
        if n:
            db.execute("update stock set n = ?", (n - 1,))
        db.execute("commit")
        return bool(n)


def take_a_version(who: int) -> bool:
    with closing(sqlite3.connect("shop.db")) as db:
        while True:
            n, version = db.execute("select n, version from stock").fetchone()
            change = "update stock set n = ?, version = version + 1 where version = ?"
            with db:
                if n == 0 or db.execute(change, (n - 1, version)).rowcount:
                    return bool(n)


def claim_returning(who: int) -> bool:
    with closing(sqlite3.connect("shop.db", isolation_level=None)) as db:
        return db.execute("update stock set n = 0 where n > 0 returning id").fetchone() is not None


def insert_once(who: int) -> bool:
    with closing(sqlite3.connect("shop.db")) as db:
        try:
            with db:
                db.execute("insert into name values ('ann')")
        except sqlite3.IntegrityError:
            return False
        return True


def take_and_retry(who: int) -> bool:
    with closing(sqlite3.connect("shop.db", isolation_level=None)) as db:
        while True:
            try:
                db.execute("begin")
                (n,) = db.execute("select n from stock").fetchone()
                db.execute("update stock set n = ?", (max(n - 1, 0),))
                db.execute("commit")
                return bool(n)
            except sqlite3.OperationalError:
                if db.in_transaction:
                    db.execute("rollback")
                time.sleep(0.01)
