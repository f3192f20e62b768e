"""Reading results back: strictly, since a page, a baseline or a threshold that trusts a damaged file would mislead.

A result is a JSON object with `format`, `version` and `kind`, and what its kind needs. Unknown keys are kept: they are
how a later lab of the same version says more.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from ticketlab.core.errors import UsageError
from ticketlab.core.result import FORMAT, VERSION

LARGEST: Final = 64 << 20
"""Bytes of the largest result that is read."""
RESULT: Final = "result.json"

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
    "rank": lambda value: value is None or _count(value),
    "ratio": _ratio,
    "spread": _spreads,
}
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
    if path.is_dir():
        path = path / RESULT
    return parse_document(_content(path), str(path))


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(f"cannot read the result {path}: {error.strerror or error}") from None
    if len(content) > LARGEST:
        raise UsageError(f"the result {path} is larger than {LARGEST >> 20} MiB")
    return content


def parse_document(content: bytes, name: str) -> dict[str, Any]:
    """Read a result from what a file holds; `name` is what messages call it."""
    try:
        found: Any = json.loads(content, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the result {name} is damaged: it is not JSON ({error})") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise UsageError(f'{name} is not a result of ticketlab: it needs "format": "{FORMAT}"')
    version = found.get("version")
    if version != VERSION or isinstance(version, bool):
        newer = isinstance(version, int) and version > VERSION
        advice = "it comes from a newer ticketlab" if newer else "no ticketlab wrote that"
        raise UsageError(f"{name} is a result of version {version!r}; this lab reads version {VERSION} ({advice})")
    kind = found.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise UsageError(f"{name} is a result of an unknown kind {kind!r}; known are {', '.join(_KINDS)}")
    _check(found, _KINDS[kind], name)
    for number, anomaly in enumerate(found["anomalies"]):
        _check(anomaly, {"name": _is(str), "evidence": _is(dict)}, f"{name}, anomalies[{number}]")
    for number, row in enumerate(found["rows"] if kind in _ROWS else ()):
        _check(row, _ROWS[kind], f"{name}, rows[{number}]")
    return found


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _check(value: Any, needs: Mapping[str, Check], where: str) -> None:
    if not isinstance(value, dict):
        raise UsageError(f"the result {where} is damaged: it is not an object")
    for key, right in needs.items():
        if key not in value:
            raise UsageError(f"the result {where} is damaged: {key!r} is missing")
        if not right(value[key]):
            shown = json.dumps(value[key])[:40]
            raise UsageError(f"the result {where} is damaged: {key!r} cannot be {shown}")
