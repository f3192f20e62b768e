"""Which faults can strike where, and how people name them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ticketlab.core.errors import UsageError
from ticketlab.core.faults import Fault, FaultKind, FaultRate
from ticketlab.core.plugin import Capability, SeizableStore, ServedStore, Store
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.exploring.scenario_workload import ScenarioWorkload
from ticketlab.lab.plugins.registry import store_kind, strategy_kind

SIGNALS: Final = frozenset({FaultKind.KILL, FaultKind.KILL_SERVICE, FaultKind.KILL_SERVER})


def chosen_faults(text: str | None, scenario: Scenario) -> tuple[Fault, ...]:
    """Read faults as the command line names them, with commas between; `all` stands for all that can strike.

    Raises:
        UsageError: one of them is no fault.
    """
    if not text:
        return ()
    if text != "all":
        return chosen(text)
    with ScenarioWorkload(scenario).opened() as (store, services):
        every = [Fault.parse(kind.value) for kind in FaultKind]
        return tuple(fault for fault in every if not why_not(fault, scenario, store, services))


def chosen(text: str) -> tuple[Fault, ...]:
    """Read faults with commas between, each once; raises UsageError for what is none."""
    return tuple(dict.fromkeys(Fault.parse(each) for each in text.split(",")))


def needs_processes(faults: Sequence[Fault], strategy: Spec) -> str:
    """Return why the faults can only strike real processes; an empty string where all can strike in one."""
    for fault in faults:
        if fault.kind in SIGNALS:
            return f"the fault {fault} needs real processes"
        kind = strategy_kind(strategy)
        if fault.kind is FaultKind.TERMINATE and kind.variant(strategy) in kind.asks_who_lives:
            return f"{strategy} asks whether a holder's process still lives, and in one process it always does"
    return ""


def why_not(fault: Fault, scenario: Scenario, store: Store, services: int) -> str:
    """Return why a fault cannot strike in a scenario, or an empty string where it can."""
    kind = store_kind(scenario.store)
    if fault.kind in SIGNALS and kind.in_process:
        return f"{kind.name} never leaves one process, which is the lab's"
    if fault.kind.in_files and Capability.FILE not in kind.capabilities:
        return f"{kind.name} keeps no files"
    if fault.kind is FaultKind.LOCKED and not isinstance(store, SeizableStore):
        return f"{kind.name} has no lock of its own that an outsider could hold"
    if fault.kind is FaultKind.KILL_SERVER and not isinstance(store, ServedStore):
        return f"{kind.name} has no server"
    if fault.kind is FaultKind.KILL_SERVICE and not services:
        return f"{scenario.strategy} has no staff"
    return ""


def chosen_fault_rates(text: str | None) -> tuple[FaultRate, ...]:
    """Read the faults of a live race as the command line names them, with commas between."""
    return tuple(FaultRate.parse(each) for each in text.split(",")) if text else ()


def why_not_live(fault: Fault, scenario: Scenario, launcher: Spec, store: Store, services: int) -> str:
    """Return why a fault cannot strike in a live race, or an empty string where it can."""
    if fault.kind is FaultKind.CLOCK:
        return "the machine's own clock would have to jump (explore it instead)"
    if fault.kind is FaultKind.LOCKED:
        return "that takes an outsider, and in a race there is none (explore it instead)"
    if launcher.name == "threads" and fault.kind in (FaultKind.KILL, FaultKind.TERMINATE, FaultKind.PAUSE):
        return "signals go to a whole process, and the threads are all in the lab's"
    if launcher.name == "threads" and fault.kind.in_files and fault.kind is not FaultKind.IO_ERROR:
        return "limits hold for a whole process, and the threads are all in the lab's"
    return why_not(fault, scenario, store, services)


def refuse_impossible(how: ExploreOptions, scenario: Scenario, store: Store, services: int) -> None:
    """Raise UsageError where a fault cannot strike here."""
    for fault in how.faults:
        if reason := why_not(fault, scenario, store, services):
            raise UsageError(f"the fault {fault} cannot strike {scenario.strategy} on {scenario.store}: {reason}")
    if how.executor == "inline" and (reason := needs_processes(how.faults, scenario.strategy)):
        raise UsageError(f"{reason}: add --executor processes")
