"""A result as its renderers see it: checked once, so that none of them meets a damaged one.

Any result will do: a race or a case (one row), a story or a comparison (several), a judged history (one row without
store, strategy and figures).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from typing import Any

from ticketlab.core.text import join_words
from ticketlab.report.rows import tally

_NUMBERS = ("race_s", "wall_s", "sales_per_s", "p50_ms", "p99_ms", "longest_ms", "fairness", "retries")


@dataclass(frozen=True, slots=True)
class ShownAnomaly:
    """An anomaly as a renderer sees it."""

    name: str
    sentence: str
    evidence: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class InjectedFault:
    """Whom a fault struck: before which step, in a race also when (ms after the gun), and what it held."""

    who: str
    fault: str
    before: str
    at_ms: float | None
    held: Sequence[str]

    @property
    def sentence(self) -> str:
        """Say so in one line."""
        held = f", holding {join_words(self.held)}" if self.held else ""
        when = "" if self.at_ms is None else f" at {self.at_ms:.2f} ms"
        return f"{self.who}: {self.fault} before {self.before}{when}{held}"


@dataclass(frozen=True, slots=True)
class Row:
    """One race, case or history; figures that were not measured are not there.

    `ratio` is the speed as a share of the fastest correct one beside it, where a comparison ranked it.
    """

    store: str
    strategy: str
    launcher: str
    buyers: int
    tickets: int
    sold: int | None
    valid: bool | None
    reason: str
    findings: Sequence[ShownAnomaly]
    figures: Mapping[str, float]
    curve: Sequence[tuple[float, float]]
    books: Mapping[str, Any]
    command: str
    ratio: float | None = None
    crash_safety: str = "not tested"
    struck: Sequence[InjectedFault] = ()
    left: Sequence[str] = ()

    @property
    def title(self) -> str:
        """Name the row: "lock on json"."""
        return f"{self.strategy} on {self.store}" if self.strategy else "history"

    @property
    def names(self) -> Sequence[str]:
        """The names of its anomalies, each once."""
        return list(dict.fromkeys(finding.name for finding in self.findings))

    @property
    def verdict(self) -> str:
        """The verdict in a few words; undecided never looks like a pass."""
        if self.valid is None:
            return f"? undecided: {self.reason}" if self.reason else "? undecided"
        return "✓ books right" if self.valid else "✗ " + (", ".join(self.names) or "anomalous")


@dataclass(frozen=True, slots=True)
class Document:
    """A whole result; `unsupported` has store, strategy and reason of combinations that cannot run."""

    command: str
    valid: bool | None
    rows: Sequence[Row]
    unsupported: Sequence[tuple[str, str, str]]
    environment: Mapping[str, Any]
    facts: Mapping[str, Any]
    warnings: Sequence[str] = ()
    advice: Sequence[Mapping[str, Any]] = ()

    @property
    def headline(self) -> str:
        """The verdict in one line."""
        if len(self.rows) == 1:
            return f"{self.rows[0].title}: {self.rows[0].verdict}"
        return tally([row.valid for row in self.rows])


def document(value: Any) -> Document:
    """Read a result as `to_json` gave it.

    Raises:
        ValueError: it is not a result, or damaged; the message says what and where.
    """
    if not isinstance(value, Mapping) or not {"valid", "anomalies"} <= value.keys():
        raise ValueError('it is not a result of ticketlab: it needs "valid" and "anomalies"')
    rows = _list(value, "rows", "") if "rows" in value else [value]
    if not rows:
        raise ValueError("it has no rows")
    unsupported = [
        (_text(each, "store", "unsupported"), _text(each, "strategy", "unsupported"), _text(each, "reason", ""))
        for each in _list(value, "unsupported", "")
    ]
    facts = {key: value[key] for key in ("model", "operations", "executions", "anomalous", "exhausted") if key in value}
    return Document(
        command=_text(value, "command", ""),
        valid=_verdict(value, ""),
        rows=[_row(each, f"rows[{number}]." if "rows" in value else "") for number, each in enumerate(rows)],
        unsupported=unsupported,
        environment=_mapping(value, "environment", ""),
        facts=facts,
        warnings=[str(each) for each in _list(value, "warnings", "")],
        advice=[each for each in _list(value, "advice", "") if isinstance(each, Mapping)],
    )


def _row(value: Any, where: str) -> Row:
    if not isinstance(value, Mapping):
        raise ValueError(f"{where.rstrip('.')} is not an object")
    figures = _mapping(value, "figures", where)
    found = [_finding(each, f"{where}anomalies[{n}].") for n, each in enumerate(_list(value, "anomalies", where))]
    return Row(
        store=_text(value, "store", where),
        strategy=_text(value, "strategy", where),
        launcher=_text(value, "launcher", where),
        buyers=_count(value, "buyers", where),
        tickets=_count(value, "tickets", where),
        sold=_count(value, "sold", where) if "sold" in value else None,
        valid=_verdict(value, where),
        reason=_text(value, "reason", where),
        findings=found,
        figures={key: _number(figures[key], f"{where}figures.{key}") for key in _NUMBERS if key in figures},
        curve=_curve(value, where),
        books=_mapping(value, "books", where),
        command=_text(value, "command", where),
        ratio=None if value.get("ratio") is None else _number(value["ratio"], f"{where}ratio"),
        crash_safety=str(value.get("crash_safety", "not tested")),
        struck=[_struck(each, f"{where}struck[{n}].") for n, each in enumerate(_list(value, "struck", where))],
        left=_texts(value, "left", where),
    )


def _finding(value: Any, where: str) -> ShownAnomaly:
    if not isinstance(value, Mapping) or not isinstance(value.get("name"), str):
        raise ValueError(f"{where}name is missing")
    return ShownAnomaly(value["name"], _text(value, "sentence", where), _mapping(value, "evidence", where))


def _struck(value: Any, where: str) -> InjectedFault:
    if not isinstance(value, Mapping):
        raise ValueError(f"{where.rstrip('.')} is not an object")
    return InjectedFault(
        who=_text(value, "who", where),
        fault=_text(value, "fault", where),
        before=_text(value, "before", where),
        at_ms=_number(value["at_ms"], f"{where}at_ms") if "at_ms" in value else None,
        held=_texts(value, "held", where),
    )


def _curve(value: Mapping[str, Any], where: str) -> list[tuple[float, float]]:
    found = []
    for point in _list(value, "curve", where):
        if not isinstance(point, list | tuple) or len(point) != 2:
            raise ValueError(f"{where}curve has {point!r}: a share and a latency are needed")
        found.append((_number(point[0], f"{where}curve"), _number(point[1], f"{where}curve")))
    if any(after[0] < before[0] or after[1] < before[1] for before, after in pairwise(found)):
        raise ValueError(f"{where}curve goes down")
    return found


def _verdict(value: Mapping[str, Any], where: str) -> bool | None:
    found = value.get("valid")
    if found is not None and not isinstance(found, bool):
        raise ValueError(f"{where}valid is {found!r}: true, false or null is needed")
    return found


def _text(value: Any, key: str, where: str) -> str:
    found = value.get(key, "") if isinstance(value, Mapping) else None
    if not isinstance(found, str):
        raise ValueError(f"{where}{key} is {found!r}: a string is needed")
    return found


def _count(value: Mapping[str, Any], key: str, where: str) -> int:
    found = value.get(key, 0)
    if type(found) is not int:
        raise ValueError(f"{where}{key} is {found!r}: a whole number is needed")
    return found


def _number(found: Any, where: str) -> float:
    if isinstance(found, bool) or not isinstance(found, int | float) or not isfinite(found):
        raise ValueError(f"{where} is {found!r}: a number is needed")
    return float(found)


def _list(value: Mapping[str, Any], key: str, where: str) -> list[Any]:
    found = value.get(key) or []
    if not isinstance(found, list | tuple):
        raise ValueError(f"{where}{key} is {found!r}: a list is needed")
    return list(found)


def _texts(value: Mapping[str, Any], key: str, where: str) -> list[str]:
    found = _list(value, key, where)
    for each in found:
        if not isinstance(each, str):
            raise ValueError(f"{where}{key} has {each!r}: a string is needed")
    return found


def _mapping(value: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    found = value.get(key) or {}
    if not isinstance(found, Mapping):
        raise ValueError(f"{where}{key} is {found!r}: an object is needed")
    return found
