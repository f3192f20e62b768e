"""Thresholds and regressions: `fairness>=0.8` is what a metric must be, `p99>+20%` a change that it must not have made.

    threshold  = metric  comparison  number [unit]        --threshold: every ranked strategy has to meet it
    regression = metric  (">" | "<")  sign number "%"     --fail-if: missed if a metric has changed by more

The metrics are those of `core.metrics`. A threshold is undecided, never met, if nothing could be compared with it.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ticketlab.core.errors import UsageError
from ticketlab.core.metrics import Metric, metric

_COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_METRIC: Final = re.compile(r"\s*([A-Za-z_][\w./]*)\s*")
_SIGN: Final = re.compile(r"(>=|<=|>|<)\s*")
_NUMBER: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*")
_CHANGE: Final = re.compile(r"([+-])\s*(\d+(?:\.\d*)?|\.\d+)\s*%")
_UNITS: Final[Mapping[str, Mapping[str, float]]] = {
    "ms": {"": 1, "us": 1e-3, "µs": 1e-3, "ms": 1, "s": 1e3},
    "s": {"": 1, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1},
    "MB": {"": 1, "kB": 1e-3, "MB": 1, "GB": 1e3},
    "%": {"": 1, "%": 1e-2},
    "": {"": 1, "/s": 1, "%": 1e-2},
}


@dataclass(frozen=True, slots=True)
class Threshold:
    """A condition on a metric; `value` is in the metric's own unit."""

    text: str
    metric: Metric
    sign: str
    value: float

    def met_by(self, found: float) -> bool:
        """Whether a value of the metric meets the condition."""
        return _COMPARE[self.sign](found, self.value)


@dataclass(frozen=True, slots=True)
class Regression:
    """A change that a metric must not have made: more than `value`, as a share of the baseline's."""

    text: str
    metric: Metric
    sign: str
    value: float

    def met_by(self, change: float) -> bool:
        """Whether a change (0.2 is a fifth more) stays within the limit."""
        return not _COMPARE[self.sign](change, self.value)


@dataclass(frozen=True, slots=True)
class ThresholdResult:
    """Whether a threshold is met; `misses` has a sentence for each miss. If `met` is None, `reason` says why."""

    text: str
    met: bool | None
    misses: Sequence[str] = ()
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as it is saved."""
        return {"line": self.text, "met": self.met, "misses": list(self.misses), "reason": self.reason}


def threshold(text: str) -> Threshold:
    """Read the text of `--threshold`.

    Raises:
        UsageError: it does not parse; the message points at the place.
    """
    found, sign, at = _head("--threshold", text)
    if text[at : at + 1] in "+-" and text[at:]:
        raise _bad(
            "--threshold", text, at, "a change is for --fail-if; --threshold needs a number, as in fairness>=0.8"
        )
    number = _NUMBER.match(text, at)
    if number is None:
        raise _bad("--threshold", text, at, "a number is needed, as in fairness>=0.8")
    unit, units = text[number.end() :].strip(), _UNITS[found.unit]
    if unit not in units:
        known = ", ".join(filter(None, units)) or "no unit"
        raise _bad("--threshold", text, number.end(), f"{found.name} is given in {known}")
    return Threshold(text.strip(), found, sign, float(number[1]) * units[unit])


def regression(text: str) -> Regression:
    """Read the text of `--fail-if`.

    Raises:
        UsageError: it does not parse; the message points at the place.
    """
    found, sign, at = _head("--fail-if", text)
    change = _CHANGE.match(text, at)
    if change is None:
        raise _bad("--fail-if", text, at, "a change is needed: a sign, a number and %, as in p99>+20%")
    if text[change.end() :].strip():
        raise _bad("--fail-if", text, change.end(), "nothing more is expected here")
    return Regression(text.strip(), found, sign, float(change[1] + change[2]) / 100)


def _head(option: str, text: str) -> tuple[Metric, str, int]:
    """Read the metric and the comparison; return also where the rest begins."""
    name = _METRIC.match(text)
    if name is None:
        raise _bad(option, text, 0, "the name of a metric is needed, as in p99 or fairness")
    try:
        found = metric(name[1])
    except UsageError as error:
        raise _bad(option, text, name.start(1), str(error)) from None
    sign = _SIGN.match(text, name.end())
    if sign is None:
        raise _bad(option, text, name.end(), "one of >= <= > < is needed")
    return found, sign[1], sign.end()


def _bad(option: str, text: str, at: int, expected: str) -> UsageError:
    rest = text[at:].strip()
    place = f"at character {at + 1}, {rest[:20]!r}" if rest else "at its end"
    return UsageError(f"{option} {text!r}, {place}: {expected}")


def evaluate(line: Threshold, rows: Iterable[Mapping[str, Any]]) -> ThresholdResult:
    """Compare the ranked rows of a comparison with a threshold."""
    ranked = [row for row in rows if row["rank"] is not None]
    if not ranked:
        return ThresholdResult(line.text, None, reason="no strategy was ranked")
    misses = [
        f"{describe_row(row)} has {line.metric.name} {shown(row['metrics'][line.metric.field], line.metric)}"
        for row in ranked
        if not line.met_by(row["metrics"][line.metric.field])
    ]
    return ThresholdResult(line.text, not misses, misses)


def evaluate_change(line: Regression, against: Mapping[str, Any]) -> ThresholdResult:
    """Compare the changes since a baseline with a regression."""
    changes = [(row, row["changes"].get(line.metric.field)) for row in against["rows"]]
    known = [(row, each) for row, each in changes if each is not None]
    if not known:
        return ThresholdResult(
            line.text, None, reason=f"{line.metric.name} could not be compared with {against['name']}"
        )
    misses = [_changed(row, each, line.metric) for row, each in known if not line.met_by(_share(each))]
    return ThresholdResult(line.text, not misses, misses)


def _share(change: Mapping[str, Any]) -> float:
    """Return a change as a number; a metric that was 0 and is not has grown without bounds."""
    return math.inf if change["change"] is None else float(change["change"])


def _changed(row: Mapping[str, Any], each: Mapping[str, Any], metric: Metric) -> str:
    by = "from nothing" if each["change"] is None else f"by {each['change']:+.0%}"
    what = f"{describe_row(row)}: {metric.name} changed {by}"
    if each["relative"]:
        return f"{what}, relative to {row['yardstick']}"
    maybe = "; the spreads overlap, so it may be noise" if each["overlap"] else ""
    return f"{what}, from {shown(each['before'], metric)} to {shown(each['after'], metric)}{maybe}"


def describe_row(row: Mapping[str, Any]) -> str:
    """Name a row in a sentence."""
    return f"{row['strategy']} on {row['store']} ({row['launcher']}, {row['buyers']} buyers)"


def shown(value: float, metric: Metric) -> str:
    """Return a value with its unit, to three digits."""
    if metric.unit == "%":
        return f"{value:.0%}"
    digits = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{digits} {metric.unit}".rstrip()
