"""The result of a comparison: every cell with its verdict, its metrics and its rank, recommendations, and warnings."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ticketlab.core.result import as_document
from ticketlab.core.verdict import Anomaly, all_valid
from ticketlab.lab.comparing.cells import Cell
from ticketlab.lab.comparing.crash_safety import UNTESTED, CrashSafety
from ticketlab.lab.comparing.ranking import CellResult, Rank, medians, peers, ranking, ranks, samples, spreads
from ticketlab.lab.comparing.recommendations import recommendations
from ticketlab.lab.plugins.combinations import UnsupportedPair
from ticketlab.lab.racing.metrics import SHARES

CommandOf = Callable[[Cell, int], str]
"""Returns the command line that races one round of a cell, with so many orders for each buyer."""


@dataclass(frozen=True, slots=True)
class ComparisonResult:
    """A comparison, by the `rounds` that were finished of `rounds_wanted`.

    `references` show how fast the machine itself was, if that was measured.
    """

    cells: Sequence[CellResult]
    references: Sequence[CellResult]
    unsupported: Sequence[UnsupportedPair]
    rounds: int
    rounds_wanted: int
    crash_safety: CrashSafety
    environment: Mapping[str, Any]

    @property
    def valid(self) -> bool | None:
        """Whether every strategy that claims safety was right; None if one is undecided, or nothing was measured.

        If none claims safety, True if one of them was found out: that they were correct by luck shows nothing.
        """
        if self._claiming:
            return all_valid(each.verdict.valid for each in self._claiming)
        return True if any(each.verdict.valid is False for each in self.cells) else None

    @property
    def _claiming(self) -> list[CellResult]:
        return [each for each in self.cells if each.cell.claims_safety]

    def to_json(self, command: str, command_of: CommandOf = lambda _cell, _orders: "") -> dict[str, Any]:
        """Return the result as it is printed, saved and exported."""
        places = {cell: place for group in peers(self.cells).values() for cell, place in ranks(group).items()}
        return as_document(
            "comparison",
            {
                "command": command,
                "valid": self.valid,
                "anomalies": [
                    _located(each.cell, anomaly) for each in self._claiming for anomaly in each.verdict.anomalies
                ],
                "rounds": self.rounds,
                "rounds_wanted": self.rounds_wanted,
                "rows": [
                    _row(each, places[each.cell], self.crash_safety, command_of(each.cell, each.orders))
                    for each in self.cells
                ],
                "unsupported": [each.to_json() for each in self.unsupported],
                "references": [
                    {"store": str(each.cell.store), "strategy": str(each.cell.strategy), "buyers": each.cell.buyers}
                    | {"samples": samples(each.metrics)}
                    for each in self.references
                ],
                "recommendations": recommendations(self.cells, self.crash_safety),
                "warnings": [*_load_warnings(self.environment), *noise_warnings(self.cells)],
                "environment": self.environment,
            },
        )


def _located(cell: Cell, anomaly: Anomaly) -> dict[str, Any]:
    return {"store": str(cell.store), "strategy": str(cell.strategy)} | anomaly.to_json()


def _row(each: CellResult, place: Rank, crash_safety: CrashSafety, command: str) -> dict[str, Any]:
    cell = each.cell
    return {
        "command": command,
        "store": str(cell.store),
        "strategy": str(cell.strategy),
        "launcher": str(cell.launcher),
        "buyers": cell.buyers,
        "orders": each.orders,
        "tickets": each.orders * cell.buyers,
        "sold": each.sold,
        "valid": each.verdict.valid,
        "reason": each.verdict.reason,
        "anomalies": [anomaly.to_json() for anomaly in each.verdict.anomalies],
        "races": each.races,
        "wrong_races": each.wrong_races,
        "claims_safety": cell.claims_safety,
        "rank": place.rank,
        "ratio": place.ratio,
        "unsettled": place.unsettled,
        "metrics": medians(each.metrics),
        "spread": spreads(each.metrics),
        "samples": samples(each.metrics),
        "curve": [list(point) for point in zip(SHARES, each.curve, strict=True)] if each.curve else [],
        "parts": None if cell.parts is None else list(cell.parts),
        "crash_safety": crash_safety.get(cell.pair, UNTESTED),
    }


def _load_warnings(environment: Mapping[str, Any]) -> list[str]:
    load, cores = environment["load_1min"], environment["cores"] or os.cpu_count() or 1
    if load <= cores:
        return []
    busy = f"the machine was busy before the first race (1-minute load {load:g} on {cores} cores)"
    return [f"{busy}: speeds are too low, and ratios less certain"]


def noise_warnings(measured: Sequence[CellResult]) -> list[str]:
    """Name the strategies that are next to each other in rank and whose order may be chance."""
    ties = []
    for (store, buyers), group in peers(measured).items():
        places = ranks(group)
        ranked = ranking(group)
        several_counts = len({each.cell.buyers for each in measured}) > 1
        several_launchers = len({each.cell.launcher for each in measured}) > 1
        where = f"{store} with {buyers} buyers" if several_counts else store
        chains: list[list[str]] = []
        for before, each in zip([None, *ranked], ranked, strict=False):
            name = f"{each.cell.strategy} ({each.cell.launcher})" if several_launchers else str(each.cell.strategy)
            if before is not None and places[before.cell].unsettled:
                chains[-1].append(name)
            else:
                chains.append([name])
        ties += [f"{where}: {' ≈ '.join(chain)}" for chain in chains if len(chain) > 1]
    if not ties:
        return []
    return [f"the order of some is too close to call ({'; '.join(ties)}): more --rounds or --seconds may tell"]
