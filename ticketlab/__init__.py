"""A correctness lab for shared state: finds the race, shows it, proves it gone, and prices the cure.

The public names are imported when they are first used, so that `import ticketlab` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ticketlab import testing, timings
    from ticketlab.checker import check
    from ticketlab.core.errors import PurchaseError, TicketlabError, UsageError
    from ticketlab.core.faults import Fault, FaultPoint, FaultRate
    from ticketlab.core.inventory import (
        Books,
        Buy,
        Cancel,
        Cancelled,
        Confirm,
        Entry,
        Expired,
        Found,
        Held,
        Hold,
        Inventory,
        Search,
        Sold,
        SoldOut,
        Stock,
    )
    from ticketlab.core.pacing import BLOCKED, Action, Step, at, block, note, sleep
    from ticketlab.core.plugin import Session
    from ticketlab.core.scenario import Scenario
    from ticketlab.core.spec import Spec
    from ticketlab.explorer.results import ExploreOptions
    from ticketlab.lab.artifacts.cases import load_case, save_case
    from ticketlab.lab.exploring.explore import explore
    from ticketlab.lab.exploring.plan import PlanResult, race
    from ticketlab.lab.exploring.replay import replay
    from ticketlab.lab.racing.options import RaceOptions
    from ticketlab.pytest_plugin import race_test
    from ticketlab.timings import Schedule, Timing

__version__ = "0.1.0"

__all__ = [
    "BLOCKED",
    "Action",
    "Books",
    "Buy",
    "Cancel",
    "Cancelled",
    "Confirm",
    "Entry",
    "Expired",
    "ExploreOptions",
    "Fault",
    "FaultPoint",
    "FaultRate",
    "Found",
    "Held",
    "Hold",
    "Inventory",
    "PlanResult",
    "PurchaseError",
    "RaceOptions",
    "Scenario",
    "Schedule",
    "Search",
    "Session",
    "Sold",
    "SoldOut",
    "Spec",
    "Step",
    "Stock",
    "TicketlabError",
    "Timing",
    "UsageError",
    "at",
    "block",
    "check",
    "explore",
    "load_case",
    "note",
    "race",
    "race_test",
    "replay",
    "save_case",
    "sleep",
    "testing",
    "timings",
]

_HOMES: Final = {
    "ticketlab.checker.linearize": ("check",),
    "ticketlab.core.errors": ("PurchaseError", "TicketlabError", "UsageError"),
    "ticketlab.core.faults": ("Fault", "FaultRate", "FaultPoint"),
    "ticketlab.core.inventory": (
        *("Books", "Buy", "Cancel", "Cancelled", "Confirm", "Entry", "Expired", "Found", "Held", "Hold", "Inventory"),
        *("Search", "Sold", "SoldOut", "Stock"),
    ),
    "ticketlab.core.pacing": ("BLOCKED", "Action", "Step", "at", "block", "note", "sleep"),
    "ticketlab.core.plugin": ("Session",),
    "ticketlab.core.scenario": ("Scenario",),
    "ticketlab.core.spec": ("Spec",),
    "ticketlab.explorer.results": ("ExploreOptions",),
    "ticketlab.lab.artifacts.cases": ("load_case", "save_case"),
    "ticketlab.lab.exploring.plan": ("PlanResult", "race"),
    "ticketlab.lab.racing.options": ("RaceOptions",),
    "ticketlab.lab.exploring.explore": ("explore",),
    "ticketlab.lab.exploring.replay": ("replay",),
    "ticketlab.pytest_plugin": ("race_test",),
    "ticketlab.timings": ("Schedule", "Timing"),
}
_HOME: Final = {name: home for home, names in _HOMES.items() for name in names}
_PACKAGES: Final = frozenset({"testing", "timings"})


if not TYPE_CHECKING:  # so that a type checker knows a misspelt name

    def __getattr__(name: str) -> Any:
        if name in _PACKAGES:
            return import_module(f"ticketlab.{name}")
        if name not in _HOME:
            raise AttributeError(f"module 'ticketlab' has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(_HOME[name]), name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
