"""The schema files say what the metadata says."""

from __future__ import annotations

from scripts.write_schema import DIALECTS, FOLDER, schema


def test_the_schema_files_are_those_that_the_metadata_gives() -> None:
    for dialect in DIALECTS:
        written = (FOLDER / f"{dialect}.sql").read_text(encoding="utf-8")
        assert written == schema(dialect), "run scripts/write_schema.py"
