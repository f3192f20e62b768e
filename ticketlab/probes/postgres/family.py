"""What stands in for psycopg's methods, and what is done about connections as a participant's call begins and ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from ticketlab.core import pacing
from ticketlab.core.errors import UsageError
from ticketlab.core.pacing import OUT_OF_SIGHT
from ticketlab.probes.here import HERE, probed
from ticketlab.probes.kind import ProbeKind
from ticketlab.probes.postgres.connection_pool import of_pool
from ticketlab.probes.postgres.pools import forget_connections, know_engines
from ticketlab.probes.refusals import WRONG, end_with, quietly, raise_refusal, refuse
from ticketlab.probes.standins import StandIn, alive

if TYPE_CHECKING:
    from ticketlab.probes.postgres.sessions import DatabaseSession

_open: Final[dict[int, list[DatabaseSession]]] = {}  # by participant
_name: Final = [""]
_forgot_in = [0]


def _standins() -> Sequence[StandIn]:
    return [*_of_psycopg(), *of_pool(_wait), *_of_older_driver()]


def _of_older_driver() -> Sequence[StandIn]:
    """Return what names the driver psycopg2, of whose calls Python tells nothing."""
    if "psycopg2" not in sys.modules:
        return []
    connect = sys.modules["psycopg2"].connect

    def named(*args: Any, **options: Any) -> Any:
        pacing.note(OUT_OF_SIGHT, f"{HERE.called} uses psycopg2, which the lab does not control")
        return connect(*args, **options)

    return [StandIn(connect, probed(connect, named))]


def _of_psycopg() -> Sequence[StandIn]:
    if "psycopg" not in sys.modules:
        return []
    import psycopg

    from ticketlab.probes.postgres.sessions import WAIT

    _name[0] = f"ticketlab_function_{os.getpid()}"
    know_engines()
    for each in alive(lambda kind: issubclass(kind, psycopg.Connection)):
        each._ticketlab_of = 0
    kind, cursor, tasks = psycopg.Connection, psycopg.Cursor, psycopg.AsyncConnection
    asynchronous = vars(tasks)["wait"]
    return [
        StandIn(WAIT, probed(WAIT, _wait), kind, "wait"),
        StandIn(kind.__init__, _opening(kind.__init__), kind, "__init__"),
        StandIn(kind.close, probed(kind.close, _closing(kind.close)), kind, "close"),
        StandIn(kind.__del__, _forgetting(kind.__del__), kind, "__del__"),
        StandIn(cursor.executemany, probed(cursor.executemany, _execute_many), cursor, "executemany"),
        StandIn(asynchronous, probed(asynchronous, _unseen(asynchronous)), tasks, "wait"),
    ]


def _unseen(original: Any) -> Any:
    def unseen(connection: Any, *args: Any, **options: Any) -> Any:
        pacing.note(OUT_OF_SIGHT, f"{HERE.called} uses psycopg.AsyncConnection, which the lab does not control")
        return original(connection, *args, **options)

    return unseen


def _opening(original: Any) -> Any:
    def open_it(connection: Any, *args: Any, **options: Any) -> None:
        connection._ticketlab_of = os.getpid()
        original(connection, *args, **options)

    return open_it


def _session(connection: Any) -> DatabaseSession:
    """Return what the lab knows of a connection; raises UsageError if another process has opened it."""
    from ticketlab.probes.postgres.sessions import DatabaseSession

    found: DatabaseSession | None = getattr(connection, "_ticketlab", None)
    if getattr(connection, "_ticketlab_of", 0) != os.getpid():
        refuse(
            f"the connection to {connection.info.dbname} was opened before the processes were started: open it in the "
            "function"
        )
    if found is None:
        try:
            found = connection._ticketlab = DatabaseSession(connection, _name[0])
        except UsageError as error:
            end_with(error)
    mine = _open.setdefault(HERE.who, [])
    if found not in mine:
        mine.append(found)
    return found


def _wait(connection: Any, generator: Any, *args: Any, **options: Any) -> Any:
    from ticketlab.probes.postgres.generators import coming

    if connection._pipeline is not None:
        refuse(f"{HERE.called} uses a pipeline, in which the lab cannot tell who waits: leave it out")
    session, what = _session(connection), coming(connection, generator)
    if what.said.untried and what.cursor is None and (args or options):
        refuse(f"{HERE.called} waits for {what.said.untried[0]} with a time-out, which the lab cannot do")
    cursor = what.cursor
    return session.make(
        lambda: generator, what.said, lambda: cursor.rowcount if cursor is not None else -1, begins=what.begins
    )


def _execute_many(cursor: Any, query: Any, params_seq: Any, *, returning: bool = False) -> None:
    """Execute a statement for each of the parameters, each as a step; alone they are one transaction."""
    connection = cursor._conn
    session = _session(connection)
    alone = connection.autocommit and connection.info.transaction_status == 0
    count, results = 0, []
    with connection.lock:
        if alone:
            session.raw("BEGIN")
        try:
            for params in params_seq:
                _wait(connection, cursor._execute_gen(query, params, prepare=True))
                count += max(0, cursor.rowcount)
                results += cursor._results
        except BaseException:
            if alone:
                session.leave()
            raise
        if alone:
            _wait(connection, connection._commit_gen())
    if returning and results:
        cursor._set_results(results)
    else:
        cursor._rowcount = count


def _closing(original: Any) -> Any:
    def close(connection: Any) -> None:
        session = getattr(connection, "_ticketlab", None)
        if session is not None and session.pid == os.getpid() and not connection.closed:
            pool = getattr(connection, "_pool", None)
            if not (pool and getattr(pool, "close_returns", False)):
                session.leave()
                _drop(session)
        original(connection)

    return close


def _drop(session: DatabaseSession) -> None:
    for sessions in _open.values():
        if session in sessions:
            sessions.remove(session)


def _forgetting(original: Any) -> Any:
    def forget(connection: Any) -> None:
        session = getattr(connection, "_ticketlab", None)
        if session is not None and session.pid == os.getpid() and not connection.closed:
            quietly(session.leave)
        original(connection)

    return forget


def _begin() -> None:
    """Put in order what an execution that was broken off has left; a forked process has no pools of its parent's."""
    WRONG.clear()
    if _forgot_in[0] != os.getpid():
        _forgot_in[0] = os.getpid()
        _open.clear()
        forget_connections()
    for session in _open.pop(HERE.who, []):
        if session.is_open:
            session.give_up()


def _end() -> None:
    """Give back what a participant has not given back, as the end of its process would."""
    for session in _open.get(HERE.who, []):
        if session.is_open:
            quietly(session.leave)
    raise_refusal()


KIND = ProbeKind(
    name="postgres",
    summary="psycopg by statement, with PostgreSQL's locks",
    standins=_standins,
    begin=_begin,
    end=_end,
)
