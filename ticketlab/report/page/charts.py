"""The data of the page's charts: shares of purchases over latency, and metrics over the number of buyers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ticketlab.report.document import Document, Row

GROWTH: Final = {"sales_per_s": "sales per second", "p99_ms": "p99 latency in ms", "fairness": "fairness (Jain)"}


def charts(document: Document) -> dict[str, Any]:
    """Return the data of all charts; the list of a chart that has nothing to show is empty."""
    names = series_names(document.rows)
    return {
        "latency": [
            {"name": name, "wrong": row.valid is False, "curve": row.curve}
            for name, row in zip(names, document.rows, strict=True)
            if row.curve and row.curve[-1][1] > 0
        ],
        "growth": _growth(document.rows),
    }


def series_names(rows: Sequence[Row]) -> list[str]:
    """Return a name for each row that tells it from the others."""
    buyers = len({row.buyers for row in rows}) > 1
    launchers = len({row.launcher for row in rows}) > 1
    return [
        row.title + (f", {row.buyers} buyers" if buyers else "") + (f", {row.launcher}" if launchers else "")
        for row in rows
    ]


def _growth(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return a chart for each metric: a series for each way to sell, a point for each number of buyers."""
    buyers = sorted({row.buyers for row in rows})
    if len(buyers) < 2:
        return []
    series: dict[tuple[str, str, str], dict[int, Row]] = {}
    for row in rows:
        series.setdefault((row.store, row.strategy, row.launcher), {})[row.buyers] = row
    launchers = len({launcher for _, _, launcher in series}) > 1
    return [
        {
            "title": title,
            "buyers": buyers,
            "series": [
                {
                    "name": f"{strategy} on {store}" + (f", {launcher}" if launchers else ""),
                    "wrong": any(row.valid is False for row in points.values()),
                    "values": [points[n].metrics.get(name) if n in points else None for n in buyers],
                }
                for (store, strategy, launcher), points in series.items()
            ],
        }
        for name, title in GROWTH.items()
    ]


def within(curve: Sequence[tuple[float, float]], share: float) -> float | None:
    """Return the latency within which at least this share of the orders was answered."""
    return next((ms for reached, ms in curve if reached >= share), None)
