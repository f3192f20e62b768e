"""What stands in for `sqlite3.connect`, and what is done about connections as a participant's call begins and ends."""

from __future__ import annotations

import gc
import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import wraps
from sqlite3 import Connection
from typing import Any, Final

from ticketlab.probes.here import HERE
from ticketlab.probes.kind import ProbeKind
from ticketlab.probes.refusals import WRONG, raise_refusal
from ticketlab.probes.sqlite.connections import OPENED, probed_connection
from ticketlab.probes.sqlite.cursors import foreign
from ticketlab.probes.sqlite.transactions import path_of
from ticketlab.probes.standins import StandIn, alive

_connect: Final = sqlite3.connect
_FACTORY: Final = 5  # its place among the arguments of `sqlite3.connect`
_earlier: list[tuple[Connection, str]] = []


@wraps(_connect)
def _connecting(*args: Any, **options: Any) -> Any:
    if len(args) > _FACTORY:
        args = (*args[:_FACTORY], probed_connection(args[_FACTORY]), *args[_FACTORY + 1 :])
    else:
        options["factory"] = probed_connection(options.get("factory", Connection))
    return _connect(*args, **options)


def _find_earlier() -> list[tuple[Connection, str]]:
    """Return the connections that there are, with the files that they have open."""
    found = []
    for each in alive(lambda kind: issubclass(kind, Connection)):
        try:
            path = path_of(each)
        except sqlite3.Error:
            continue  # it is closed, or another thread's
        if path:
            found.append((each, path))
    return found


def _standins() -> Sequence[StandIn]:
    _earlier[:] = _find_earlier()
    return [StandIn(_connect, _connecting)]


def _begin() -> None:
    """Have connections that were opened before the search refuse a participant's statements."""
    for left in list(OPENED.pop(HERE.who, ())):  # of an execution that was broken off
        left.abandon()
    WRONG.clear()
    if _refusing_in[0] == os.getpid():
        return
    _refusing_in[0] = os.getpid()
    for connection, path in _earlier:
        with suppress(sqlite3.Error):
            Connection.set_authorizer(connection, _refusing_for(path))


_refusing_in = [0]


def _refusing_for(path: str) -> Callable[..., int]:
    def refuse(*_: Any) -> int:
        if not HERE.acts():
            return sqlite3.SQLITE_OK
        WRONG.append(foreign(path))
        return sqlite3.SQLITE_DENY

    return refuse


def _end() -> None:
    """Close what a participant has left open, and end it if it has to be."""
    opened = list(OPENED.get(HERE.who, ()))
    if any(one.transactions is not None and one.transactions.is_open for one in opened):
        gc.collect()  # so that what nobody refers to any more does not end at some other moment
    elif any(not one.is_closed for one in opened):
        gc.collect(1)  # which finds what the call has made
    for connection in opened:
        connection.leave()
    raise_refusal()


KIND = ProbeKind(
    name="sqlite",
    summary="sqlite3 by statement, with its locks and time-outs",
    standins=_standins,
    begin=_begin,
    end=_end,
)
