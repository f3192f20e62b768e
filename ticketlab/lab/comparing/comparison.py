"""Comparisons: every cell of a matrix raced in several rounds, and judged in each of them.

Each cell is raced to warm up, until it is known how many orders make a round of the wanted length. Then all cells are
raced once in each round, in alternating order: so a machine whose speed drifts slows all of them alike, and no cell
always follows the same neighbour. Every race is judged by the same oracles as a single race.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ticketlab.core.result import Metrics, Result
from ticketlab.core.verdict import Anomaly, Verdict
from ticketlab.lab.comparing.cells import Cell, CellMatrix
from ticketlab.lab.comparing.comparison_result import ComparisonResult
from ticketlab.lab.comparing.crash_safety import CrashSafety
from ticketlab.lab.comparing.queueing import Queue, turns_of
from ticketlab.lab.comparing.ranking import CellResult, median_curve
from ticketlab.lab.environment import environment
from ticketlab.lab.racing.metrics import curve
from ticketlab.lab.racing.options import RaceOptions
from ticketlab.lab.racing.race import run_race

_CELL_SECONDS: Final = 2.0
_ROUNDS: Final = 5
_WARM_UP_SALES: Final = 200
_MOST_WARM_UPS: Final = 5
MOST_SALES: Final = 20_000
"""The most sales of a round; more take longer to judge than to sell."""
_KEPT_EVIDENCE: Final = 20
"""How many entries a comparison keeps of a list of evidence; the row's command brings back all of them."""

RaceCell = Callable[[Cell, int], Result]
"""Races one round of a cell, with so many orders for each buyer."""
ComparisonProgress = Callable[[int, int, Cell], None]


