"""The table of power cuts: for each store what a cut can leave, by each model of a disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from ticketlab.core.errors import UsageError
from ticketlab.core.result import as_document
from ticketlab.core.spec import Spec
from ticketlab.core.verdict import all_valid
from ticketlab.lab.environment import environment
from ticketlab.lab.powercuts.explore import explore_power_cuts, subject_of_store
from ticketlab.lab.powercuts.stores import power_cut_specs, why_no_power_cut
from ticketlab.lab.workers.workers import Workers

POWER_CUTS_DOCUMENT: Final = "power-cuts"
_MOST_STATES: Final = 1_000
_ENOUGH: Final = frozenset({"corrupted file", "vanished sale"})
"""What is asked of a store: whether its books stay whole, and whether they keep what was answered."""
_Row = dict[str, Any]


def power_cut_row(spec: Spec, models: Sequence[str]) -> _Row:
    """Search all power cuts of one store, and return its row."""
    found = explore_power_cuts(subject_of_store(spec), models, most=_MOST_STATES, exhaust=True, enough=_ENOUGH)
    verdicts = [each.verdict.valid for each in found.models]
    return {
        "store": str(spec),
        "valid": all_valid(verdicts),
        "models": [each.to_json() for each in found.models],
        "finding": found.finding.to_json() if found.finding else None,
        "anomalies": [anomaly.to_json() for anomaly in found.verdict.anomalies],
    }


def power_cut_matrix(
    named: Sequence[Spec],
    models: Sequence[str],
    command: str,
    progress: Callable[[int, int, str], None],
    workers: Workers,
) -> dict[str, Any]:
    """Search the power cuts of the named stores, or of all; return the table as it is saved.

    The table is valid if every store was decided: it shows what each is worth.

    Raises:
        UsageError: power cuts concern none of the stores.
    """
    chosen = list(named) or power_cut_specs()
    unsupported = [(spec, reason) for spec in chosen if (reason := why_no_power_cut(spec))]
    specs = [spec for spec in chosen if not why_no_power_cut(spec)]
    if not specs:
        raise UsageError(f"power cuts concern none of these stores: {unsupported[0][0]}: {unsupported[0][1]}")
    rows = _rows(specs, models, progress, workers)
    undecided = any(row["valid"] is None for row in rows)
    return as_document(
        POWER_CUTS_DOCUMENT,
        {
            "command": command,
            "valid": None if undecided else True,
            "anomalies": [],
            "left_behind": [],
            "models": list(models),
            "rows": rows,
            "unsupported": [{"store": str(spec), "strategy": "", "reason": reason} for spec, reason in unsupported],
            "environment": environment(Path()),
        },
    )


def _rows(
    specs: Sequence[Spec], models: Sequence[str], progress: Callable[[int, int, str], None], workers: Workers
) -> list[_Row]:
    done: dict[Spec, _Row] = {}
    with workers.running():
        waiting = {workers.submit(power_cut_row, spec, models): spec for spec in specs}
        while waiting:
            for task in workers.wait(list(waiting)):
                spec = waiting.pop(task)
                done[spec] = task.result()
                progress(len(done), len(specs), str(spec))
    return [done[spec] for spec in specs]
