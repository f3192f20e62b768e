"""The faults that an exploration asks for: read from text, and refused if they cannot be injected."""

from __future__ import annotations

from ticketlab.core.errors import UsageError
from ticketlab.core.faults import Fault, FaultKind
from ticketlab.core.plugin import Store
from ticketlab.core.scenario import Scenario
from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.exploring.scenario_workload import ScenarioWorkload
from ticketlab.lab.faults import needs_processes, parse_faults, why_not


def chosen_faults(text: str | None, scenario: Scenario) -> tuple[Fault, ...]:
    """Read faults as the command line names them, separated by commas; `all` stands for all that can be injected here.

    Raises:
        UsageError: one of them is not a fault.
    """
    if not text:
        return ()
    return possible_faults(every_fault(), ScenarioWorkload(scenario)) if text == "all" else parse_faults(text)


def every_fault() -> tuple[Fault, ...]:
    """Return one fault of each kind, with its default duration."""
    return tuple(Fault.parse(kind.value) for kind in FaultKind)


def possible_faults(faults: tuple[Fault, ...], workload: ScenarioWorkload) -> tuple[Fault, ...]:
    """Return those of the faults that can be injected into a scenario; the store and strategy are opened for this."""
    with workload.opened() as (store, services):
        return tuple(fault for fault in faults if not why_not(fault, workload.scenario, store, services))


def refuse_impossible(options: ExploreOptions, scenario: Scenario, store: Store, services: int) -> None:
    """Raise UsageError if one of the faults cannot be injected here."""
    for fault in options.faults:
        if reason := why_not(fault, scenario, store, services):
            raise UsageError(
                f"the fault {fault} cannot be injected into {scenario.strategy} on {scenario.store}: {reason}"
            )
    if options.executor == "inline" and (reason := needs_processes(options.faults, scenario.strategy)):
        raise UsageError(f"{reason}: add --executor processes")
