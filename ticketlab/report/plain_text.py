"""An interleaving as plain text, for test reports and exceptions."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO

from rich.console import Console

from ticketlab.core.verdict import Anomaly
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.report.interleaving import interleaving

WIDTH = 120


def drawn(execution: Execution, buyers: int, anomalies: Sequence[Anomaly]) -> str:
    """Return the table of an execution, and under it the sentence of each anomaly."""
    page = StringIO()
    Console(file=page, width=WIDTH, highlight=False, no_color=True).print(interleaving(execution, buyers, anomalies))
    return "\n".join(line.rstrip() for line in page.getvalue().splitlines())
