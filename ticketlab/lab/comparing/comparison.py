"""Comparisons: every cell of a matrix raced in several rounds, and what the rounds come to.

Each cell is raced to warm up, until it is known how many orders make a round of the wanted length. Then all
cells take their turns round by round, in alternating order, so that a machine whose speed drifts harms none of them
more than the others, and none always follows the same neighbour. Every race is judged by the same oracles as any other.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ticketlab.core.result import Metrics, Result, document
from ticketlab.core.verdict import Anomaly, Verdict
from ticketlab.lab.comparing.advice import UNTESTED, CrashSafety, advice
from ticketlab.lab.comparing.cells import Cell, CellMatrix
from ticketlab.lab.comparing.ranking import (
    CellResult,
    Rank,
    median_curve,
    medians,
    peers,
    ranking,
    ranks,
    spreads,
)
from ticketlab.lab.environment import environment
from ticketlab.lab.racing.metrics import SHARES, curve
from ticketlab.lab.racing.options import RaceOptions
from ticketlab.lab.racing.race import race

SECONDS: Final = 2.0
"""How long each cell sells, all its rounds together."""
ROUNDS: Final = 5
WARM_UP_SALES: Final = 200
WARM_UPS: Final = 5
"""How many races a warm-up may take."""
MOST_SALES: Final = 20_000
"""In one round: more takes longer to judge than to sell."""
SHOWN: Final = 20
"""How many of a long list of evidence a comparison keeps; its command brings back all of it."""

Race = Callable[[Cell, int], Result]
Progress = Callable[[int, int, Cell], None]


@dataclass(frozen=True, slots=True)
class SamplingPlan:
    """How much is measured: rounds, and the length of each by seconds of selling a cell or by orders a buyer."""

    rounds: int = ROUNDS
    seconds: float = SECONDS
    orders: int | None = None

    def next_orders(self, raced: Sequence[tuple[int, float]], buyers: int) -> int:
        """Return the orders of a buyer that would make a round of the wanted length, going by races (orders, seconds).

        Waking a hundred buyers may take longer than their first orders. So it is the slope between the last two races
        that counts; a race that was too short is followed by one of 2 to 10 times the orders.
        """
        if self.orders is not None:
            return self.orders
        (before, took_before), (orders, took) = [(0, 0.0), *raced][-2:]
        if orders > before and took > took_before:
            slope = (orders - before) / (took - took_before)
        else:
            slope = orders / took if took else float("inf")
        wanted = orders + (self.round_s - took) * slope if took < self.round_s else orders * self.round_s / took
        low, high = (2.0, 10.0) if self.too_short(took) else (0.0, 2.0)
        return max(1, min(round(min(max(wanted, low * orders), high * orders)), MOST_SALES // buyers))

    def too_short(self, race_s: float) -> bool:
        """Whether a race was too short to tell how long a round would be."""
        return race_s < 0.7 * self.round_s

    @property
    def round_s(self) -> float:
        """The wanted length of a round."""
        return self.seconds / self.rounds


@dataclass(slots=True)
class _Taken:
    """What one cell has given so far."""

    orders: int
    sold: int = 0
    verdicts: list[Verdict] = field(default_factory=list)
    metrics: list[Metrics] = field(default_factory=list)
    curves: list[list[float]] = field(default_factory=list)


class Comparison:
    """A comparison that is under way; what it has so far can be had at any time."""

    def __init__(
        self,
        matrix: CellMatrix,
        effort: SamplingPlan,
        timeout: float = 60.0,
        *,
        one: Race | None = None,
        surroundings: Mapping[str, Any] | None = None,
        crash_safety: CrashSafety | None = None,
    ) -> None:
        self.matrix = matrix
        self._crash_safety = crash_safety or {}
        self.effort = effort
        self.rounds = 0
        self.environment = surroundings or environment(Path())  # before we load the machine ourselves
        self._timeout = timeout
        self._race = one or self._live
        self._taken: dict[Cell, _Taken] = {}

    def run(self, progress: Progress) -> None:
        """Measure; `progress` is told the round (0: the warm-up), the cell's number in it, and the cell."""
        cells = self.matrix.cells
        for number, cell in enumerate(cells):
            progress(0, number, cell)
            self._warm_up(cell)
        for turn in range(1, self.effort.rounds + 1):
            for number, cell in enumerate(cells if turn % 2 else reversed(cells)):
                progress(turn, number, cell)
                self._measure(cell)
            self.rounds = turn

    def _live(self, cell: Cell, orders: int) -> Result:
        return race(cell.scenario(orders), RaceOptions(cell.launcher, timeout=self._timeout, trace=False))

    def _warm_up(self, cell: Cell) -> None:
        """Race until a race was long enough to tell how many orders a round needs."""
        orders = self.effort.orders or max(1, WARM_UP_SALES // cell.buyers)
        taken = self._taken[cell] = _Taken(orders)
        raced: list[tuple[int, float]] = []
        while len(raced) < WARM_UPS:
            result = self._race(cell, taken.orders)
            taken.verdicts.append(_brief(result))
            raced.append((taken.orders, result.metrics.race_s))
            taken.orders = self.effort.next_orders(raced, cell.buyers)
            if not self.effort.too_short(result.metrics.race_s) or taken.orders <= raced[-1][0]:
                return

    def _measure(self, cell: Cell) -> None:
        taken = self._taken[cell]
        result = self._race(cell, taken.orders)
        taken.sold = result.sold
        taken.verdicts.append(_brief(result))
        taken.metrics.append(result.metrics)
        taken.curves.append(curve(result.history.operations))

    def measured(self) -> list[CellResult]:
        """Return what the finished rounds say; of a round that was cut short only its verdicts count."""
        if not self.rounds:
            return []
        return [
            CellResult(
                cell=cell,
                orders=taken.orders,
                sold=taken.sold,
                verdict=merged(taken.verdicts),
                races=len(taken.verdicts),
                wrong_races=sum(bool(verdict.anomalies) for verdict in taken.verdicts),
                metrics=taken.metrics[: self.rounds],
                curve=median_curve(taken.curves[: self.rounds]),
            )
            for cell, taken in ((cell, self._taken[cell]) for cell in self.matrix.cells)
        ]

    def document(self, command: str) -> dict[str, Any]:
        """Return the result as it is printed, saved and exported."""
        measured = self.measured()
        places = {cell: place for group in peers(measured).values() for cell, place in ranks(group).items()}
        rows = [_row(each, places[each.cell], self._crash_safety) for each in measured]
        safe = [each for each in measured if each.cell.claims_safety]
        verdicts = [each.verdict.valid for each in safe]
        return document(
            "comparison",
            {
                "command": command,
                "valid": False if False in verdicts else None if None in verdicts or not rows else True,
                "anomalies": [_located(each.cell, anomaly) for each in safe for anomaly in each.verdict.anomalies],
                "rounds": self.rounds,
                "rounds_wanted": self.effort.rounds,
                "rows": rows,
                "unsupported": [
                    {"store": str(each.store), "strategy": str(each.strategy), "reason": each.reason}
                    for each in self.matrix.unsupported
                ],
                "advice": advice(measured, self._crash_safety),
                "warnings": [*_load_warnings(self.environment), *noise_warnings(measured)],
                "environment": self.environment,
            },
        )


def merged(verdicts: Iterable[Verdict]) -> Verdict:
    """Put the verdicts of several rounds together: once wrong is wrong; the first anomaly of each name is kept."""
    anomalies: dict[str, Anomaly] = {}
    reason = ""
    for verdict in verdicts:
        reason = reason or verdict.reason
        for anomaly in verdict.anomalies:
            anomalies.setdefault(anomaly.name, anomaly)
    return Verdict(list(anomalies.values()), reason)


def _brief(result: Result) -> Verdict:
    """Cut long evidence: an unguarded strategy goes wrong a thousand times in a round."""
    anomalies = [Anomaly(each.name, each.sentence, _cut(each.evidence)) for each in result.verdict.anomalies]
    return Verdict(anomalies, result.verdict.reason)


def _cut(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _cut(each) for key, each in list(value.items())[:SHOWN]}
    if isinstance(value, (list, tuple)):
        return [_cut(each) for each in value[:SHOWN]]
    return value


def _located(cell: Cell, anomaly: Anomaly) -> dict[str, Any]:
    return {"store": str(cell.store), "strategy": str(cell.strategy)} | anomaly.to_json()


def _row(each: CellResult, place: Rank, crash_safety: CrashSafety) -> dict[str, Any]:
    cell = each.cell
    return {
        "command": cell.command(each.orders),
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
        "measured": [metrics.sales_per_s for metrics in each.metrics],
        "curve": [list(point) for point in zip(SHARES, each.curve, strict=True)] if each.curve else [],
        "parts": None if cell.parts is None else list(cell.parts),
        "crash_safety": crash_safety.get(cell.pair, UNTESTED),
    }


def _load_warnings(surroundings: Mapping[str, Any]) -> list[str]:
    load, cores = surroundings["load_1min"], surroundings["cores"] or os.cpu_count() or 1
    if load <= cores:
        return []
    busy = f"the machine was busy before the first race (1-minute load {load:g} on {cores} cores)"
    return [f"{busy}: speeds are too low, and ratios less certain"]


def noise_warnings(measured: Sequence[CellResult]) -> list[str]:
    """Name the neighbours in rank whose order may be chance."""
    ties = []
    for (store, buyers), group in peers(measured).items():
        places = ranks(group)
        ranked = ranking(group)
        crowds = len({each.cell.buyers for each in measured}) > 1
        starters = len({each.cell.launcher for each in measured}) > 1
        where = f"{store} with {buyers} buyers" if crowds else store
        chains: list[list[str]] = []
        for before, each in zip([None, *ranked], ranked, strict=False):
            name = f"{each.cell.strategy} ({each.cell.launcher})" if starters else str(each.cell.strategy)
            if before is not None and places[before.cell].unsettled:
                chains[-1].append(name)
            else:
                chains.append([name])
        ties += [f"{where}: {' ≈ '.join(chain)}" for chain in chains if len(chain) > 1]
    if not ties:
        return []
    return [f"the order of some is too close to call ({'; '.join(ties)}): more --rounds or --seconds may tell"]
