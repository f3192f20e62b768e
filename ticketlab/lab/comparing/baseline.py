"""A comparison against a baseline: how much each metric of each strategy has changed.

Speeds of two machines cannot be compared. If the baseline comes from another machine, a metric that depends on the
machine is first divided by the yardstick's: on each store and number of buyers, the yardstick is the baseline's fastest
correct strategy among those that are ranked in both. A metric without a unit (fairness, retries) is compared as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ticketlab.core.metrics import METRICS, Metric

_MACHINE_KEYS: Final = ("processor", "cores", "file_system")

_Row = Mapping[str, Any]
_Key = tuple[str, str, str, int]


def differences(now: Mapping[str, Any], then: Mapping[str, Any]) -> list[str]:
    """Say how the machines of two environments differ; an empty list if they are the same."""
    found = [f"{key.replace('_', ' ')} {then.get(key)} then, {now.get(key)} now" for key in _MACHINE_KEYS
             if then.get(key) != now.get(key)]  # fmt: skip
    systems = [str(each.get("system", "")).partition(" ")[0] for each in (then, now)]  # the kernel's version may differ
    return found + ([f"system {systems[0]} then, {systems[1]} now"] if systems[0] != systems[1] else [])


def compare_with(name: str, current: Mapping[str, Any], baseline: Mapping[str, Any]) -> dict[str, Any]:
    """Return the changes since the baseline, row by row, as results have them.

    Only rows that are ranked in both are compared: the speed of an incorrect strategy says nothing.
    """
    differs = differences(current["environment"], baseline["environment"])
    before = {_key(row): row for row in baseline["rows"]}
    yardsticks = _yardsticks(current["rows"], before) if differs else {}
    rows, left_out = [], []
    for row in current["rows"]:
        old = before.get(_key(row))
        if old is None or old["rank"] is None or row["rank"] is None:
            left_out.append(_named(row) | {"reason": _why_not(row, old)})
            continue
        yardstick = yardsticks.get((row["store"], row["buyers"]))
        rows.append(
            _named(row)
            | {"yardstick": yardstick[0]["strategy"] if yardstick else None}
            | {"changes": _changes(row, old, yardstick, other_machine=bool(differs))}
        )
    return {"name": name, "same_machine": not differs, "differences": differs, "rows": rows, "left_out": left_out}


def _key(row: _Row) -> _Key:
    return row["store"], row["strategy"], row["launcher"], row["buyers"]


def _named(row: _Row) -> dict[str, Any]:
    return {key: row[key] for key in ("store", "strategy", "launcher", "buyers")}


def _why_not(row: _Row, old: _Row | None) -> str:
    if old is None:
        return "not in the baseline"
    return "not correct now" if row["rank"] is None else "not correct in the baseline"


def _yardsticks(rows: Sequence[_Row], before: Mapping[_Key, _Row]) -> dict[tuple[str, int], tuple[_Row, _Row]]:
    """Return the yardstick for each store and number of buyers: its row now, and its row in the baseline."""
    found: dict[tuple[str, int], tuple[_Row, _Row]] = {}
    for row in rows:
        old, place = before.get(_key(row)), (row["store"], row["buyers"])
        if (
            old is not None
            and row["rank"] is not None
            and old["rank"] is not None
            and (place not in found or old["rank"] < found[place][1]["rank"])
        ):
            found[place] = row, old
    return found


def _changes(row: _Row, old: _Row, yardstick: tuple[_Row, _Row] | None, *, other_machine: bool) -> dict[str, Any]:
    found = {}
    for metric in METRICS:
        relative = other_machine and metric.per_machine
        if relative and (yardstick is None or _key(yardstick[0]) == _key(row)):
            continue  # the yardstick cannot measure itself
        values = _values(row, old, metric.field)
        if relative and values is not None and yardstick is not None:
            values = _divided(values, _values(*yardstick, metric.field))
        if values is not None:
            found[metric.field] = {
                "before": values[0],
                "after": values[1],
                "change": _change(*values),
                "relative": relative,
                "overlap": _overlap(row, old, metric),
            }
    return found


def _change(before: float, after: float) -> float | None:
    """Return the change as a share of the value before; None if that was 0 and the value after is not."""
    if before:
        return after / before - 1
    return None if after else 0.0


def _values(row: _Row, old: _Row, field: str) -> tuple[float, float] | None:
    """Return a metric (then, now), or None if one side has not measured it."""
    if field not in old["metrics"] or field not in row["metrics"]:
        return None
    return old["metrics"][field], row["metrics"][field]


def _divided(values: tuple[float, float], by: tuple[float, float] | None) -> tuple[float, float] | None:
    return (values[0] / by[0], values[1] / by[1]) if by and all(by) else None


def _overlap(row: _Row, old: _Row, metric: Metric) -> bool:
    low, high = row["spread"].get(metric.field, (0, 0))
    before, after = old["spread"].get(metric.field, (0, 0))
    return bool(low <= after and before <= high)
