"""The statements and tables of SQL stores, in more dialects than one."""

from __future__ import annotations

import pytest
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect

from ticketlab.core.inventory import OpenHold, Stock
from ticketlab.stores.statements import statements, to_row, to_stock

DIALECTS: dict[str, Dialect] = {
    "sqlite": sqlite.dialect(paramstyle="named"),
    "postgresql": postgresql.dialect(),  # type: ignore[no-untyped-call]
}


@pytest.mark.parametrize("name", DIALECTS)
def test_every_statement_exists_in_every_dialect(name: str) -> None:
    compiled = statements(DIALECTS[name])
    assert all(compiled)
    assert "RETURNING" in compiled.buy


def test_a_count_of_2_to_the_53_fits_into_every_dialect_s_columns() -> None:
    assert all("BIGINT" in table for table in statements(DIALECTS["postgresql"]).tables)
    assert all("INTEGER" in table for table in statements(DIALECTS["sqlite"]).tables)


@pytest.mark.parametrize("holds", [(), (OpenHold("1.1", 1, 2, 3.5), OpenHold("2.1", 2, 1, 4.0))])
def test_a_record_comes_back_from_its_row(holds: tuple[OpenHold, ...]) -> None:
    stock = Stock("main", 5, 3, 1, 4, holds)
    row = to_row(stock)
    assert to_stock(("main", 5, row["_remaining"], row["_issued"], row["_version"], row["_holds"])) == stock
