"""Numbered tickets in PostgreSQL: a table with a row for each number, and the statements of those who sell from it.

A number that has a buyer is sold, for good: a cancelled number is void, and a new one is put on sale in its place. So
the stock's record counts in `remaining` all numbers that were ever put on sale, and what is left follows from the rows.
No sale changes the record, so sales do not wait for each other there.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.schema import CreateTable

from ticketlab.core.errors import Conflict
from ticketlab.core.inventory import Cancel, Cancelled, Entry, Stock
from ticketlab.core.pacing import UNCHANGED, note
from ticketlab.stores.postgres_session import PostgresSession
from ticketlab.stores.schema import NUMBERED

if TYPE_CHECKING:
    from ticketlab.stores.paced_connection import PacedConnection

_COUNT: Final = """
    SELECT s.remaining, (SELECT count(*) FROM numbered AS n WHERE n.section = s.section AND n.buyer IS NOT NULL)
    FROM stock AS s WHERE s.section = %(section)s
"""
_FREE: Final = """
    SELECT number FROM stock AS s, generate_series(1, s.remaining) AS number
    WHERE s.section = %(section)s
    AND NOT EXISTS (SELECT FROM numbered AS n WHERE n.section = s.section AND n.ticket = number)
    ORDER BY number LIMIT %(quantity)s
"""
_INSERT: Final = """
    INSERT INTO numbered (section, ticket, buyer)
    SELECT %(section)s, number, %(buyer)s FROM unnest(%(numbers)s::bigint[]) AS number
    ON CONFLICT DO NOTHING
"""
_LOCK: Final = """
    SELECT ticket FROM numbered WHERE section = %(section)s AND buyer IS NULL
    ORDER BY ticket LIMIT %(quantity)s FOR UPDATE SKIP LOCKED
"""
_SELL: Final = """
    UPDATE numbered SET buyer = %(buyer)s WHERE section = %(section)s AND ticket = ANY(%(numbers)s::bigint[])
"""
_PUT_ON_SALE: Final = """
    UPDATE stock SET remaining = remaining + %(quantity)s, version = version + 1
    WHERE section = %(section)s RETURNING remaining
"""
_LIST: Final = """
    INSERT INTO numbered (section, ticket)
    SELECT %(section)s, number FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS number
"""


@cache
def _table() -> str:
    return str(CreateTable(NUMBERED).compile(dialect=PGDialect_psycopg()))  # type: ignore[no-untyped-call]  # of SQLAlchemy


class NumberedTable(NamedTuple):
    """The table of a store: with a row for each number if `listed`, or only for those that are sold.

    If it is `keyed`, the server refuses a second row for a number.
    """

    listed: bool
    keyed: bool

    def make(self, connection: PacedConnection, opening: dict[str, int]) -> None:
        """Make the table, for sections that have so many tickets each."""
        with connection.transaction():
            connection.execute(_table())
            if not self.keyed:
                connection.execute("ALTER TABLE numbered DROP CONSTRAINT numbered_pkey")
            if self.listed:
                for section, tickets in opening.items():
                    connection.execute(_LIST, {"section": section, "first": 1, "last": tickets})
        connection.execute("ANALYZE numbered")

    def reset(self, connection: PacedConnection) -> None:
        """Go back to the table as it was made."""
        if not self.listed:
            connection.execute("DELETE FROM numbered")
            return
        connection.execute(
            "DELETE FROM numbered AS n USING stock AS s WHERE n.section = s.section AND n.ticket > s.tickets"
        )
        connection.execute("UPDATE numbered SET buyer = NULL WHERE buyer IS NOT NULL")

    def count_into(self, stocks: dict[str, Stock], connection: PacedConnection) -> dict[str, Stock]:
        """Return the records with what the rows say about sales."""
        rows = connection.execute("SELECT section, count(*) FROM numbered WHERE buyer IS NOT NULL GROUP BY section")
        sold: dict[str, int] = dict(rows.fetchall())
        return {
            name: stock._replace(remaining=stock.remaining - sold.get(name, 0), issued=sold.get(name, 0))
            for name, stock in stocks.items()
        }


class NumberedSession(PostgresSession):
    """One buyer's connection, by which numbered tickets are sold as well."""

    def __init__(
        self, connection: PacedConnection, *, ledger: bool, advisory_key: int, table: NumberedTable | None
    ) -> None:
        super().__init__(connection, ledger=ledger, advisory_key=advisory_key)
        self._table = table

    def count_numbers(self, section: str) -> tuple[int, int]:
        """Count the section's numbers: those that were ever put on sale, and those that are sold."""
        row = self._access(self._reading, lambda: self._execute(_COUNT, {"section": section}).fetchone())
        on_sale, sold = row
        note("remaining", on_sale - sold)
        return on_sale, sold

    def free_numbers(self, section: str, quantity: int) -> tuple[int, ...]:
        """Return the lowest numbers of the section that nobody has, as many as asked for if there are as many."""
        found = self._access(self._reading, lambda: self._numbers(_FREE, section, quantity))
        note("remaining", len(found))
        return found

    def lock_free_numbers(self, section: str, quantity: int) -> tuple[int, ...]:
        """Lock the lowest free numbers until the transaction ends, and return them; those locked by others are skipped.

        There may be fewer than asked for, although more are free.
        """
        held = self._holds
        found = self._access(self._locking, lambda: self._numbers(_LOCK, section, quantity))
        if not found:
            self._holds = held
            note(UNCHANGED, "nothing to lock")
        return found

    def _numbers(self, sql: str, section: str, quantity: int) -> tuple[int, ...]:
        cursor = self._execute(sql, {"section": section, "quantity": quantity})
        return tuple(iter(lambda: (cursor.fetchone() or (0,))[0], 0))

    def insert_numbers(self, entry: Entry) -> None:
        """Insert a row for each number that an entry sells; raises Conflict if another buyer has one of them."""
        self._take(_INSERT, entry)

    def sell_numbers(self, entry: Entry) -> None:
        """Give the numbers that an entry sells, and that this transaction has locked, to the buyer."""
        self._take(_SELL, entry)

    def _take(self, sql: str, entry: Entry) -> None:
        values = {"section": entry.section, "buyer": entry.buyer, "numbers": list(entry.tickets)}

        def take() -> bool:
            done = self._execute(sql, values).rowcount == len(entry.tickets)
            if done:
                self._enter(entry)
            return done

        if not self._access(self._writing, take, single=False):
            note("refused", "the number is sold")
            raise Conflict("another buyer has the number")

    def give_back(self, request: Cancel) -> Cancelled:
        """Enter a cancellation, and put as many new numbers on sale, in a transaction of their own."""
        return self._access(self._writing, lambda: self._put_on_sale(request), single=False)

    def _put_on_sale(self, request: Cancel) -> Cancelled:
        section, quantity = request.section, len(request.tickets)
        (last,) = self._execute(_PUT_ON_SALE, {"section": section, "quantity": quantity}).fetchone()
        if self._table is not None and self._table.listed:
            self._execute(_LIST, {"section": section, "first": last - quantity + 1, "last": last})
        self._enter(Entry(request.buyer, section, request.tickets, cancels=True))
        return Cancelled(request.tickets)
