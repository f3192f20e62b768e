"""The forms in which a comparison, or a crash matrix, is printed and written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import click

FORMATS: Final = ("table", "json", "csv", "md")
_FILES: Final = {"export_json": "json", "export_csv": "csv", "export_markdown": "md", "html": "html"}
PLACES: Final = (*(key.replace("_", "-") for key in _FILES), "format", "force", "keep")
"""Options that say where results go, and not what they are."""


def refuse_existing(given: Mapping[str, Any]) -> None:
    """Raise UsageError where a file that is asked for would replace another unasked, or cannot be written."""
    from ticketlab.lab.artifacts import files

    for key in _FILES:
        if given[key] is not None:
            files.refuse_existing(given[key], force=given["force"])


def print_document(found: dict[str, Any], form: str) -> None:
    """Print a comparison or a crash matrix."""
    if form == "table":
        from ticketlab.cli.terminal import console
        from ticketlab.report.comparison import print_comparison
        from ticketlab.report.crashes import print_crashes

        (print_crashes if found["kind"] == "crashes" else print_comparison)(found, console())
    else:
        click.echo(_render(found, form), nl=False)


def write_outputs(found: dict[str, Any], given: Mapping[str, Any]) -> None:
    """Write the files that are asked for."""
    from ticketlab.lab.artifacts.files import write_text

    for key, form in _FILES.items():
        if given[key] is not None:
            write_text(given[key], _render(found, form), force=given["force"])


def _render(found: dict[str, Any], form: str) -> str:
    """Return a comparison or a crash matrix in one of the forms that are not for a terminal."""
    if form == "json":
        import json

        return json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    if form == "html":
        from ticketlab.report.page import render

        return render(found)
    if form == "csv":
        from ticketlab.report.csv_export import as_csv

        return as_csv(found)
    from ticketlab.report.markdown import as_markdown

    return as_markdown(found)
