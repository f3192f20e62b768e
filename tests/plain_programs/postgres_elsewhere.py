"""Functions that sell one seat out of a database whose address they know: the lab prepares nothing for them."""

from __future__ import annotations

from functools import cache

import psycopg

from ticketlab.stores.servers.postgresql import postgresql_server


@cache
def address() -> str:
    """Return the address of a database made for this process and those that it starts."""
    folder = postgresql_server().folder
    with psycopg.connect(f"host={folder} user=postgres dbname=postgres", autocommit=True) as db:
        db.execute("DROP DATABASE IF EXISTS elsewhere")
        db.execute("CREATE DATABASE elsewhere")
    with psycopg.connect(f"host={folder} user=postgres dbname=elsewhere") as db:
        db.execute("CREATE TABLE stock (seats int)")
        db.execute("INSERT INTO stock VALUES (1)")
    return f"host={folder} user=postgres dbname=elsewhere"


def reset() -> None:
    with psycopg.connect(address()) as db:
        db.execute("UPDATE stock SET seats = 1")


def read_then_write() -> bool:
    return _sold("SELECT seats FROM stock")


def locked() -> bool:
    return _sold("SELECT seats FROM stock FOR UPDATE")


def _sold(read: str) -> bool:
    with psycopg.connect(address()) as db:
        row = db.execute(read).fetchone()
        if not row or row[0] < 1:
            return False
        db.execute("UPDATE stock SET seats = %s", (row[0] - 1,))
        return True
