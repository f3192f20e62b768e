"""Recommendations from measurement: on each store, the fastest correct strategy, the fairest and the simplest.

*Fairest* is the highest median of Jain's index; strategies within 0.01 of it count as equally fair, and the fastest of
these is chosen. *Simplest* has the fewest moving parts (`StrategyKind.parts`); among equals, the fastest is chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any, Final

from ticketlab.lab.comparing.crash_safety import UNTESTED, CrashSafety
from ticketlab.lab.comparing.ranking import CellResult, medians, peers, ranking

AS_FAIR: Final = 0.01


def recommendations(measured: Sequence[CellResult], crash_safety: CrashSafety) -> list[dict[str, Any]]:
    """Return the picks for each store and number of buyers, each with its metrics and its moving parts."""
    found = []
    for (store, buyers), group in peers(measured).items():
        ranked = ranking(group)
        if not ranked:
            continue
        picks = {"fastest": ranked[0], "fairest": fairest(ranked), "simplest": simplest(ranked)}
        for pick, each in picks.items():
            if each is not None:
                found.append({"store": store, "buyers": buyers, "pick": pick, **_priced(each, ranked[0], crash_safety)})
    return found


def fairest(ranked: Sequence[CellResult]) -> CellResult:
    """Return the fairest of cells, which are given in the order of their speed."""
    fairness = [median(each.fairness for each in cell.metrics) for cell in ranked]
    return next(cell for cell, index in zip(ranked, fairness, strict=True) if index >= max(fairness) - AS_FAIR)


def simplest(ranked: Sequence[CellResult]) -> CellResult | None:
    """Return the cell with the fewest moving parts, or None; the cells are given in the order of their speed."""
    known = [cell for cell in ranked if cell.cell.parts is not None]
    return min(known, key=lambda cell: len(cell.cell.parts or ()), default=None)


def _priced(each: CellResult, fastest: CellResult, crash_safety: CrashSafety) -> dict[str, Any]:
    metrics = medians(each.metrics)
    return {
        "strategy": str(each.cell.strategy),
        "launcher": str(each.cell.launcher),
        "sales_per_s": metrics["sales_per_s"],
        "p99_ms": metrics["p99_ms"],
        "fairness": metrics["fairness"],
        "ratio": each.rate / fastest.rate,
        "parts": None if each.cell.parts is None else list(each.cell.parts),
        "crash_safety": crash_safety.get(each.cell.pair, UNTESTED),
    }
