"""What is in a database, in place of the bytes of its file: these depend on the order of changes that come to the same.

The rows of a table count without their order.
"""

from __future__ import annotations

from contextlib import closing
from typing import Final

MAGIC: Final = b"SQLite format 3\0"
"""How the file of an SQLite database begins."""


def contents(path: str) -> bytes:
    """Return what is in a database, as SQL; if it cannot be read, why."""
    import sqlite3

    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            lines = sorted(database.iterdump())
    except sqlite3.Error as error:
        lines = [f"{type(error).__name__}: {error}"]
    return MAGIC + "\n".join(lines).encode(errors="surrogateescape")
