"""Advice from measurement: on each store, the fastest correct strategy, the fairest and the simplest.

*Fairest* is the highest median of Jain's index; strategies within 0.01 of it count as equally fair, and of those the
fastest is chosen. *Simplest* has the fewest moving parts (`StrategyKind.parts`); again the fastest of equals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, Final

from ticketlab.lab.comparing.ranking import CellResult, medians, peers, ranking

AS_FAIR: Final = 0.01
UNTESTED: Final = "not tested"

CrashSafety = Mapping[tuple[str, str], str]
"""By store and strategy, whether it survives a crash, in a few words."""


def advice(measured: Sequence[CellResult], crash_safety: CrashSafety) -> list[dict[str, Any]]:
    """Return the picks for each store and number of buyers, each with its metrics and its price."""
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
    """Return the fairest of cells that stand in the order of their speed."""
    fairness = [median(each.fairness for each in cell.metrics) for cell in ranked]
    return next(cell for cell, index in zip(ranked, fairness, strict=True) if index >= max(fairness) - AS_FAIR)


def simplest(ranked: Sequence[CellResult]) -> CellResult | None:
    """Return the cell with the fewest moving parts, of cells that stand in the order of their speed."""
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
