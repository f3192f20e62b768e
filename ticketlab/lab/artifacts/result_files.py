"""Results, read back strictly: a page, a baseline or a threshold that trusts a damaged file would mislead.

A result is a JSON object with `format`, `version` and `kind`, and the fields that its kind needs. Unknown fields are
kept: they are how a later lab of the same version says more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from ticketlab.core.json_fields import JsonField, read_version
from ticketlab.core.metrics import METRICS
from ticketlab.core.result import RESULT_FORMAT, RESULT_VERSION
from ticketlab.lab.artifacts.files import is_folder, parse_json, read_file

RESULT: Final = "result.json"
_SPEED: Final = "sales_per_s"

_Read = Callable[[JsonField], object]


def _count(field: JsonField) -> int:
    return field.whole(least=0)


def _anomaly(field: JsonField) -> None:
    _check(field, {"name": JsonField.text, "evidence": JsonField.object})


def _metrics(field: JsonField) -> None:
    field.dict_of(JsonField.number)


def _medians(field: JsonField) -> None:
    _metrics(field)
    for metric in METRICS:
        field[metric.field].number()


def _spreads(field: JsonField) -> None:
    field.dict_of(lambda spread: spread.list_of(JsonField.number, length=2))
    field[_SPEED].values()


def _unsupported(field: JsonField) -> None:
    _check(field, {"store": JsonField.text, "strategy": JsonField.text, "reason": JsonField.text})


def _rank(field: JsonField) -> int | None:
    return field.or_none(_count)


def _ratio(field: JsonField) -> float | None:
    return field.or_none(JsonField.number)


def _ranked(field: JsonField) -> None:
    _check(
        field,
        {
            **_ROW,
            "metrics": _medians,
            "claims_safety": JsonField.flag,
            "rank": _rank,
            "ratio": _ratio,
            "spread": _spreads,
        },
    )
    _check(field, {"samples": _optional(_samples)})
    if _rank(field["rank"]) is not None and _ratio(field["ratio"]) is None:
        raise field["ratio"].wrong("a number beside a rank")


def _injected(field: JsonField) -> None:
    _check(field, {"who": JsonField.text, "fault": JsonField.text, "before": JsonField.text, "point": _count})
    _check(field, {"executions": _count, "names": lambda names: names.dict_of(_count), "waited": JsonField.number})


def _samples(field: JsonField) -> None:
    for values in field.dict_of(lambda each: each.list_of(JsonField.number)).values():
        if not values:
            raise field.wrong("a value or more for each metric")


def _reference(field: JsonField) -> None:
    _check(field, {"store": JsonField.text, "strategy": JsonField.text, "buyers": _count, "samples": _samples})


def _line(field: JsonField) -> None:
    _check(field, {"line": JsonField.text, "met": JsonField.verdict, "misses": _list_of(JsonField.text)})
    _check(
        field, {"reason": JsonField.text} | dict.fromkeys(("doubts", "closest"), _optional(_list_of(JsonField.text)))
    )


def _optional(read: _Read) -> _Read:
    return lambda field: field.otherwise(read, None)


def _crashed(field: JsonField) -> None:
    _check(field, _CRASHED)


def _cut(field: JsonField) -> None:
    _check(field, {"store": JsonField.text, "valid": JsonField.verdict})


def _raced(field: JsonField) -> None:
    _check(field, _ROW)


def _list_of(read: _Read) -> _Read:
    return lambda field: field.list_of(read)


_ANY: Final[Mapping[str, _Read]] = {
    "command": JsonField.text,
    "valid": JsonField.verdict,
    "anomalies": _list_of(_anomaly),
    "environment": JsonField.object,
}
_ROW: Final[Mapping[str, _Read]] = {
    "command": JsonField.text,
    "store": JsonField.text,
    "strategy": JsonField.text,
    "launcher": JsonField.text,
    "buyers": _count,
    "tickets": _count,
    "sold": _count,
    "valid": JsonField.verdict,
    "anomalies": JsonField.values,
    "metrics": _metrics,
}
_CRASHED: Final[Mapping[str, _Read]] = {
    "command": JsonField.text,
    "store": JsonField.text,
    "strategy": JsonField.text,
    "claims_safety": JsonField.flag,
    "faults": _list_of(JsonField.text),
    "valid": JsonField.verdict,
    "reason": JsonField.text,
    "summary": JsonField.text,
    "anomalies": _list_of(_anomaly),
    "names": lambda field: field.dict_of(_count),
    "anyway": _list_of(JsonField.text),
    "points": _count,
    "executions": _count,
    "waited": JsonField.number,
    "left_behind": _list_of(JsonField.text),
    "injected": _optional(_list_of(_injected)),
}
_COMPARISON: Final[Mapping[str, _Read]] = {
    "rows": _list_of(_ranked),
    "lines": _optional(_list_of(_line)),
    "references": _optional(_list_of(_reference)),
    "rounds": _count,
    "recommendations": JsonField.values,
    "warnings": JsonField.values,
    "unsupported": _list_of(_unsupported),
}
_CRASHES: Final[Mapping[str, _Read]] = {
    "rows": _list_of(_crashed),
    "faults": _list_of(JsonField.text),
    "buyers": _count,
    "unsupported": _optional(_list_of(_unsupported)),
}
_KINDS: Final[Mapping[str, Mapping[str, _Read]]] = {
    "race": {**_ROW, **_ANY},
    "tour": {**_ANY, "rows": _list_of(_raced)},
    "comparison": {**_ANY, **_COMPARISON},
    "crashes": {**_ANY, **_CRASHES},
    "power-cuts": {**_ANY, "rows": _list_of(_cut)},
    "function-race": {**_ANY, "races": _count, "wrong": _count},
    "exploration": {**_ANY, "executions": _count, "anomalous": _count, "exhausted": JsonField.flag},
}


def read_document(path: Path) -> dict[str, Any]:
    """Read a result from a file, or from a run's folder.

    Raises:
        UsageError: it cannot be read, is damaged, is something else, or is of a version that this lab does not know.
    """
    if is_folder(path):
        path = path / RESULT
    return parse_document(read_file(path, "result"), str(path))


def parse_document(content: bytes, name: str) -> dict[str, Any]:
    """Read a result from the content of a file; `name` is what messages call it."""
    found: Any = parse_json(content, f"result {name}")
    field = JsonField(found, f"the result {name}")
    read_version(field, "format", RESULT_FORMAT, "a result of ticketlab", (RESULT_VERSION,))
    kind = field["kind"].one_of(tuple(_KINDS))
    _check(field, _KINDS[kind])
    result: dict[str, Any] = found
    return result


def _check(field: JsonField, needs: Mapping[str, _Read]) -> None:
    for key, read in needs.items():
        read(field[key])
