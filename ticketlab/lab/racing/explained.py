"""Why a race ended as it did, as far as this follows from the kinds of its store and its strategy."""

from __future__ import annotations

from ticketlab.core.plugin import Capability
from ticketlab.core.scenario import Scenario
from ticketlab.lab.plugins.registry import store_kind, strategy_kind


def because(scenario: Scenario, valid: bool | None) -> str:
    """Return the reason in a clause; empty if only the evidence tells it."""
    store, kind = store_kind(scenario.store), strategy_kind(scenario.strategy)
    if valid is False and Capability.SHARED not in store.capabilities:
        return (
            "each process has its own copy"
            if kind.name == "none"
            else "each process has its own copy; a lock cannot help"
        )
    if valid and kind.claims_safety(scenario.strategy):
        return kind.reasons.get(kind.variant(scenario.strategy), kind.reasons.get("", ""))
    return ""
