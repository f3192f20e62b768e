"""Anomalies of an execution as results have them: by the numbers of steps, where nothing has a time of its own."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any

from ticketlab.core.verdict import Anomaly
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.analysis.trace import Trace


def noticeable(trace: Trace) -> list[int]:
    """Return the steps that other participants could notice: those that tables show, numbered from 1."""
    return [node for node, what in enumerate(trace.what) if not trace.table.step(what).private]


def anomaly_json(anomaly: Anomaly, execution: Execution) -> dict[str, Any]:
    """Return an anomaly as results have it.

    If virtual time does not order the steps, operations have no times. Then `invoke_step` and `return_step` stand in
    place of `invoke_ns` and `return_ns`: the numbers of an operation's first and last step in the table.
    """
    found = anomaly.to_json()
    if not execution.when:
        times = execution.times
        starts = [times[node] for node in noticeable(execution.trace)]
        found["evidence"] = {key: _located(value, starts) for key, value in found["evidence"].items()}
    return found


def _located(value: Any, starts: Sequence[int]) -> Any:
    if isinstance(value, list | tuple):
        return [_located(each, starts) for each in value]
    if not isinstance(value, Mapping):
        return value
    if "invoke_ns" not in value:
        return {key: _located(each, starts) for key, each in value.items()}
    returned = value.get("return_ns")
    rest = {key: each for key, each in value.items() if key not in ("invoke_ns", "return_ns")}
    last = None if returned is None else bisect_left(starts, returned)
    return rest | {"invoke_step": bisect_left(starts, value["invoke_ns"]) + 1, "return_step": last}
