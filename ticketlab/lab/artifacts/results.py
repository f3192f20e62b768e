"""Reading results back: strictly, since a page, a baseline or a threshold that trusts a damaged file would mislead.

A result is a JSON object with `format`, `version` and `kind`, and what its kind needs. Unknown keys are kept: they are
how a later lab of the same version says more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from ticketlab.core.errors import UsageError
from ticketlab.core.metrics import METRICS
from ticketlab.core.result import FORMAT, VERSION
from ticketlab.core.strict_json import brief
from ticketlab.lab.artifacts.files import is_folder, parse_json, read_file

RESULT: Final = "result.json"
_SPEED: Final = "sales_per_s"

Check = Callable[[Any], bool]


def _is(*types: type) -> Check:
    return lambda value: isinstance(value, types) and not (isinstance(value, bool) and bool not in types)


def _verdict(value: Any) -> bool:
    return value is None or isinstance(value, bool)


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _numbers(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_number, value.values()))


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _spreads(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(each, list) and len(each) == 2 and all(map(_number, each)) for each in value.values()
    )


def _ratio(value: Any) -> bool:
    return value is None or _number(value)


_ANY: Final[dict[str, Check]] = {
    "command": _is(str),
    "valid": _verdict,
    "anomalies": _is(list),
    "environment": _is(dict),
}
_ROW: Final[dict[str, Check]] = {
    "command": _is(str),
    "store": _is(str),
    "strategy": _is(str),
    "launcher": _is(str),
    "buyers": _count,
    "tickets": _count,
    "sold": _count,
    "valid": _verdict,
    "anomalies": _is(list),
    "figures": _numbers,
}
_RANKED: Final[dict[str, Check]] = _ROW | {
    "figures": lambda value: _numbers(value) and all(each.field in value for each in METRICS),
    "rank": lambda value: value is None or _count(value),
    "ratio": _ratio,
    "spread": lambda value: _spreads(value) and _SPEED in value,
}
_UNSUPPORTED: Final[dict[str, Check]] = {"store": _is(str), "strategy": _is(str), "reason": _is(str)}
_KINDS: Final[dict[str, dict[str, Check]]] = {
    "race": _ANY | _ROW,
    "story": _ANY | {"rows": _is(list)},
    "comparison": _ANY
    | {"rows": _is(list), "rounds": _count, "advice": _is(list), "warnings": _is(list), "unsupported": _is(list)},
    "crashes": _ANY | {"rows": _is(list), "faults": _is(list), "buyers": _count},
    "exploration": _ANY | {"executions": _count, "anomalous": _count, "exhausted": _is(bool)},
}
_CRASHED: Final[dict[str, Check]] = {
    "command": _is(str),
    "store": _is(str),
    "strategy": _is(str),
    "valid": _verdict,
    "points": _count,
    "executions": _count,
    "summary": _is(str),
    "left": _is(list),
    "anyway": _is(list),
}
_ROWS: Final[dict[str, dict[str, Check]]] = {"story": _ROW, "comparison": _RANKED, "crashes": _CRASHED}


def read_document(path: Path) -> dict[str, Any]:
    """Read a result from a file, or from a run's folder.

    Raises:
        UsageError: it cannot be read, is damaged, is something else, or is of a version that this lab does not know.
    """
    if is_folder(path):
        path = path / RESULT
    return parse_document(read_file(path, "result"), str(path))


def parse_document(content: bytes, name: str) -> dict[str, Any]:
    """Read a result from what a file holds; `name` is what messages call it."""
    found: Any = parse_json(content, f"result {name}")
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise UsageError(f'{name} is not a result of ticketlab: it needs "format": "{FORMAT}"')
    version = found.get("version")
    if version != VERSION or isinstance(version, bool):
        newer = isinstance(version, int) and version > VERSION
        advice = "it comes from a newer ticketlab" if newer else "no ticketlab wrote that"
        raise UsageError(f"{name} is a result of version {brief(version)}; this lab reads version {VERSION} ({advice})")
    kind = found.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise UsageError(f"{name} is a result of an unknown kind {brief(kind)}; known are {', '.join(_KINDS)}")
    _check(found, _KINDS[kind], name)
    for number, anomaly in enumerate(found["anomalies"]):
        _check(anomaly, {"name": _is(str), "evidence": _is(dict)}, f"{name}, anomalies[{number}]")
    for number, row in enumerate(found["rows"] if kind in _ROWS else ()):
        _check(row, _ROWS[kind], f"{name}, rows[{number}]")
        if kind == "comparison" and row["rank"] is not None and row["ratio"] is None:
            raise UsageError(f"the result {name}, rows[{number}] is damaged: it has a rank and no ratio")
    for number, each in enumerate(found["unsupported"] if kind == "comparison" else ()):
        _check(each, _UNSUPPORTED, f"{name}, unsupported[{number}]")
    return found


def _check(value: Any, needs: Mapping[str, Check], where: str) -> None:
    if not isinstance(value, dict):
        raise UsageError(f"the result {where} is damaged: it is not an object")
    for key, right in needs.items():
        if key not in value:
            raise UsageError(f"the result {where} is damaged: {key!r} is missing")
        if not right(value[key]):
            raise UsageError(f"the result {where} is damaged: {key!r} cannot be {brief(value[key])}")
