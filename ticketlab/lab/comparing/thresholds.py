"""Thresholds and regressions: `fairness>=0.8` is what a metric must be, `p99>+20%` a change that it must not have made.

    threshold  = metric  comparison  number [unit]        --threshold: every ranked strategy has to meet it
    regression = metric  (">" | "<")  sign number "%"     --fail-if: missed if a metric has changed by more

The metrics are those of `core.metrics`. A threshold is undecided, never met, if nothing could be compared with it. A
change that may be noise is no miss: the rounds of both sides have to show it (see `noise`).
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isinf
from typing import Any, Final

from ticketlab.core.errors import UsageError
from ticketlab.core.metrics import Metric, metric
from ticketlab.core.text import pluralize
from ticketlab.lab.comparing.noise import can_fail, noise

_Row = Mapping[str, Any]
_Change = Mapping[str, Any]

_COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_ASKED: Final[Mapping[str, str]] = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}
_ALL_DIGITS: Final = 17
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
    """Whether a threshold is met, and the sentences that say what was asked and what was measured.

    `misses` has a sentence for each row that missed it, `doubts` one for each miss that may be noise, and `closest`, if
    there are none of these, one for the row that came closest to a miss. If `met` is None, `reason` says why.
    """

    text: str
    met: bool | None
    misses: Sequence[str] = ()
    doubts: Sequence[str] = ()
    closest: Sequence[str] = ()
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as it is saved."""
        return {
            "line": self.text,
            "met": self.met,
            "misses": list(self.misses),
            "doubts": list(self.doubts),
            "closest": list(self.closest),
            "reason": self.reason,
        }


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
    ranked = [(row["metrics"][line.metric.field], row) for row in rows if row["rank"] is not None]
    if not ranked:
        return ThresholdResult(line.text, None, reason="no strategy was ranked")
    misses = [
        f"{_found(value, line)}: missed by {describe_row(row)}" for value, row in ranked if not line.met_by(value)
    ]
    if misses:
        return ThresholdResult(line.text, met=False, misses=misses)
    value, row = (min if line.sign in (">", ">=") else max)(ranked, key=lambda each: each[0])
    return ThresholdResult(line.text, met=True, closest=[f"{_found(value, line)}: {describe_row(row)}"])


def _found(value: float, line: Threshold) -> str:
    """Say what was measured and what was asked, with so many digits that they look as different as they are."""
    asked, found = next(
        texts
        for digits in range(3, 18)
        if (texts := (shown(line.value, line.metric, digits), shown(value, line.metric, digits)))
        and (value == line.value or texts[0] != texts[1] or digits == _ALL_DIGITS)
    )
    return f"{line.metric.name} is {found} (limit: {_ASKED[line.sign]} {asked})"


def evaluate_changes(lines: Sequence[Regression], against: Mapping[str, Any]) -> list[ThresholdResult]:
    """Compare the changes since a baseline with regressions; a change counts only if the rounds show it (`noise`)."""
    known = [
        [(row, row["changes"][line.metric.field]) for row in against["rows"] if line.metric.field in row["changes"]]
        for line in lines
    ]
    tests = sum(map(len, known))
    rounds = against["rounds"]
    enough = can_fail(rounds["then"], max(rounds["now"], rounds["to_fail"]), tests)
    return [_evaluated(line, rows, against, enough=enough) for line, rows in zip(lines, known, strict=True)]


def _evaluated(
    line: Regression, rows: Sequence[tuple[_Row, _Change]], against: Mapping[str, Any], *, enough: bool
) -> ThresholdResult:
    if not rows:
        return ThresholdResult(
            line.text, None, reason=f"{line.metric.name} could not be compared with {against['name']}"
        )
    beyond = [(row, each) for row, each in rows if not line.met_by(_share(each))]
    missed = [(row, each) for row, each in beyond if _shown(each, line)]
    if missed and not enough:
        few = f"{pluralize(against['rounds']['then'], 'round')} of {against['name']}"
        why = f"{_changed(*missed[0], line)}, but {few} cannot tell a change from noise: save it with --rounds 5"
        return ThresholdResult(line.text, None, reason=why)
    doubts = [pair for pair in beyond if pair not in missed]
    row, each = (max if line.sign == ">" else min)(rows, key=lambda pair: _share(pair[1]))
    return ThresholdResult(
        line.text,
        not missed,
        [f"{_changed(*pair, line)}: missed by {_where(*pair, line)}" for pair in missed],
        [f"{_changed(*pair, line)}: {_doubt(pair[1], line)}: {_where(*pair, line)}" for pair in doubts],
        [] if beyond else [f"{_changed(row, each, line)}: {_where(row, each, line)}"],
    )


