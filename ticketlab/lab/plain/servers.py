"""Database servers for functions: started by the lab, found by environment variables, empty before each execution."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, Final, Protocol
from urllib.parse import quote

from ticketlab.core.errors import TicketlabError, UsageError, unknown_name
from ticketlab.core.servers import ENDS, OWN_FOLDERS

_DATABASE: Final = "functions"
_EMPTYINGS_TO_VACUUM: Final = 500
"""After how many times the rows of the server's own catalogs are removed that these left dead."""
_EMPTY: Final = """
    SET lock_timeout = '20s';
    DO $$ DECLARE name text; BEGIN
        FOR name IN SELECT nspname FROM pg_namespace
            WHERE nspname <> 'information_schema' AND nspname NOT LIKE 'pg\\_%' AND (nspname <> 'public' OR EXISTS (
                SELECT FROM pg_depend WHERE refobjid = pg_namespace.oid AND refclassid = 'pg_namespace'::regclass))
        LOOP EXECUTE format('DROP SCHEMA %I CASCADE', name); END LOOP;
        CREATE SCHEMA IF NOT EXISTS public;
    END $$
"""
_COLUMNS: Final = """
    SELECT c.oid::regclass::text, array_agg(quote_ident(a.attname) ORDER BY a.attnum) FILTER (WHERE
        a.attidentity = '' AND a.atttypid NOT IN ('timestamp'::regtype, 'timestamptz'::regtype, 'date'::regtype,
            'time'::regtype, 'timetz'::regtype, 'interval'::regtype)
        AND NOT EXISTS (SELECT FROM pg_attrdef AS d WHERE d.adrelid = c.oid AND d.adnum = a.attnum
            AND a.attgenerated = '' AND pg_get_expr(d.adbin, d.adrelid) LIKE '%(%')
        AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.contype = 'f' AND k.conrelid = c.oid
            AND a.attnum = ANY(k.conkey)))
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't'
        AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
    GROUP BY c.oid
"""
"""The tables, and those columns that do not depend on a clock or on how often a counter was asked."""


class FunctionServer(Protocol):
    """A server for functions; its `url` is what clients are given."""

    url: str
    variables: dict[str, str]

    def empty(self) -> None:
        """Remove all that functions have put there."""

    def contents(self) -> Iterator[tuple[str, bytes]]:
        """Yield what is there, by name."""


class PostgresForFunctions:
    """A database in the lab's own PostgreSQL server."""

    def __init__(self) -> None:
        try:
            import psycopg
        except ImportError as error:
            raise UsageError("postgres needs its driver: pip install 'ticketlab[postgres]'") from error
        from ticketlab.stores.servers.postgresql import postgresql_server

        folder = str(postgresql_server().folder)
        OWN_FOLDERS.add(folder)
        self.url = f"postgresql://postgres@/{_DATABASE}?host={quote(folder, safe='')}"
        self.variables = {
            "DATABASE_URL": self.url,
            "PGHOST": folder,
            "PGPORT": "5432",
            "PGUSER": "postgres",
            "PGDATABASE": _DATABASE,
        }
        with psycopg.connect(f"host={folder} user=postgres dbname=postgres port=5432", autocommit=True) as first:
            if first.execute("SELECT FROM pg_database WHERE datname = %s", (_DATABASE,)).fetchone() is None:
                first.execute(f"CREATE DATABASE {_DATABASE}")
        self._connection: Any = psycopg.connect(self.url, autocommit=True)
        self._emptied = 0

    def empty(self) -> None:
        """Drop all schemas; raises TicketlabError if somebody has something locked."""
        from psycopg.errors import LockNotAvailable

        try:
            self._connection.execute(_EMPTY)
        except LockNotAvailable as error:
            raise TicketlabError(
                "the database cannot be emptied: reset or invariant has left a transaction open (commit, or close)"
            ) from error
        self._emptied += 1
        if self._emptied % _EMPTYINGS_TO_VACUUM == 0:
            self._connection.execute("VACUUM")

    def contents(self) -> Iterator[tuple[str, bytes]]:
        """Yield the rows of each table, in no order, without what counters and clocks make."""
        for table, columns in self._connection.execute(_COLUMNS).fetchall():
            told = ", ".join(columns or [])
            rows = self._connection.execute(f"SELECT ROW({told})::text FROM {table}").fetchall()  # noqa: S608
            yield f"{table} in postgres", "\n".join(sorted(row[0] for row in rows)).encode()


