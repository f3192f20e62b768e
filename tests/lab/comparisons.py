"""Measured cells, and whole comparisons, made up instead of measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ticketlab.cli.command_lines import race_line
from ticketlab.core.history import History, Operation
from ticketlab.core.result import Metrics, Result
from ticketlab.core.spec import Spec
from ticketlab.core.verdict import Anomaly, Verdict
from ticketlab.lab.comparing.cells import Cell, CellMatrix
from ticketlab.lab.comparing.comparison import Comparison, SamplingPlan
from ticketlab.lab.comparing.ranking import CellResult

FIGURES = Metrics(1.0, 1.1, 1000.0, 1.0, 5.0, 9.0, 0.9, 0, 0, 0, 0.5, 0.2, 7.0, 4.0, 20.0, 0.01)
MACHINE = {
    "processor": "Quiet 2", "cores": 2, "system": "Linux 6.1", "file_system": "ext4", "load_1min": 0.1,
}  # fmt: skip
RIGHT = Verdict()
WRONG = Verdict([Anomaly("lost update", "the books forgot 3 sales", {"size": 3, "operations": list(range(500))})])
UNDECIDED = Verdict((), "the budget of 5 s was spent")


def cell(strategy: str = "lock", store: str = "json", launcher: str = "process", buyers: int = 2) -> Cell:
    return Cell(Spec.parse(store), Spec.parse(strategy), Spec.parse(launcher), buyers)


def metrics(rate: float, **changes: Any) -> Metrics:
    return replace(FIGURES, sales_per_s=rate, **changes)


def measured(rates: Sequence[float], verdict: Verdict = RIGHT, *, fairness: float = 0.9, **which: Any) -> CellResult:
    rounds = [metrics(rate, fairness=fairness) for rate in rates]
    return CellResult(cell(**which), 10, 20, verdict, 1, len(verdict.anomalies), rounds, [1.0] * 25)


def result(which: Cell, orders: int, rate: float, verdict: Verdict = RIGHT) -> Result:
    history = History({}, (Operation(1, "buy", 1, "ok", 0, 1_000_000, "main", (1,)),))
    return Result(
        "", str(which.store), str(which.strategy), str(which.launcher), which.buyers, orders * which.buyers,
        orders * which.buyers, verdict, metrics(rate), {}, {}, history,
    )  # fmt: skip


def comparison(
    rates: dict[str, float], verdicts: dict[str, Verdict] | None = None, *, rounds: int = 3, store: str = "json"
) -> Comparison:
    """Return a finished comparison of strategies whose rates are given."""
    matrix = CellMatrix([cell(strategy, store) for strategy in rates], [])

    def race(which: Cell, orders: int) -> Result:
        name = str(which.strategy)
        return result(which, orders, rates[name], (verdicts or {}).get(name, RIGHT))

    found = Comparison(matrix, SamplingPlan(rounds, 1.0), race_cell=race, measured_on=MACHINE)
    found.run(lambda *_: None)
    return found


def document(rates: dict[str, float], verdicts: dict[str, Verdict] | None = None, **settings: Any) -> dict[str, Any]:
    return comparison(rates, verdicts, **settings).result().to_json("ticketlab compare", race_line)
