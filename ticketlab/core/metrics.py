"""The metrics that a race is measured by, as people name them in tables, exports and thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ticketlab.core.errors import UsageError, unknown_name


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its name, its field in `Metrics`, its unit, and its meaning.

    `per_machine` says that its value depends on the machine's speed or memory, and not on the strategy alone.
    """

    name: str
    field: str
    unit: str
    tells: str
    per_machine: bool = True


METRICS: Final = (
    Metric("sales/s", "sales_per_s", "", "tickets sold a second, from the first order to the last answer"),
    Metric("p50", "p50_ms", "ms", "latency that half of the orders stay within"),
    Metric("p99", "p99_ms", "ms", "latency that 99 % of the orders stay within"),
    Metric("p99.9", "p999_ms", "ms", "latency that 99.9 % of the orders stay within"),
    Metric("max", "longest_ms", "ms", "longest latency"),
    Metric(
        "fairness",
        "fairness",
        "",
        "Jain's index over the buyers' rates: 1 if all were served alike",
        per_machine=False,
    ),
    Metric("wait", "longest_wait_ms", "ms", "longest single wait for a lock, a queue or the store"),
    Metric("waiting", "waiting_share", "%", "share of the latency that was waiting", per_machine=False),
    Metric("retries", "retries", "", "purchases begun again after a refusal", per_machine=False),
    Metric("cpu", "processor_ms_per_sale", "ms", "processor time of buyers and clerks for one sale"),
    Metric("memory", "peak_mb", "MB", "largest process of a buyer or a clerk, memory it shares included"),
    Metric("start", "start_s", "s", "time from the start of the first process to the first order"),
)

_BY_NAME: Final[Mapping[str, Metric]] = {
    **{metric.field: metric for metric in METRICS},
    **{metric.name: metric for metric in METRICS},
    "sales": METRICS[0],
}


def metric(name: str) -> Metric:
    """Return the metric of this name, or with a field of this name.

    Raises:
        UsageError: there is no such metric; the message suggests the closest name.
    """
    found = _BY_NAME.get(name)
    if found is None:
        raise _unknown(name)
    return found


def _unknown(name: str) -> UsageError:
    return unknown_name("metric", name, [each.name for each in METRICS])
