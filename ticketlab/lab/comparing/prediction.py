"""Predictions for more buyers than were measured, by two methods that share nothing but the races.

*law*: the Universal Scalability Law, fitted to the rates of all sizes (`scalability`). *queue*: a simulation that draws
from the turns of the largest size (`queueing`).

Both are checked before they are believed: each predicts the largest size that was measured from the smaller ones. Its
*error* is the factor by which it is off, less 1, whichever of the two values is larger. Beyond `BOUND` the method does
not fit, and predicts nothing. Otherwise its range runs from the lowest to the highest of what each round alone says,
widened by the error once for each step that is taken: the check goes one step, from the largest size but one to the
largest, and it is assumed that the same factor is lost with every further step as wide. So the way to a million buyers
may be too long for a method that fits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf, log
from statistics import median
from typing import Any, Final

from ticketlab.core.errors import UsageError
from ticketlab.lab.comparing.cells import Cell, CellMatrix
from ticketlab.lab.comparing.queueing import QUEUE_METRICS, simulate_batch, simulate_race
from ticketlab.lab.comparing.ranking import CellResult
from ticketlab.lab.comparing.scalability import LEAST_SIZES, fit_scalability
from ticketlab.lab.plugins.registry import launcher_kind

BOUND: Final = 0.25
"""The largest error of a method that still predicts."""
WIDEST_RANGE: Final = 100.0
"""A range that ends at more than so many times its beginning says nothing, and is not told."""
_TOO_WIDE: Final = {"low": None, "value": None, "high": None}
SIZES: Final = LEAST_SIZES + 1
"""How many sizes must be measured: those of a fit, and one to check it."""
MOST_PREDICTED: Final = 1_000_000
_METHODS: Final = {"law": ("sales/s",), "queue": QUEUE_METRICS}


@dataclass(frozen=True, slots=True)
class PredictionPlan:
    """The numbers of buyers to predict, and those that are measured only because predictions need them."""

    buyers: Sequence[int]
    added: Sequence[int]

    def document(self, measured: Sequence[CellResult]) -> dict[str, Any]:
        """Return the predictions as part of a result, each with its check, or with the reason why there is none."""
        groups: dict[tuple[str, str, str], list[CellResult]] = {}
        for each in sorted(measured, key=lambda each: each.cell.buyers):
            cell = each.cell
            groups.setdefault((str(cell.store), str(cell.strategy), str(cell.launcher)), []).append(each)
        return {
            "what": "prediction, not measured",
            "bound": BOUND,
            "buyers": list(self.buyers),
            "measured": sorted({each.cell.buyers for each in measured}),
            "added": list(self.added),
            "rows": [
                dict(zip(("store", "strategy", "launcher"), way, strict=True)) | row
                for way, group in groups.items()
                for row in _rows(group, self.buyers)
            ],
        }


def plan_prediction(text: str, matrix: CellMatrix) -> tuple[CellMatrix, PredictionPlan]:
    """Return what is to be measured to predict a list of numbers of buyers, and the plan for it.

    Raises:
        UsageError: the list is wrong, or no prediction is possible with these cells.
    """
    buyers = parse_predicted(text)
    matrix, added = with_enough_sizes(matrix, buyers)
    return matrix, PredictionPlan(buyers, added)


def parse_predicted(text: str) -> list[int]:
    """Read the numbers of buyers to predict from a list separated by commas, each once and in ascending order.

    Raises:
        UsageError: an entry is no number of buyers.
    """
    found = set()
    for part in map(str.strip, text.split(",")):
        if not (part.isascii() and part.isdigit() and 1 <= int(part[:9]) <= MOST_PREDICTED):
            raise UsageError(
                f"--predict {text!r}: {part!r} is not a number of buyers up to {MOST_PREDICTED:,}; write 10000,1000000"
            )
        found.add(int(part))
    return sorted(found)


def with_enough_sizes(matrix: CellMatrix, predicted: Sequence[int]) -> tuple[CellMatrix, list[int]]:
    """Return the matrix with as many numbers of buyers as predictions need, and those that were added.

    They are chosen between 1 and the largest, each about as many times the one before.

    Raises:
        UsageError: a size to predict can be measured, or there are too few sizes below the largest.
    """
    sizes = {cell.buyers for cell in matrix.cells}
    largest = max(sizes)
    if predicted[0] <= largest:
        raise UsageError(
            f"--predict {predicted[0]}: {largest} buyers are measured; predict more, or measure it with --buyers"
        )
    if largest < SIZES:
        raise UsageError(f"--predict needs {SIZES} numbers of buyers to measure: let --buyers reach {SIZES} or more")
    between = [round(largest ** (step / (SIZES - 1))) for step in reversed(range(SIZES))]
    added = sorted([size for size in between if size not in sizes][: max(0, SIZES - len(sizes))])
    ways = dict.fromkeys((cell.store, cell.strategy, cell.launcher) for cell in matrix.cells)
    cells = [Cell(*way, size) for way in ways for size in sorted(sizes | set(added))]
    return CellMatrix(cells, matrix.unsupported), added


def _rows(sizes: Sequence[CellResult], predicted: Sequence[int]) -> Iterable[dict[str, Any]]:
    """Yield a row for each method and metric. If a method's sales a second do not fit, its waits fit by chance only."""
    refused = _refused(sizes)
    for method, names in _METHODS.items():
        forecasts = {} if refused else (_law if method == "law" else _queue)(sizes)
        unfit = ""
        for name in names:
            row: dict[str, Any] = {"method": method, "metric": name, "reason": refused, "check": None, "predicted": []}
            if not refused:
                row |= _checked(forecasts.get(name), sizes, predicted)
            if unfit:
                row |= {"reason": unfit, "predicted": []}
            if row["reason"] and not refused and name == "sales/s":
                unfit = "the method's sales/s do not fit"
            yield row