@dataclass(frozen=True, slots=True)
class SamplingPlan:
    """How much is measured: the number of rounds, and the length of a round.

    `seconds` is how long each cell sells in all its rounds together; `orders`, of a buyer in a round, takes its place.
    """

    rounds: int = _ROUNDS
    seconds: float = _CELL_SECONDS
    orders: int | None = None

    def next_orders(self, raced: Sequence[tuple[int, float]], buyers: int) -> int:
        """Return how many orders of a buyer make a round of the wanted length, by the races (orders, seconds) so far.

        Waking a hundred buyers may take longer than their first orders. So the estimate is the slope between the last
        two races. A race that was too short is followed by one of 2 to 10 times the orders.
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
        """The wanted length of a round, in seconds."""
        return self.seconds / self.rounds


@dataclass(slots=True)
class _Samples:
    """The races of one cell so far."""

    orders: int
    sold: int = 0
    verdicts: list[Verdict] = field(default_factory=list)
    metrics: list[Metrics] = field(default_factory=list)
    curves: list[list[float]] = field(default_factory=list)
    queues: list[Queue] = field(default_factory=list)


class Comparison:
    """A comparison that is being measured; `result` can be asked for at any time."""

    def __init__(
        self,
        matrix: CellMatrix,
        plan: SamplingPlan,
        timeout: float = 60.0,
        *,
        race_cell: RaceCell | None = None,
        measured_on: Mapping[str, Any] | None = None,
        crash_safety: CrashSafety | None = None,
        references: Sequence[Cell] = (),
        keep_queues: bool = False,
    ) -> None:
        self.matrix = matrix
        self.references = references
        self._crash_safety = crash_safety or {}
        self.plan = plan
        self.rounds = 0
        self.environment = measured_on or environment(Path())  # before the comparison itself loads the machine
        self._timeout = timeout
        self._keep_queues = keep_queues
        self._race = race_cell or self._live
        self._samples: dict[Cell, _Samples] = {}

    def run(self, progress: ComparisonProgress) -> None:
        """Measure; `progress` is called with the round (0: the warm-up), the cell's number in it, and the cell."""
        for number, cell in enumerate(self.cells):
            progress(0, number, cell)
            self._warm_up(cell)
        for _ in range(self.plan.rounds):
            self.measure_round(progress)

    @property
    def cells(self) -> list[Cell]:
        """All that is raced: the cells of the matrix, and the references."""
        return list(dict.fromkeys([*self.matrix.cells, *self.references]))

    def measure_round(self, progress: ComparisonProgress) -> None:
        """Measure every cell once more; there may be more rounds than the plan wants."""
        turn = self.rounds + 1
        for number, cell in enumerate(self.cells if turn % 2 else reversed(self.cells)):
            progress(turn, number, cell)
            self._measure(cell)
        self.rounds = turn

    def _live(self, cell: Cell, orders: int) -> Result:
        return run_race(cell.scenario(orders), RaceOptions(cell.launcher, timeout=self._timeout, trace=False))

    def _warm_up(self, cell: Cell) -> None:
        """Race until one race was long enough to tell how many orders a round needs."""
        orders = self.plan.orders or max(1, _WARM_UP_SALES // cell.buyers)
        samples = self._samples[cell] = _Samples(orders)
        raced: list[tuple[int, float]] = []
        while len(raced) < _MOST_WARM_UPS:
            result = self._race(cell, samples.orders)
            samples.verdicts.append(_brief(result))
            raced.append((samples.orders, result.metrics.race_s))
            samples.orders = self.plan.next_orders(raced, cell.buyers)
            if not self.plan.too_short(result.metrics.race_s) or samples.orders <= raced[-1][0]:
                return

    def _measure(self, cell: Cell) -> None:
        samples = self._samples[cell]
        result = self._race(cell, samples.orders)
        samples.sold = result.sold
        samples.verdicts.append(_brief(result))
        samples.metrics.append(result.metrics)
        samples.curves.append(curve(result.history.operations))
        if self._keep_queues:
            samples.queues.append(turns_of(result.history.operations))

    def measured(self, cells: Sequence[Cell]) -> list[CellResult]:
        """Return the cells by the finished rounds; of a round that was cut short, only the verdicts count."""
        if not self.rounds:
            return []
        return [
            CellResult(
                cell=cell,
                orders=samples.orders,
                sold=samples.sold,
                verdict=merged(samples.verdicts),
                races=len(samples.verdicts),
                wrong_races=sum(bool(verdict.anomalies) for verdict in samples.verdicts),
                metrics=samples.metrics[: self.rounds],
                curve=median_curve(samples.curves[: self.rounds]),
                queues=samples.queues[: self.rounds],
            )
            for cell, samples in ((cell, self._samples[cell]) for cell in cells)
        ]

    def result(self) -> ComparisonResult:
        """Return what was measured so far."""
        return ComparisonResult(
            cells=self.measured(self.matrix.cells),
            references=self.measured(self.references),
            unsupported=self.matrix.unsupported,
            rounds=self.rounds,
            rounds_wanted=self.plan.rounds,
            crash_safety=self._crash_safety,
            environment=self.environment,
        )


def merged(verdicts: Iterable[Verdict]) -> Verdict:
    """Return one verdict for several rounds: anomalous if one round is; the first anomaly of each name is kept."""
    anomalies: dict[str, Anomaly] = {}
    reason = ""
    for verdict in verdicts:
        reason = reason or verdict.reason
        for anomaly in verdict.anomalies:
            anomalies.setdefault(anomaly.name, anomaly)
    return Verdict(list(anomalies.values()), reason)


def _brief(result: Result) -> Verdict:
    """Shorten long evidence: an unsynchronized strategy may go wrong a thousand times in a round."""
    anomalies = [Anomaly(each.name, each.sentence, _cut(each.evidence)) for each in result.verdict.anomalies]
    return Verdict(anomalies, result.verdict.reason)


def _cut(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _cut(each) for key, each in list(value.items())[:_KEPT_EVIDENCE]}
    if isinstance(value, (list, tuple)):
        return [_cut(each) for each in value[:_KEPT_EVIDENCE]]
    return value
