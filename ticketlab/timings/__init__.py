"""When things happen: simulated latency, plans in virtual time, and Hypothesis strategies that draw such plans.

Read `plans` first, then `hypothesis_strategies`, which draws them; `latency` stands alone. Hypothesis is imported when
the first of its strategies is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ticketlab.core.errors import TicketlabError
from ticketlab.timings.plans import Plan, Schedule, Timing

if TYPE_CHECKING:
    from ticketlab.timings.hypothesis_strategies import faults, orders, scenarios, schedules, timings

__all__ = ["Plan", "Schedule", "Timing", "faults", "orders", "scenarios", "schedules", "timings"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'ticketlab.timings' has no attribute {name!r}")
    try:
        from ticketlab.timings import hypothesis_strategies
    except ImportError as error:
        raise TicketlabError(f"drawing {name} needs Hypothesis: pip install 'ticketlab[test]' ({error})") from None
    return getattr(hypothesis_strategies, name)