def _refused(sizes: Sequence[CellResult]) -> str:
    """Return the reason why nothing can be predicted from these cells; empty if there is none."""
    if not sizes[0].cell.claims_safety:
        return "it is not meant to be safe"
    if not all(each.verdict.valid for each in sizes):
        return "the books were not always right"
    if not launcher_kind(sizes[0].cell.launcher).together:
        return "its launcher does not run all buyers at once"
    if not all(rate > 0 for each in sizes for rate in each.rates):
        return "a round sold nothing"
    return ""


@dataclass(frozen=True, slots=True)
class _Forecast:
    """What a method says of one metric: of the largest size from the smaller ones, and of any size from all.

    `at` returns what it says by all rounds first, and then by each round alone.
    """

    largest: float
    measured: float
    at: Callable[[int], Sequence[float]]

    @property
    def error(self) -> float:
        if min(self.largest, self.measured) <= 0:
            return inf
        return max(self.largest / self.measured, self.measured / self.largest) - 1


def _law(sizes: Sequence[CellResult]) -> Mapping[str, _Forecast]:
    rounds = range(len(sizes[0].rates))
    rates = [{each.cell.buyers: each.rate for each in sizes}]
    rates += [{each.cell.buyers: each.rates[number] for each in sizes} for number in rounds]
    laws = [law for law in map(fit_scalability, rates) if law]
    largest = sizes[-1].cell.buyers
    smaller = fit_scalability({buyers: rate for buyers, rate in rates[0].items() if buyers != largest})
    if smaller is None or len(laws) < len(rates):
        return {}
    return {"sales/s": _Forecast(smaller.at(largest), sizes[-1].rate, lambda buyers: [law.at(buyers) for law in laws])}


def _queue(sizes: Sequence[CellResult]) -> Mapping[str, _Forecast]:
    *_, before, last = sizes
    if not all(queue.turns for queue in (*before.queues, *last.queues)):
        return {}
    checks = [simulate_race(queue.turns, last.cell.buyers, last.orders).metrics for queue in before.queues]
    simulated: dict[int, list[Mapping[str, float]]] = {}

    def at(name: str, buyers: int) -> Sequence[float]:
        if buyers not in simulated:
            simulated[buyers] = [simulate_batch(queue.turns, buyers) for queue in last.queues]
        rounds = [each[name] for each in simulated[buyers]]
        return [median(rounds), *rounds]

    return {
        name: _Forecast(
            median(each[name] for each in checks),
            median(queue.metrics[name] for queue in last.queues),
            partial(at, name),
        )
        for name in QUEUE_METRICS
    }


def _checked(forecast: _Forecast | None, sizes: Sequence[CellResult], predicted: Sequence[int]) -> dict[str, Any]:
    """Return the check of a forecast and, if it holds, what is predicted."""
    if forecast is None:
        return {"reason": "nothing can be fitted to these races"}
    *smaller, before, last = (each.cell.buyers for each in sizes)
    error = forecast.error
    check = {"buyers": last, "from": [*smaller, before], "predicted": forecast.largest, "measured": forecast.measured}
    if error > BOUND:
        shown = f"{100 * error:,.0f} %" if error < inf else "a share without bounds"
        return {
            "check": check | {"error": error if error < inf else None},
            "reason": f"it does not fit: off by {shown} at {last} buyers",
        }
    values = []
    for buyers in predicted:
        value, *rounds = forecast.at(buyers)
        widened = (1 + error) ** (log(buyers / last) / log(last / before))
        low, high = min([value, *rounds]) / widened, max([value, *rounds]) * widened
        told = low > 0 and high / low <= WIDEST_RANGE
        values.append({"buyers": buyers} | ({"low": low, "value": value, "high": high} if told else _TOO_WIDE))
    return {"check": check | {"error": error}, "predicted": values}
