"""What SQL texts name: the files of databases, and the tables that a statement touches, as SQLite itself says."""

from __future__ import annotations

import os
from _sqlite3 import Connection, Error, complete_statement

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from collections.abc import Iterator, Sequence
    from typing import Any, Final

_OK: Final = 0
_DELETE, _INSERT, _READ, _UPDATE = 9, 18, 20, 23
_TOUCHING: Final = ("select", "insert", "update", "delete", "replace", "with", "values")
_learnt: Final = dict[tuple[str, str], list[str]]()
_MOST_LEARNT: Final = 1_000


def path_to(database: Any, arguments: Sequence[Any], named: dict[str, Any]) -> str:
    """Return the absolute path of a database that is about to be opened; "" if it is none in a file."""
    try:
        path = os.fsdecode(os.fspath(database))
    except TypeError:
        return ""
    is_uri = named.get("uri", arguments[6] if len(arguments) > 6 else False)
    if is_uri and path.startswith("file:"):
        path, _, options = path.removeprefix("file:").partition("?")
        if "%" in path or "memory" in options or "vfs" in options or path.startswith("//"):
            return ""
    return "" if path in ("", ":memory:") else os.path.abspath(path)


def files_of(databases: Sequence[Any]) -> dict[str, str]:
    """Return the files of a connection by their names in it, as PRAGMA database_list says."""
    return {name: path for _, name, path in databases if path}


def attached(sql: str) -> list[str]:
    """Return the path of the database that a statement attaches, if its text says so."""
    if sql.lstrip()[:6].lower() != "attach":
        return []
    for quote in "'\"":
        _, found, rest = sql.partition(quote)
        path, end, _ = rest.partition(quote)
        if found and end and path not in ("", ":memory:") and not path.startswith("file:"):
            return [os.path.abspath(path)]
    return []


def split_statements(script: str) -> Iterator[str]:
    """Yield the statements of a script one by one."""
    piece = ""
    for part in script.split(";"):
        piece += part + ";"
        if complete_statement(piece):
            yield piece
            piece = ""
    if piece.strip("; \t\r\n"):
        yield piece.removesuffix(";")


def tables_of(connection: Any, files: dict[str, str], authorizer: Any, sql: str) -> list[str]:
    """Return the tables that a statement touches, each with what it does and the place of its file among all.

    What it does is a letter: r reads, w writes over rows, i inserts some. A capital letter says that it reads what it
    changes, at that very moment.
    """
    if not sql.lstrip().lower().startswith(_TOUCHING):
        return []
    key = files.get("main", ""), sql
    if key not in _learnt:
        if len(_learnt) >= _MOST_LEARNT:  # texts may have numbers in them
            _learnt.clear()
        _learnt[key] = _learn(connection, list(files), authorizer, sql)
    return _learnt[key]


def _learn(connection: Any, names: list[str], authorizer: Any, sql: str) -> list[str]:
    """Return what a statement touches, from what SQLite asks while it is prepared."""
    read: dict[Any, set[str]] = {}
    changed: dict[Any, tuple[str, set[str]]] = {}

    def allow(code: int, table: str | None, column: str | None, schema: str | None, _by: str | None) -> int:
        if code == _READ and table:
            read.setdefault((schema, table), set()).add(column or "")
        elif code in (_INSERT, _UPDATE, _DELETE) and table:
            letter, columns = changed.get((schema, table), ("i", set()))
            changed[schema, table] = letter if code == _INSERT else "w", columns
            columns.add(column if code == _UPDATE and column else "*")
        return _OK

    Connection.set_authorizer(connection, allow)
    try:
        Connection.__call__(connection, sql)
    except Error:
        return []
    finally:
        Connection.set_authorizer(connection, authorizer)
    found = []
    for key, (letter, columns) in changed.items():
        rereads = key in read and ("*" in columns or not columns.isdisjoint(read[key]))
        found.append(_coded(names, key, letter.upper() if rereads else letter))
    found += [_coded(names, key, "r") for key in read if key not in changed]
    return [each for each in found if each]


def _coded(names: list[str], key: tuple[str | None, str], letter: str) -> str:
    schema, table = key[0] or "main", key[1]
    if schema not in names or "\t" in table or "\x1f" in table:
        return ""
    return f"{letter}{names.index(schema)} {table}"
