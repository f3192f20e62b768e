"""The tables of every SQL store; `db/schema/<dialect>.sql` is written from them by scripts/write_schema.py."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Integer, MetaData, String, Table, Text

METADATA = MetaData()

STOCK = Table(
    "stock",
    METADATA,
    Column("section", String(200), primary_key=True),
    Column("tickets", Integer, nullable=False),
    Column("remaining", Integer, nullable=False),
    Column("issued", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("holds", Text),  # a JSON list of [hold, buyer, quantity, until]; null where there are none
)

# One row a ticket. No unique constraint: whether a ticket is sold twice is what the lab wants to find out.
LEDGER = Table(
    "ledger",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("buyer", Integer, nullable=False),
    Column("section", String(200), nullable=False),
    Column("ticket", Integer, nullable=False),
    Column("cancels", Boolean, nullable=False),
)
