"""Write db/schema/<dialect>.sql from the SQLAlchemy metadata.

uv run python scripts/write_schema.py
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.schema import CreateTable

from ticketlab.stores.schema import METADATA, POSTGRESQL_ONLY

FOLDER = Path(__file__).parents[1] / "db" / "schema"
DIALECTS = {
    "postgresql": PGDialect_psycopg(),  # type: ignore[no-untyped-call]  # of SQLAlchemy
    "sqlite": sqlite.dialect(),
}


def schema(dialect: str) -> str:
    """Return a dialect's CREATE TABLE statements."""
    listed = METADATA.sorted_tables + (POSTGRESQL_ONLY.sorted_tables if dialect == "postgresql" else [])
    tables = [str(CreateTable(table).compile(dialect=DIALECTS[dialect])) for table in listed]
    statements = "\n".join("\n".join(line.rstrip() for line in table.strip().splitlines()) + ";\n" for table in tables)
    return f"-- Written by scripts/write_schema.py from ticketlab/stores/schema.py.\n\n{statements}".replace(
        "\t", "    "
    )


if __name__ == "__main__":
    for name in DIALECTS:
        (FOLDER / f"{name}.sql").write_text(schema(name), encoding="utf-8")
        print(f"wrote db/schema/{name}.sql")
