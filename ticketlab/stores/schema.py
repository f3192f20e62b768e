"""The tables of every SQL store; `db/schema/<dialect>.sql` is written from them by scripts/write_schema.py."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Integer, MetaData, String, Table, Text

METADATA = MetaData()
POSTGRESQL_ONLY = MetaData()

# Counts go up to 2**53 (`core.inventory.MOST_TICKETS`). SQLite's INTEGER holds them, and only INTEGER numbers its rows.
_COUNT = BigInteger().with_variant(Integer(), "sqlite")

STOCK = Table(
    "stock",
    METADATA,
    Column("section", String(200), primary_key=True),
    Column("tickets", _COUNT, nullable=False),
    Column("remaining", _COUNT, nullable=False),
    Column("issued", _COUNT, nullable=False),
    Column("version", _COUNT, nullable=False),
    Column("holds", Text),  # a JSON list of [hold, buyer, quantity, until]; null if there are none
)

# One row for each ticket. No unique constraint: the lab wants to find out whether a ticket is sold twice.
LEDGER = Table(
    "ledger",
    METADATA,
    Column("id", _COUNT, primary_key=True),
    Column("buyer", _COUNT, nullable=False),
    Column("section", String(200), nullable=False),
    Column("ticket", _COUNT, nullable=False),
    Column("cancels", Boolean, nullable=False),
)

# Made for strategies that sell numbered tickets. A number with a buyer is sold, or was sold and is void.
NUMBERED = Table(
    "numbered",
    POSTGRESQL_ONLY,
    Column("section", String(200), primary_key=True),
    Column("ticket", BigInteger, primary_key=True, autoincrement=False),
    Column("buyer", BigInteger),
)
