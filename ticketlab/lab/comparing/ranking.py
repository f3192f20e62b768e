"""Medians, spreads and ranks of strategies over several rounds.

Strategies are ranked by their median sales a second, among those on the same store with as many buyers. A strategy has
no rank if its books were ever wrong, if it could not be judged, or if it does not claim to be safe: with a single
buyer, or by luck, its books may be right.

The order of two neighbours in rank is *unsettled* if it may be chance: their spreads overlap, and the first was not
faster in every round. Rounds are interleaved, so that a slow minute of the machine slows both in the same round.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median

from ticketlab.core.result import Metrics
from ticketlab.core.verdict import Verdict
from ticketlab.lab.comparing.cells import Cell
from ticketlab.lab.comparing.queueing import Queue


@dataclass(frozen=True, slots=True)
class CellResult:
    """One cell, by all its rounds.

    `metrics` holds the metrics of each finished round, in order; `curve` the median latencies at `metrics.SHARES`.
    `orders` is how many orders each buyer placed in a round. `verdict` is that of all `races`, warm-ups included.
    `queues` holds the turns of each round, if they were kept for predictions.
    """

    cell: Cell
    orders: int
    sold: int
    verdict: Verdict
    races: int
    wrong_races: int
    metrics: Sequence[Metrics]
    curve: Sequence[float]
    queues: Sequence[Queue] = ()

    @property
    def rates(self) -> list[float]:
        """Sales a second, round by round."""
        return [each.sales_per_s for each in self.metrics]

    @property
    def rate(self) -> float:
        """Median sales a second."""
        return median(self.rates)


@dataclass(frozen=True, slots=True)
class Rank:
    """A cell's place among its peers: its rank from 1, and its speed as a share of the fastest correct cell's.

    `rank` is None if the cell is not ranked, `ratio` if no cell is correct. `unsettled` says that the next in rank may
    be faster.
    """

    rank: int | None
    ratio: float | None
    unsettled: bool


def samples(rounds: Sequence[Metrics]) -> dict[str, list[float]]:
    """Return the values of every metric, round by round."""
    rows = [asdict(each) for each in rounds]
    return {name: [row[name] for row in rows] for name in rows[0]}


def medians(rounds: Sequence[Metrics]) -> dict[str, float]:
    """Return the median of every metric over the rounds."""
    return {name: float(median(values)) for name, values in samples(rounds).items()}


def spreads(rounds: Sequence[Metrics]) -> dict[str, list[float]]:
    """Return the lowest and the highest value of every metric over the rounds."""
    return {name: [min(values), max(values)] for name, values in samples(rounds).items()}


def median_curve(curves: Sequence[Sequence[float]]) -> list[float]:
    """Return the median of several curves, point by point; curves without points do not count."""
    return [median(points) for points in zip(*filter(None, curves), strict=True)]


def peers(measured: Iterable[CellResult]) -> dict[tuple[str, int], list[CellResult]]:
    """Group the cells that may be compared: by store and number of buyers."""
    groups: dict[tuple[str, int], list[CellResult]] = {}
    for each in measured:
        groups.setdefault((str(each.cell.store), each.cell.buyers), []).append(each)
    return groups


def ranks(group: Sequence[CellResult]) -> Mapping[Cell, Rank]:
    """Rank the cells of one group."""
    ranked = ranking(group)
    best = ranked[0].rate if ranked else 0.0
    found = {}
    for each in group:
        rank = ranked.index(each) + 1 if each in ranked else None
        following = ranked[rank] if rank is not None and rank < len(ranked) else None
        found[each.cell] = Rank(
            rank,
            each.rate / best if best else None,
            following is not None and not settled(each.rates, following.rates),
        )
    return found


def ranking(group: Iterable[CellResult]) -> list[CellResult]:
    """Return the correct cells that sold tickets, the fastest first; equals keep their order."""
    correct = (each for each in group if each.verdict.valid and each.cell.claims_safety and each.rate)
    return sorted(correct, key=lambda each: -each.rate)


def settled(faster: Sequence[float], slower: Sequence[float]) -> bool:
    """Whether the order of two neighbours is no chance: their spreads are apart, or one was faster in every round."""
    return min(faster) > max(slower) or (
        len(faster) > 1 and all(one > other for one, other in zip(faster, slower, strict=True))
    )
