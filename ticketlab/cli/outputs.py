"""Comparisons and crash matrices, printed and written in the forms that are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import click

FORMATS: Final = ("table", "json", "csv", "md")
_FILES: Final = {"export_json": "json", "export_csv": "csv", "export_markdown": "md", "html": "html"}
PLACES: Final = (*(key.replace("_", "-") for key in _FILES), "format", "force", "keep")
"""The options that say where results go, which a result's own command line leaves out."""


def refuse_existing_outputs(given: Mapping[str, Any]) -> None:
    """Raise UsageError if a file that is asked for exists and `--force` is not given, or if it cannot be written."""
    from ticketlab.lab.artifacts import files

    for key in _FILES:
        if given[key] is not None:
            files.refuse_existing(given[key], force=given["force"])


def print_document(found: dict[str, Any], form: str, following: Mapping[str, str]) -> None:
    """Print a comparison or a crash matrix; as a table, also the commands to type next, and what for."""
    if form == "table":
        from ticketlab.cli.terminal import console
        from ticketlab.report.comparison import print_comparison
        from ticketlab.report.crashes import print_crashes

        (print_crashes if found["kind"] == "crashes" else print_comparison)(found, following, console())
    else:
        click.echo(_render(found, form), nl=False)


def write_outputs(found: dict[str, Any], given: Mapping[str, Any]) -> None:
    """Write the files that are asked for."""
    from ticketlab.lab.artifacts.files import write_text

    for key, form in _FILES.items():
        if given[key] is not None:
            write_text(given[key], _render(found, form), force=given["force"])


def _render(found: dict[str, Any], form: str) -> str:
    """Return a comparison or a crash matrix as JSON, a page, CSV or Markdown."""
    if form == "json":
        import json

        return json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    if form == "html":
        from ticketlab.report.page import render

        return render(found)
    if form == "csv":
        from ticketlab.report.exports.csv_export import as_csv

        return as_csv(found)
    from ticketlab.report.exports.markdown import as_markdown

    return as_markdown(found)
