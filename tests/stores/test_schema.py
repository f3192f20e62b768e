"""The schema files say what the metadata says."""

from __future__ import annotations

import runpy
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "write_schema.py"


def test_the_schema_files_are_those_that_the_metadata_gives() -> None:
    script = runpy.run_path(str(SCRIPT))
    for dialect in script["DIALECTS"]:
        written = (script["FOLDER"] / f"{dialect}.sql").read_text(encoding="utf-8")
        assert written == script["schema"](dialect), "run scripts/write_schema.py"