class ValkeyForFunctions:
    """A Valkey or Redis server of the lab's own."""

    def __init__(self) -> None:
        from ticketlab.stores.servers.valkey import SOCKET, valkey_server
        from ticketlab.stores.valkey_connection import ValkeyConnection, driver

        driver()
        folder = valkey_server("", of="functions").folder
        socket = str(folder / SOCKET)
        OWN_FOLDERS.add(socket)
        self.url = f"unix://{socket}?db=0"
        self.variables = {"REDIS_URL": self.url, "VALKEY_URL": self.url}
        self._connection = ValkeyConnection(self.url, "the lab's own server")

    def empty(self) -> None:
        """Delete all keys."""
        self._connection("FLUSHALL")

    def contents(self) -> Iterator[tuple[str, bytes]]:
        """Yield the value of each key: of a stream without the numbers of its entries, which are times.

        Of keys that expire in virtual time it says which these are, and not when.
        """
        ask = self._connection
        for key in ask("KEYS", "*"):
            kind = ask("TYPE", key)
            if key == ENDS:
                told: Any = sorted(ask("HKEYS", key))
            elif kind in _READ:
                told = _READ[kind](ask, key)
            else:
                told = ""
            yield f"{key} in valkey", repr(told).encode()


def _hash(ask: Callable[..., Any], key: str) -> Any:
    told = ask("HGETALL", key)  # a dict, or fields and values in turn: that depends on the protocol
    return sorted(told.items() if isinstance(told, dict) else zip(told[::2], told[1::2], strict=True))


_READ: Final[dict[str, Callable[[Callable[..., Any], str], Any]]] = {
    "string": lambda ask, key: ask("GET", key),
    "hash": _hash,
    "list": lambda ask, key: ask("LRANGE", key, 0, -1),
    "set": lambda ask, key: sorted(ask("SMEMBERS", key)),
    "zset": lambda ask, key: ask("ZRANGE", key, 0, -1, "WITHSCORES"),
    "stream": lambda ask, key: [fields for _, fields in ask("XRANGE", key, "-", "+")],
}
_KINDS: Final[dict[str, Callable[[], FunctionServer]]] = {
    "postgres": PostgresForFunctions,
    "valkey": ValkeyForFunctions,
}
SERVERS: Final = tuple(_KINDS)
"""The names of the servers that a function can be given."""


def server_named(name: str) -> FunctionServer:
    """Return a server for functions, which starts at the first call; environment variables say where it is.

    Raises:
        UsageError: there is no such server, or it is not installed.
        TicketlabError: it cannot be started.
    """
    if name not in _KINDS:
        raise unknown_name("server", name, SERVERS)
    server = _started(name, os.getpid())
    os.environ.update(server.variables)
    return server


def server_url(name: str) -> str:
    """Return the address of a server that the lab starts for functions: "postgres" or "valkey".

    Raises:
        UsageError: there is no such server, or it is not installed.
        TicketlabError: it cannot be started.
    """
    return server_named(name).url


def names_of(server: str | Sequence[str]) -> tuple[str, ...]:
    """Return the names of servers that are given as one text, with commas between them, or as several."""
    given = server.split(",") if isinstance(server, str) else server
    return tuple(each.strip() for each in given if each.strip())


@cache
def _started(name: str, _process: int) -> FunctionServer:
    return _KINDS[name]()
