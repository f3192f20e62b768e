"""Results as Markdown: the verdict, then a table, for an issue or a README."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ticketlab.report.document import Row, document
from ticketlab.report.exports import as_markdown
from ticketlab.report.page.view import number_text


def table(result: Mapping[str, Any]) -> str:
    """Return a result as Markdown, speeds of wrong strategies struck through.

    Raises:
        ValueError: the result is damaged.
    """
    found = document(result)
    if result.get("kind") == "comparison":
        return as_markdown(result)
    lines = [f"**{_escaped(found.headline)}**", ""]
    if any(row.figures for row in found.rows):
        lines += ["| strategy | store | buyers | books | sales/s | p50 ms | p99 ms | fairness |"]
        lines += ["|---|---|---:|---|---:|---:|---:|---:|", *map(_line, found.rows), ""]
    lines += [f"- {_escaped(each.name)}: {_escaped(each.sentence)}" for row in found.rows for each in row.findings]
    lines += ["", f"Run again with `{found.command.replace('`', '')}`."] if found.command else []
    return "\n".join(lines).replace("\n\n\n", "\n\n") + "\n"


def _line(row: Row) -> str:
    figures = [number_text(row.figures.get(key)) for key in ("sales_per_s", "p50_ms", "p99_ms", "fairness")]
    if row.valid is not True:
        figures[0] = f"~~{figures[0]}~~"
    cells = [f"`{row.strategy}`", f"`{row.store}`", str(row.buyers), row.verdict, *figures]
    return f"| {' | '.join(map(_cell, cells))} |"


def _cell(text: str) -> str:
    return _escaped(text) if "`" not in text else text.replace("|", "\\|").replace("\n", " ")


def _escaped(text: str) -> str:
    """Keep other people's names from becoming markup, or a line of their own."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(text.split()))
