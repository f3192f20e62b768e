"""Faults: how people name them, and which of them can be injected where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ticketlab.core.faults import Fault, FaultKind, FaultRate
from ticketlab.core.plugin import Capability, SeizableStore, ServedStore, Store
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.lab.plugins.registry import launcher_kind, store_kind, strategy_kind
from ticketlab.launch.launcher import LauncherCapability

_KILLS: Final = frozenset({FaultKind.KILL, FaultKind.KILL_SERVICE, FaultKind.KILL_SERVER})
"""A process is killed, so the lab's own process must not be the victim."""
_NEEDS: Final = {
    LauncherCapability.SIGNALS: frozenset({FaultKind.KILL, FaultKind.TERMINATE, FaultKind.PAUSE}),
    LauncherCapability.LIMITS: frozenset(
        kind for kind in FaultKind if kind.in_files and kind is not FaultKind.IO_ERROR
    ),
}
"""The faults that need a capability of the launcher in a live race."""


def parse_faults(text: str) -> tuple[Fault, ...]:
    """Read faults separated by commas, each once; raises UsageError if one of them is not a fault."""
    return tuple(dict.fromkeys(Fault.parse(each) for each in text.split(",")))


def parse_fault_rates(text: str | None) -> tuple[FaultRate, ...]:
    """Read the faults of a live race, separated by commas; raises UsageError if one of them is not a fault."""
    return tuple(FaultRate.parse(each) for each in text.split(",")) if text else ()


def needs_processes(faults: Sequence[Fault], strategy: Spec) -> str:
    """Return why the faults can be injected into real processes only, or an empty string if one process is enough."""
    for fault in faults:
        if fault.kind in _KILLS:
            return f"the fault {fault} needs real processes"
        kind = strategy_kind(strategy)
        if fault.kind is FaultKind.TERMINATE and kind.variant(strategy) in kind.asks_who_lives:
            return f"{strategy} asks whether a lock holder's process is alive, and in one process it always is"
    return ""


def why_not(fault: Fault, scenario: Scenario, store: Store, services: int) -> str:
    """Return why a fault cannot be injected into a scenario, or an empty string if it can."""
    kind = store_kind(scenario.store)
    if fault.kind in _KILLS and kind.in_process:
        return f"{kind.name} never leaves one process, which is the lab's"
    if fault.kind.in_files and Capability.FILE not in kind.capabilities:
        return f"{kind.name} keeps no files"
    if fault.kind is FaultKind.LOCKED and not isinstance(store, SeizableStore):
        return f"{kind.name} has no lock of its own that an outsider could hold"
    if fault.kind is FaultKind.KILL_SERVER and not isinstance(store, ServedStore):
        return f"{kind.name} has no server"
    if fault.kind is FaultKind.KILL_SERVER and isinstance(store, ServedStore) and not store.servers():
        return "the server is not the lab's own"
    if fault.kind is FaultKind.KILL_SERVICE and not services:
        return f"{scenario.strategy} has no service process"
    return ""


def why_not_live(fault: Fault, scenario: Scenario, launcher: Spec, store: Store, services: int) -> str:
    """Return why a fault cannot be injected into a live race, or an empty string if it can."""
    if fault.kind is FaultKind.CLOCK:
        return "the machine's own clock would have to jump (explore it instead)"
    if fault.kind is FaultKind.LOCKED:
        return "that takes an outsider, and a race has none (explore it instead)"
    able = launcher_kind(launcher).capabilities
    for needed, kinds in _NEEDS.items():
        if fault.kind in kinds and needed not in able:
            return f"that takes {needed.value}, and the launcher {launcher} has none"
    return why_not(fault, scenario, store, services)
