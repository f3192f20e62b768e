"""The SQL of an SQLite session, compiled once from the metadata, and the rows that it takes and gives.

SQLAlchemy keeps the engine, the schema and the dialect; its statements are run on the driver's own connection, because
building and unpacking a Core result costs several times what SQLite itself needs for a sale.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import bindparam, delete, insert, literal_column, select, update
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect
from sqlalchemy.schema import CreateTable

from ticketlab.core.inventory import OpenHold, Stock
from ticketlab.stores.schema import LEDGER, METADATA, STOCK


class Statements(NamedTuple):
    """The SQL of a session, compiled from the metadata; parameters are named."""

    read: str
    write: str
    compare_and_set: str
    buy: str
    cancel: str
    holds: str
    enter: str
    clear: str
    stocks: str
    ledger: str
    tables: tuple[str, ...]
    open: str


@cache
def statements() -> Statements:
    """Compile the statements, once a process; forked buyers inherit them."""
    p = bindparam
    one: Any = literal_column("1")  # a plain 1 would be one more parameter to bind
    here = STOCK.c.section == p("_section")
    left, issued, version = STOCK.c.remaining, STOCK.c.issued, STOCK.c.version
    replace = update(STOCK).values(
        remaining=p("_remaining"), issued=p("_issued"), version=p("_version"), holds=p("_holds")
    )
    take: dict[str, Any] = {
        "remaining": left - p("_quantity"),
        "issued": issued + p("_quantity"),
        "version": version + one,
    }
    give_back: dict[str, Any] = {"remaining": left + p("_quantity"), "version": version + one}
    ticket: dict[str, Any] = {
        "buyer": p("_buyer"),
        "section": p("_section"),
        "ticket": p("_ticket"),
        "cancels": p("_cancels"),
    }
    return Statements(
        read=_sql(select(STOCK).where(here)),
        write=_sql(replace.where(here)),
        compare_and_set=_sql(replace.where(here, version + one == p("_version"))),
        buy=_sql(update(STOCK).where(here, left >= p("_quantity")).values(take).returning(left, issued)),
        cancel=_sql(update(STOCK).where(here).values(give_back)),
        holds=_sql(select(one).select_from(STOCK).where(here, STOCK.c.holds.is_not(None))),
        enter=_sql(insert(LEDGER).values(ticket)),
        clear=_sql(delete(LEDGER)),
        stocks=_sql(select(STOCK)),
        ledger=_sql(select(LEDGER).order_by(LEDGER.c.id)),
        tables=tuple(_sql(CreateTable(table)) for table in METADATA.sorted_tables),
        open=_sql(insert(STOCK)),
    )


def _sql(statement: Any) -> str:
    return str(statement.compile(dialect=sqlite_dialect(paramstyle="named")))


def to_row(stock: Stock) -> dict[str, Any]:
    """Return a record as the parameters of the statements that write it."""
    section, _, remaining, issued, version, holds = stock
    return {
        "_section": section,
        "_remaining": remaining,
        "_issued": issued,
        "_version": version,
        "_holds": json.dumps(holds) if holds else None,
    }


def to_stock(row: tuple[Any, ...]) -> Stock:
    """Return the record that a row of the stock table is."""
    section, tickets, remaining, issued, version, holds = row
    if holds is None:
        return Stock(section, tickets, remaining, issued, version)
    return Stock(section, tickets, remaining, issued, version, tuple(OpenHold(*hold) for hold in json.loads(holds)))
