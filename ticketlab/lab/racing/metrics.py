"""The metrics of a race, measured by its operations: rates, latencies, fairness."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from ticketlab.core.history import Operation
from ticketlab.core.result import Metrics
from ticketlab.launch.track import Track

SHARES: Final = (*(hundredth / 100 for hundredth in range(100)), 0.995, 0.999, 1.0)
"""The shares of all answered orders at which latency curves have their points."""


def measure(
    tracks: Sequence[Track],
    wall_s: float,
    *,
    services: Sequence[Track] = (),
    start_s: float = 0.0,
    recovery_ns: int = 0,
) -> Metrics:
    """Measure a race; an operation that was never answered has no latency, and is counted as unknown.

    `services` are the tracks of the service processes, whose processor time and memory are part of the price. `wall_s`
    is how long the whole race took, `start_s` how long it took to start all participants, `recovery_ns` the longest
    time until another buyer had the lock of a dead one.
    """
    operations = [operation for track in tracks for operation in track.operations]
    answered = [operation for operation in operations if operation.return_ns is not None]
    sold = sum(operation.sold for operation in answered)
    latencies = sorted(map(_latency_ns, answered))
    began = min((operation.invoke_ns for operation in operations), default=0)
    ended = max((operation.return_ns or 0 for operation in answered), default=began)
    race_s = (ended - began) / 1e9
    return Metrics(
        race_s=race_s,
        wall_s=wall_s,
        sales_per_s=sold / race_s if race_s else 0.0,
        p50_ms=percentile(latencies, 0.50) / 1e6,
        p99_ms=percentile(latencies, 0.99) / 1e6,
        p999_ms=percentile(latencies, 0.999) / 1e6,
        longest_ms=percentile(latencies, 1.0) / 1e6,
        fairness=jain(_rates(answered, began)),
        retries=sum(track.retries for track in tracks),
        failed=sum(operation.result == "failed" for operation in operations),
        unknown=len(operations) - len(answered),
        waiting_share=sum(track.waited_ns for track in tracks) / max(1, sum(latencies)),
        processor_ms_per_sale=sum(track.processor_ns for track in (*tracks, *services)) / 1e6 / max(1, sold),
        longest_wait_ms=max((track.longest_wait_ns for track in tracks), default=0) / 1e6,
        peak_mb=max((track.peak_bytes for track in (*tracks, *services)), default=0) / 1e6,
        start_s=start_s,
        recovery_ms=recovery_ns / 1e6,
    )


def curve(operations: Iterable[Operation]) -> list[float]:
    """Return, for each of the `SHARES` of all answered orders, the latency in ms within which it was answered."""
    latencies = sorted(_latency_ns(each) for each in operations if each.return_ns is not None)
    return [round(percentile(latencies, share) / 1e6, 4) for share in SHARES]


def _latency_ns(operation: Operation) -> int:
    assert operation.return_ns is not None, "only answered operations have a latency"
    return operation.return_ns - operation.invoke_ns


def _rates(operations: Iterable[Operation], began: int) -> list[float]:
    """Return each buyer's answers per nanosecond, from the first order of any buyer to its own last answer."""
    answers: dict[int, list[int]] = defaultdict(list)
    for operation in operations:
        answers[operation.process].append(operation.return_ns or 0)
    return [len(times) / max(1, max(times) - began) for times in answers.values()]


def percentile(ordered: Sequence[int], share: float) -> float:
    """Return the smallest value that at least this share of an ascending sequence does not exceed; 0 if it is empty."""
    if not ordered:
        return 0.0
    rank = -(-len(ordered) * share // 1)  # rounded up
    return float(ordered[max(0, int(rank) - 1)])


def jain(shares: Sequence[float]) -> float:
    """Return the fairness index of Jain, Chiu and Hawe (1984): 1 if all shares are equal, 1/n if one has everything."""
    squares = sum(share * share for share in shares)
    return sum(shares) ** 2 / (len(shares) * squares) if squares else 1.0