def _share(change: _Change) -> float:
    """Return a change as a number; a metric that was 0 and is not has grown without bounds."""
    return inf if change["change"] is None else float(change["change"])


def _shown(change: _Change, line: Regression) -> bool:
    """Whether the rounds show that a change is beyond the limit, as it is and beside the reference."""
    return all(
        not line.met_by(_end(interval, line))
        for interval in (change["interval"], change["beside_reference"])
        if interval
    )


def _end(interval: Sequence[float | None], line: Regression) -> float:
    """Return the end of an interval that is closest to the limit; None stands for a change without bounds."""
    end = interval[0 if line.sign == ">" else 1]
    return inf if end is None else end


def _doubt(change: _Change, line: Regression) -> str:
    """Say why a change beyond the limit is not shown by the rounds."""
    if line.met_by(_end(change["interval"], line)):
        return f"not shown, {_noise(change['interval'])}"
    return (
        f"not shown, since the machine itself has changed; beside the reference, {_noise(change['beside_reference'])}"
    )


def _noise(interval: Sequence[float | None]) -> str:
    low, high = interval
    return "noise without bounds" if low is None or high is None else f"noise of ± {100 * noise((low, high)):.0f} %"


def _changed(row: _Row, each: _Change, line: Regression) -> str:
    """Say how a metric changed, and by how much it may: "p99 rose by 3 % (limit 20 %)"."""
    change, name = _share(each), line.metric.name
    if not change:
        told = f"{name} is as it was"
    else:
        by = "from nothing" if isinf(change) else f"by {_percent(abs(change), abs(line.value))}"
        told = f"{name} {'rose' if change > 0 else 'fell'} {by}"
    beside = f" relative to {row['yardstick']}" if each["relative"] else ""
    return f"{told}{beside} ({_limit(line, change)})"


def _limit(line: Regression, change: float) -> str:
    allowed = _percent(abs(line.value), abs(line.value))
    rise = line.value > 0 or (line.value == 0 and line.sign == ">")
    if rise != (line.sign == ">"):  # the change itself is asked for, as by p99>-5%
        return f"{'a rise' if rise else 'a fall'} of {allowed} is asked for"
    return (
        f"limit {allowed}" if change and (change > 0) == rise else f"limit: a {'rise' if rise else 'fall'} of {allowed}"
    )


def _percent(share: float, limit: float) -> str:
    """Return a share in percent, with so many digits that it does not look like a limit that it is not."""
    texts = (f"{100 * share:.{digits}f}" for digits in range(6))
    text = next((text for text in texts if (float(text) == 100 * limit) == (share == limit)), f"{100 * share:.6f}")
    return f"{text} %"


def _where(row: _Row, each: _Change, line: Regression) -> str:
    if each["relative"]:
        return describe_row(row)
    before, after = (shown(each[key], line.metric) for key in ("before", "after"))
    return f"{describe_row(row)}, from {before} to {after}"


def describe_row(row: _Row) -> str:
    """Name a row in a sentence."""
    return f"{row['strategy']} on {row['store']} ({row['launcher']}, {pluralize(row['buyers'], 'buyer')})"


def shown(value: float, metric: Metric, digits: int = 3) -> str:
    """Return a value with its unit, to so many digits, or with all digits before the point if these are more."""
    if metric.unit == "%":
        return f"{100 * value:.{digits - 3}f} %"
    text = f"{value:,.{digits - 3}f}" if abs(value) >= 100 else f"{value:.{digits}g}"
    return f"{text} {metric.unit}".rstrip()
