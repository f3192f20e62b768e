"""The SQL of a session, compiled once for a dialect from the metadata, and the rows that it takes and gives.

SQLAlchemy provides the engine, the schema and the dialect; the statements run on the driver's own connection, because
to build and unpack a Core result costs several times what SQLite needs for a sale.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import bindparam, delete, insert, literal_column, select, update
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateTable

from ticketlab.core.inventory import OpenHold, Stock
from ticketlab.stores.schema import LEDGER, METADATA, STOCK


class Statements(NamedTuple):
    """The statements of a session; their parameters are named."""

    read: str
    lock: str
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
def statements(dialect: Dialect) -> Statements:
    """Return the statements in a dialect, compiled once for each process; forked buyers inherit them."""
    p = bindparam

    def sql(statement: Any) -> str:
        return str(statement.compile(dialect=dialect))

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
        read=sql(select(STOCK).where(here)),
        lock=sql(select(STOCK).where(here).with_for_update()),
        write=sql(replace.where(here)),
        compare_and_set=sql(replace.where(here, version + one == p("_version"))),
        buy=sql(update(STOCK).where(here, left >= p("_quantity")).values(take).returning(left, issued)),
        cancel=sql(update(STOCK).where(here).values(give_back)),
        holds=sql(select(one).select_from(STOCK).where(here, STOCK.c.holds.is_not(None))),
        enter=sql(insert(LEDGER).inline().values(ticket)),
        clear=sql(delete(LEDGER)),
        stocks=sql(select(STOCK)),
        ledger=sql(select(LEDGER).order_by(LEDGER.c.id)),
        tables=tuple(sql(CreateTable(table)) for table in METADATA.sorted_tables),
        open=sql(insert(STOCK).inline()),
    )


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
    """Return a row of the stock table as a record."""
    section, tickets, remaining, issued, version, holds = row
    if holds is None:
        return Stock(section, tickets, remaining, issued, version)
    return Stock(section, tickets, remaining, issued, version, tuple(OpenHold(*hold) for hold in json.loads(holds)))
