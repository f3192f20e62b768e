"""Results: the data of `--json`, of saved runs and of pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, NamedTuple

from ticketlab.core.history import History
from ticketlab.core.timeline import Timeline
from ticketlab.core.verdict import Verdict, all_valid

RESULT_FORMAT: Final = "ticketlab/result"
RESULT_VERSION: Final = 3


def as_document(kind: str, result: Mapping[str, Any]) -> dict[str, Any]:
    """Return a result as it is saved and exchanged; `kind` is race, function-race, tour, comparison, ..."""
    return {"format": RESULT_FORMAT, "version": RESULT_VERSION, "kind": kind, **result}


@dataclass(frozen=True, slots=True)
class Metrics:
    """How a race went; the unit of each metric is the end of its name (`_s`, `_ms`, `_mb`).

    `fairness` is Jain's index over the buyers' rates, each taken from the first order of all to the buyer's last
    answer: 1 if all were served alike, 1/n if one buyer got everything. It says most if each buyer places many orders.
    Latencies run from the invocation of an order to its return. `waiting_share` is the share of that time in which
    buyers waited for a lock, a queue or the store, and `longest_wait_ms` the longest such wait. `peak_mb` is the memory
    of the largest process of a buyer or a clerk, shared memory included. `start_s` runs from the start of the first
    process to the start barrier's release. `recovery_ms` is the longest time from a buyer's death until another buyer
    took the lock that it had held; 0 if that never happened.
    """

    race_s: float
    wall_s: float
    sales_per_s: float
    p50_ms: float
    p99_ms: float
    longest_ms: float
    fairness: float
    retries: int
    failed: int
    unknown: int
    waiting_share: float
    processor_ms_per_sale: float
    p999_ms: float = 0.0
    longest_wait_ms: float = 0.0
    peak_mb: float = 0.0
    start_s: float = 0.0
    recovery_ms: float = 0.0


class TimedStep(NamedTuple):
    """A step of a live race: whose it was, numbered from 0, and within which time it took effect.

    Times are in nanoseconds since the release of the start barrier.
    """

    who: int
    began_ns: int
    ended_ns: int


@dataclass(frozen=True, slots=True)
class Result:
    """One race and its verdict.

    `curve` has pairs of a share of the orders and the latency in ms within which that share was answered.

    `injected` lists the faults: the victim, the step before which it came, when, and what it held. `left_behind`
    names the files and processes that remained afterwards. `notes` say in sentences how buyers were started, if that
    matters for the verdict. `claims_safety` says whether the strategy is meant to keep the books right: if it is not, a
    race without an anomaly was luck. `moves` are the steps of all participants, the buyers' first, if they were
    recorded. `because` says in a clause why the race ended as it did, if that follows from the store and the strategy.
    """

    command: str
    store: str
    strategy: str
    launcher: str
    buyers: int
    tickets: int
    sold: int
    verdict: Verdict
    metrics: Metrics
    books: Mapping[str, Any]
    environment: Mapping[str, Any] = field(default_factory=dict)
    history: History = field(default_factory=lambda: History({}))
    timeline: Timeline | None = None
    curve: Sequence[tuple[float, float]] = ()
    injected: Sequence[Mapping[str, Any]] = ()
    left_behind: Sequence[str] = ()
    claims_safety: bool = True
    moves: Sequence[TimedStep] = ()
    because: str = ""
    notes: Sequence[str] = ()

    @property
    def valid(self) -> bool | None:
        """Whether the books were kept right; None for undecided."""
        return self.verdict.valid

    def to_json(self) -> dict[str, Any]:
        """Return the result as it is printed and saved; history and timeline are files of their own."""
        return {
            "command": self.command,
            "store": self.store,
            "strategy": self.strategy,
            "launcher": self.launcher,
            "buyers": self.buyers,
            "tickets": self.tickets,
            "sold": self.sold,
            "valid": self.valid,
            "reason": self.verdict.reason,
            "claims_safety": self.claims_safety,
            "because": self.because,
            "anomalies": [anomaly.to_json() for anomaly in self.verdict.anomalies],
            "metrics": asdict(self.metrics),
            "curve": [list(point) for point in self.curve],
            "injected": [dict(each) for each in self.injected],
            "left_behind": list(self.left_behind),
            "notes": list(self.notes),
            "books": dict(self.books),
            "environment": dict(self.environment),
        }


@dataclass(frozen=True, slots=True)
class Tour:
    """Several races side by side: each store without a guard, then under its fixes."""

    command: str
    rows: Sequence[Result]
    environment: Mapping[str, Any] = field(default_factory=dict)

    @property
    def valid(self) -> bool | None:
        """Whether every strategy that claims safety was right; None if one is undecided and none was wrong."""
        return all_valid(row.valid for row in self._claiming)

    @property
    def _claiming(self) -> list[Result]:
        return [row for row in self.rows if row.claims_safety]

    def to_json(self) -> dict[str, Any]:
        """Return the tour as it is printed and saved: a result whose rows are results.

        The anomalies are those of the strategies that claim safety; each row has its own.
        """
        return {
            "command": self.command,
            "valid": self.valid,
            "anomalies": [
                {"store": row.store, "strategy": row.strategy} | anomaly.to_json()
                for row in self._claiming
                for anomaly in row.verdict.anomalies
            ],
            "rows": [row.to_json() for row in self.rows],
            "environment": dict(self.environment),
        }
