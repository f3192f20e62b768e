"""A comparison against a baseline: how much each metric of each strategy has changed.

Speeds of two machines cannot be compared. If the baseline comes from another machine, a metric that depends on the
machine is first divided by the yardstick's: on each store and number of buyers, the yardstick is the baseline's fastest
correct strategy among those that are ranked in both. A metric without a unit (fairness, retries) is compared as it is.

Beside each change stands the interval of changes that the rounds of both sides leave possible (see `noise`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isinf
from statistics import median
from typing import Any, Final

from ticketlab.core.metrics import METRICS, Metric
from ticketlab.lab.comparing.noise import beside, change_interval, rounds_to_fail

_MACHINE_KEYS: Final = ("processor", "cores", "file_system")

_UNKNOWN: Final = (-1.0, None)
"""The interval of a change of which nothing is known; None stands for a change without bounds."""

_Row = Mapping[str, Any]
_Key = tuple[str, str, str, int]
_Rounds = tuple[Sequence[float], Sequence[float]]  # of the measurement now, and of the baseline


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
    references = {} if differs else _references(current, baseline)
    rows, left_out = [], []
    for row in current["rows"]:
        old = before.get(_key(row))
        if old is None or old["rank"] is None or row["rank"] is None:
            left_out.append(_named(row) | {"reason": _why_not(row, old)})
            continue
        yardstick = yardsticks.get((row["store"], row["buyers"]))
        changes = _changes(row, old, yardstick, references.get(row["buyers"]), other_machine=bool(differs))
        rows.append(_named(row) | {"yardstick": yardstick[0]["strategy"] if yardstick else None, "changes": changes})
    return {
        "name": name,
        "same_machine": not differs,
        "differences": differs,
        "rounds": {
            "then": baseline["rounds"],
            "now": current["rounds"],
            "to_fail": rounds_to_fail(current["rounds_wanted"]),
        },
        "references": [_reference_changes(*each) for each in references.values()],
        "rows": rows,
        "left_out": left_out,
    }


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


def _references(current: Mapping[str, Any], baseline: Mapping[str, Any]) -> dict[int, tuple[_Row, _Row]]:
    """Return for each number of buyers the reference now and then, if both measurements raced the same one."""
    then = {(each["store"], each["strategy"], each["buyers"]): each for each in baseline.get("references", ())}
    found = {}
    for now in current.get("references", ()):
        if old := then.get((now["store"], now["strategy"], now["buyers"])):
            found[now["buyers"]] = now, old
    return found


def _reference_changes(now: _Row, old: _Row) -> dict[str, Any]:
    """Return how the machine itself has changed, in the form of a row."""
    changes = {
        metric.field: _changed((median(after), median(before)), relative=False)
        | {"interval": _interval((after, before)), "beside_reference": None}
        for metric in METRICS
        if (after := _rounds(now, metric.field)) and (before := _rounds(old, metric.field))
    }
    return {key: now[key] for key in ("store", "strategy", "buyers")} | {"changes": changes}


def _changes(
    row: _Row,
    old: _Row,
    yardstick: tuple[_Row, _Row] | None,
    reference: tuple[_Row, _Row] | None,
    *,
    other_machine: bool,
) -> dict[str, Any]:
    found = {}
    for metric in METRICS:
        relative = other_machine and metric.per_machine
        if metric.field not in old["metrics"] or metric.field not in row["metrics"]:
            continue
        if relative and (yardstick is None or _key(yardstick[0]) == _key(row)):
            continue  # the yardstick cannot measure itself
        values = row["metrics"][metric.field], old["metrics"][metric.field]
        rounds = _rounds(row, metric.field), _rounds(old, metric.field)
        if relative and yardstick is not None:
            by = tuple(each["metrics"].get(metric.field, 0) for each in yardstick)
            if not all(by):
                continue
            values = values[0] / by[0], values[1] / by[1]
        compared = _beside(rounds, yardstick, metric) if relative and yardstick is not None else rounds
        beside_reference = _beside(rounds, reference, metric) if reference and metric.per_machine else None
        found[metric.field] = _changed(values, relative=relative) | {
            "interval": _interval(compared) if compared else _UNKNOWN,
            "beside_reference": _interval(beside_reference) if beside_reference else None,
        }
    return found


def _changed(values: tuple[float, float], *, relative: bool) -> dict[str, Any]:
    after, before = values
    return {"before": before, "after": after, "change": _change(before, after), "relative": relative}


def _change(before: float, after: float) -> float | None:
    """Return the change as a share of the value before; None if that was 0 and the value after is not."""
    if before:
        return after / before - 1
    return None if after else 0.0


def _rounds(row: _Row, field: str) -> Sequence[float]:
    """Return a metric's value in each round; of an older result, the lowest, the median and the highest."""
    samples = row.get("samples", {}).get(field)
    low, high = row.get("spread", {}).get(field, (None, None))
    middle = row.get("metrics", {}).get(field)
    return samples or [each for each in (low, middle, high) if each is not None]


def _beside(rounds: _Rounds, by: tuple[_Row, _Row], metric: Metric) -> _Rounds | None:
    """Return the rounds of both sides as multiples of another row's; None if that is not possible."""
    now, then = (beside(each, _rounds(row, metric.field)) for each, row in zip(rounds, by, strict=True))
    return (now, then) if now and then else None


def _interval(rounds: _Rounds) -> list[float | None]:
    """Return the changes that the rounds leave possible; None stands for a change without bounds."""
    return [None if isinf(each) else each for each in change_interval(*rounds)]
