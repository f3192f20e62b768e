"""What psycopg is about to do, by the generator that it hands to `Connection.wait`: all that it sends goes that way."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final, NamedTuple

import psycopg
from psycopg import sql

from ticketlab.probes.postgres.statements import Effect, SqlEffect, effect_of

_SILENT: Final = frozenset(
    {
        *("_set_autocommit_gen", "_set_isolation_level_gen", "_set_read_only_gen", "_set_deferrable_gen"),
        *("_describe_gen", "_close_gen"),
    }
)
_UNTRIED: Final = {
    "notifies": "notifications",
    "_start_copy_gen": "COPY",
    "_stream_send_gen": "a stream of rows",
    "_tpc_begin_gen": "two-phase commit",
    "_tpc_prepare_gen": "two-phase commit",
    "_tpc_finish_gen": "two-phase commit",
}
_NOTHING: Final = SqlEffect(Effect.NOTHING)


class Coming(NamedTuple):
    """What is about to be done, with the cursor that takes the answer; `begins` says that a transaction may begin."""

    said: SqlEffect
    cursor: Any = None
    begins: bool = False


def coming(connection: psycopg.Connection[Any], generator: Generator[Any, Any, Any]) -> Coming:
    """Return what a generator that has not begun is about to do; what is not known concerns everybody."""
    name = getattr(generator, "__name__", "")
    names = getattr(getattr(generator, "gi_frame", None), "f_locals", {})
    owner = names.get("self")
    if name == "_execute_gen":
        said = effect_of(text_of(names["query"], connection))
        return Coming(said, owner, begins=not connection.autocommit)
    if name == "_declare_gen":
        said = effect_of(text_of(names["query"], connection))
        return Coming(said, begins=not connection.autocommit)
    if name == "_fetch_gen":
        return Coming(SqlEffect(Effect.CHANGE), begins=not connection.autocommit)
    if isinstance(owner, psycopg.Transaction):
        return _of_block(owner, name, names)
    if name in ("_commit_gen", "_rollback_gen"):
        return Coming(SqlEffect(Effect.COMMIT if name == "_commit_gen" else Effect.ROLLBACK))
    if name in _SILENT:
        return Coming(_NOTHING)
    return Coming(SqlEffect(Effect.EVERYTHING, untried=(_UNTRIED.get(name, f"psycopg's {name.strip('_')}"),)))


def _of_block(block: psycopg.Transaction, name: str, names: Any) -> Coming:
    """Return what `with connection.transaction()` is about to do."""
    outer = block._outer_transaction
    if name == "_enter_gen":
        return Coming(SqlEffect(Effect.NOTHING, opens_savepoint=block.connection.info.transaction_status != 0))
    if names.get("exc_val") or block.force_rollback:
        return Coming(SqlEffect(Effect.ROLLBACK if outer else Effect.BACK))
    return Coming(SqlEffect(Effect.COMMIT) if outer else _NOTHING)


def text_of(query: Any, connection: psycopg.Connection[Any]) -> str:
    """Return the text of a query in any of the forms that psycopg takes."""
    if isinstance(query, bytes):
        return query.decode(errors="replace")
    if isinstance(query, sql.Composable):
        return query.as_string(connection)
    return query if isinstance(query, str) else str(getattr(query, "strings", query))
