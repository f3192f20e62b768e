"""A correctness lab for shared state: finds the race, shows it, proves it gone, and prices the fix.

Reading order: `lab.api` has the functions that are exported here; `core` has their words (scenarios, inventories,
steps, verdicts); `lab` puts together the rooms that do the work: `launch`, `explorer`, `checker`, `stores`,
`strategies`. `plugins` has the names for authors of stores, strategies, launchers and policies; `testing` and `timings`
those for tests.

The public names are imported when they are first used, so that `import ticketlab` costs next to nothing.
"""

TYPE_CHECKING = (
    False  # type checkers take it for true; to import `typing` takes long, and an interrupt may come at once
)
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from ticketlab import plugins, testing, timings
    from ticketlab.checker.budget import Budget
    from ticketlab.checker.model import Model
    from ticketlab.checker.recording import recording
    from ticketlab.core.errors import ClerkGone, Conflict, GaveUp, PurchaseError, TicketlabError, TornRead, UsageError
    from ticketlab.core.faults import Fault, FaultKind, FaultPoint, FaultRate
    from ticketlab.core.history import History, Operation
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
        Outcome,
        Request,
        Search,
        Sold,
        SoldOut,
        Stock,
    )
    from ticketlab.core.pacing import BLOCKED, at, block, note, now, sleep
    from ticketlab.core.plugin import Session
    from ticketlab.core.result import Metrics, Result
    from ticketlab.core.scenario import Scenario
    from ticketlab.core.spec import Spec
    from ticketlab.core.steps import Action, Step
    from ticketlab.core.verdict import Anomaly, Verdict
    from ticketlab.explorer.analysis.execution import Execution
    from ticketlab.explorer.analysis.trace import Nondeterminism
    from ticketlab.explorer.case import Case
    from ticketlab.explorer.executors.stalls import OutsideControl
    from ticketlab.explorer.results import Exploration, ExploreOptions, FaultPointResult, Finding, ReplayResult
    from ticketlab.lab.api import check, compare, explore, race, replay, run_plan
    from ticketlab.lab.artifacts.case_files import load_case, save_case
    from ticketlab.lab.comparing.comparison import SamplingPlan
    from ticketlab.lab.comparing.comparison_result import ComparisonResult
    from ticketlab.lab.comparing.ranking import CellResult
    from ticketlab.lab.exploring.function_session import BuyerSession
    from ticketlab.lab.exploring.plan import PlanResult
    from ticketlab.lab.plain.plan import PlainPlanResult
    from ticketlab.lab.plain.results import PlainRaceResult
    from ticketlab.lab.programs.program import Program
    from ticketlab.lab.programs.results import ProgramExploration
    from ticketlab.lab.racing.options import RaceOptions
    from ticketlab.pytest_plugin import TicketlabFixture, program_test, race_test
    from ticketlab.testing.lock_check.laws import check_lock
    from ticketlab.testing.lock_check.report import LawResult, LockReport
    from ticketlab.testing.machines.declare import Bundle, consumes, initialize, invariant, rule
    from ticketlab.testing.machines.machine import ConcurrentMachine
    from ticketlab.timings import Schedule, Timing
    from ticketlab.timings.latency import Latency

__version__ = "0.1.0"

__all__ = [
    "BLOCKED",
    "Action",
    "Anomaly",
    "Books",
    "Budget",
    "Bundle",
    "Buy",
    "BuyerSession",
    "Cancel",
    "Cancelled",
    "Case",
    "CellResult",
    "ClerkGone",
    "ComparisonResult",
    "ConcurrentMachine",
    "Confirm",
    "Conflict",
    "Entry",
    "Execution",
    "Expired",
    "Exploration",
    "ExploreOptions",
    "Fault",
    "FaultKind",
    "FaultPoint",
    "FaultPointResult",
    "FaultRate",
    "Finding",
    "Found",
    "GaveUp",
    "Held",
    "History",
    "Hold",
    "Inventory",
    "Latency",
    "LawResult",
    "LockReport",
    "Metrics",
    "Model",
    "Nondeterminism",
    "Operation",
    "Outcome",
    "OutsideControl",
    "PlainPlanResult",
    "PlainRaceResult",
    "PlanResult",
    "Program",
    "ProgramExploration",
    "PurchaseError",
    "RaceOptions",
    "ReplayResult",
    "Request",
    "Result",
    "SamplingPlan",
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
    "TicketlabFixture",
    "Timing",
    "TornRead",
    "UsageError",
    "Verdict",
    "at",
    "block",
    "check",
    "check_lock",
    "compare",
    "consumes",
    "explore",
    "initialize",
    "invariant",
    "load_case",
    "note",
    "now",
    "plugins",
    "program_test",
    "race",
    "race_test",
    "recording",
    "replay",
    "rule",
    "run_plan",
    "save_case",
    "sleep",
    "testing",
    "timings",
]

