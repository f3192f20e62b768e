"""The figures that a race is measured by, as people name them in tables, exports and thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ticketlab.core.errors import UsageError, unknown_name


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure: its name, its field in `Figures`, its unit, and what it tells.

    `per_machine` says that its value depends on the machine's speed or memory, and not on the strategy alone.
    """

    name: str
    field: str
    unit: str
    tells: str
    per_machine: bool = True


MEASURES: Final = (
    Measure("sales/s", "sales_per_s", "", "tickets sold a second, from the first order to the last answer"),
    Measure("p50", "p50_ms", "ms", "latency that half of the orders stay within"),
    Measure("p99", "p99_ms", "ms", "latency that 99 % of the orders stay within"),
    Measure("p99.9", "p999_ms", "ms", "latency that 99.9 % of the orders stay within"),
    Measure("max", "longest_ms", "ms", "longest latency"),
    Measure(
        "fairness",
        "fairness",
        "",
        "Jain's index over the buyers' rates: 1 where all were served alike",
        per_machine=False,
    ),
    Measure("wait", "longest_wait_ms", "ms", "longest single wait for a lock, a queue or the store"),
    Measure("waiting", "waiting_share", "%", "share of the latency that was waiting", per_machine=False),
    Measure("retries", "retries", "", "purchases begun again after a refusal", per_machine=False),
    Measure("cpu", "processor_ms_per_sale", "ms", "processor time of buyers and clerks for one sale"),
    Measure("memory", "peak_mb", "MB", "largest process of a buyer or a clerk, memory it shares included"),
    Measure("start", "start_s", "s", "time from the start of the first process to the first order"),
)

_BY_NAME: Final[Mapping[str, Measure]] = {
    **{measure.field: measure for measure in MEASURES},
    **{measure.name: measure for measure in MEASURES},
    "sales": MEASURES[0],
}


def measure(name: str) -> Measure:
    """Return the measure of a name; its field's name will do.

    Raises:
        UsageError: there is no such measure; the closest name is suggested.
    """
    found = _BY_NAME.get(name)
    if found is None:
        raise _unknown(name)
    return found


def _unknown(name: str) -> UsageError:
    return unknown_name("figure", name, [each.name for each in MEASURES])
