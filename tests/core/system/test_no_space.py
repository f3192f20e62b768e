"""A full disk is known by the numbers of errors, whatever their words, and however they are wrapped."""

from __future__ import annotations

import errno
import sqlite3
from contextlib import closing

import pytest

from ticketlab.core.system.no_space import no_space


class Wrapped(Exception):
    """As SQLAlchemy wraps what a driver raised."""

    def __init__(self, orig: object) -> None:
        super().__init__("wrapped")
        self.orig = orig


def full_database() -> sqlite3.OperationalError:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("PRAGMA max_page_count = 1")
        with pytest.raises(sqlite3.OperationalError) as raised:
            connection.execute("CREATE TABLE t AS SELECT zeroblob(100000)")
    return raised.value


def test_the_numbers_of_systems_and_databases_say_so() -> None:
    assert all(no_space(OSError(number, "")) for number in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT))
    assert no_space(full_database())
    assert no_space(Wrapped(full_database()))
    assert not no_space(OSError("[Errno 28] No space left on device"))
    assert not no_space(OSError(errno.EIO, "database or disk is full"))
    assert not no_space(Wrapped("[Errno 28]"))


def test_an_error_that_came_of_another_is_of_its_kind() -> None:
    error = ValueError("half a record")
    error.__cause__ = OSError(errno.ENOSPC, "")
    assert no_space(error)