_HOMES = {
    "ticketlab.checker.budget": ("Budget",),
    "ticketlab.checker.model": ("Model",),
    "ticketlab.checker.recording": ("recording",),
    "ticketlab.core.errors": (
        "ClerkGone",
        "Conflict",
        "GaveUp",
        "PurchaseError",
        "TicketlabError",
        "TornRead",
        "UsageError",
    ),
    "ticketlab.core.faults": (
        "Fault",
        "FaultKind",
        "FaultPoint",
        "FaultRate",
    ),
    "ticketlab.core.history": (
        "History",
        "Operation",
    ),
    "ticketlab.core.inventory": (
        "Books",
        "Buy",
        "Cancel",
        "Cancelled",
        "Confirm",
        "Entry",
        "Expired",
        "Found",
        "Held",
        "Hold",
        "Inventory",
        "Outcome",
        "Request",
        "Search",
        "Sold",
        "SoldOut",
        "Stock",
    ),
    "ticketlab.core.pacing": (
        "BLOCKED",
        "at",
        "block",
        "note",
        "now",
        "sleep",
    ),
    "ticketlab.core.plugin": ("Session",),
    "ticketlab.core.result": (
        "Metrics",
        "Result",
    ),
    "ticketlab.core.scenario": ("Scenario",),
    "ticketlab.core.spec": ("Spec",),
    "ticketlab.core.steps": ("Action", "Step"),
    "ticketlab.core.verdict": (
        "Anomaly",
        "Verdict",
    ),
    "ticketlab.explorer.analysis.execution": ("Execution",),
    "ticketlab.explorer.analysis.trace": ("Nondeterminism",),
    "ticketlab.explorer.case": ("Case",),
    "ticketlab.explorer.executors.stalls": ("OutsideControl",),
    "ticketlab.explorer.results": (
        "Exploration",
        "ExploreOptions",
        "FaultPointResult",
        "Finding",
        "ReplayResult",
    ),
    "ticketlab.lab.api": (
        "check",
        "compare",
        "explore",
        "race",
        "replay",
        "run_plan",
    ),
    "ticketlab.lab.artifacts.case_files": (
        "load_case",
        "save_case",
    ),
    "ticketlab.lab.comparing.comparison": ("SamplingPlan",),
    "ticketlab.lab.comparing.comparison_result": ("ComparisonResult",),
    "ticketlab.lab.comparing.ranking": ("CellResult",),
    "ticketlab.lab.exploring.function_session": ("BuyerSession",),
    "ticketlab.lab.exploring.plan": ("PlanResult",),
    "ticketlab.lab.plain.plan": ("PlainPlanResult",),
    "ticketlab.lab.plain.results": ("PlainRaceResult",),
    "ticketlab.lab.programs.program": ("Program",),
    "ticketlab.lab.programs.results": ("ProgramExploration",),
    "ticketlab.lab.racing.options": ("RaceOptions",),
    "ticketlab.pytest_plugin": (
        "TicketlabFixture",
        "program_test",
        "race_test",
    ),
    "ticketlab.testing.lock_check.laws": ("check_lock",),
    "ticketlab.testing.lock_check.report": (
        "LawResult",
        "LockReport",
    ),
    "ticketlab.testing.machines.declare": (
        "Bundle",
        "consumes",
        "initialize",
        "invariant",
        "rule",
    ),
    "ticketlab.testing.machines.machine": ("ConcurrentMachine",),
    "ticketlab.timings": (
        "Schedule",
        "Timing",
    ),
    "ticketlab.timings.latency": ("Latency",),
}
_PACKAGES = frozenset({"plugins", "testing", "timings"})


def _imported(module: str) -> "Any":
    from importlib import import_module

    return import_module(module)


def _lazy(module: str, homes: "Mapping[str, Sequence[str]]", names: "dict[str, Any]") -> "Callable[[str], Any]":
    """Return the `__getattr__` of a module that imports each name from its home when it is first used."""
    home_of = {name: home for home, own in homes.items() for name in own}

    def get(name: str) -> "Any":
        if name not in home_of:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        value = names[name] = getattr(_imported(home_of[name]), name)
        return value

    return get


if not TYPE_CHECKING:  # so that a type checker reports a misspelt name
    _get = _lazy(__name__, _HOMES, globals())

    def __getattr__(name: str) -> "Any":
        return _imported(f"ticketlab.{name}") if name in _PACKAGES else _get(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
