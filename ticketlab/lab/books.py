"""The books of a race or an execution, read afresh when it is over."""

from __future__ import annotations

from ticketlab.core.errors import GaveUp, TornRead
from ticketlab.core.inventory import Books
from ticketlab.core.plugin import FileStore, Store
from ticketlab.core.verdict import Anomaly


def read_books(store: Store, *, any_error: bool = False) -> tuple[Books | None, list[Anomaly]]:
    """Return a store's books; if they cannot be made out, None and an anomaly.

    It is "corrupted file" if the books are in a file, and "unreadable books" if they are elsewhere or stay locked. The
    store says so with `TornRead`, or with `GaveUp` for a lock. With `any_error` every exception counts: after a fault,
    the books may be damaged in ways that no store foresees. Otherwise other exceptions are raised.
    """
    name = "corrupted file" if isinstance(store, FileStore) else "unreadable books"
    try:
        return store.books(), []
    except GaveUp as error:
        name, reason = "unreadable books", str(error)
    except TornRead as error:
        reason = str(error)
    except Exception as error:
        if not any_error:
            raise
        reason = f"{type(error).__name__}: {error}"
    return None, [Anomaly(name, f"nobody can read the books any more: {reason}")]
