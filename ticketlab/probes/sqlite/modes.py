"""The driver's modes since Python 3.12: `autocommit` says how it commits, and to set it may commit or begin."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from sqlite3 import Connection
from typing import Any

from ticketlab.probes.here import probed
from ticketlab.probes.refusals import refuse
from ticketlab.probes.sqlite.cursors import at_work
from ticketlab.probes.sqlite.transactions import AUTOCOMMIT, Transactions, mode_of


def commit_by_mode(transactions: Transactions, call: Callable[[], None]) -> None:
    """Commit as the driver does: one that is told when to commit begins the next transaction at once."""
    transactions.commit(call, begins_anew=mode_of(transactions.connection) is False)


def reset_mode(connection: Connection, mode: Any) -> None:
    """Give a connection that has just been opened the mode that it once had."""
    if AUTOCOMMIT is not None and mode_of(connection) != mode:
        AUTOCOMMIT.__set__(connection, True)  # which ends what it may have begun as it was opened
        AUTOCOMMIT.__set__(connection, mode)


def mode_property() -> property:
    """Return `autocommit`: to commit at once from now on commits, and to commit when told begins a transaction."""

    def get(connection: Any) -> Any:
        connection.wake()
        return mode_of(connection)

    return property(get, probed(AUTOCOMMIT.__set__, _set_mode), doc=AUTOCOMMIT.__doc__)


def _set_mode(connection: Any, mode: Any) -> None:
    transactions = at_work(connection)
    set_mode = partial(AUTOCOMMIT.__set__, connection, mode)
    if transactions is None:
        set_mode()
    elif mode is not True:
        if mode is False and transactions.lent:
            transactions.lent = False  # what the change began that still returns rows is the user's from now on
        set_mode()
    elif transactions.lent:
        refuse("the lab does not see when a change is committed that returns rows while autocommit is set")
    else:
        transactions.commit(set_mode)
