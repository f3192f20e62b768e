"""What a log of one's own calls the parts of a history: a small grammar, `process=worker,op=event,op.acquire=lock`.

Left stands what a history calls it, right what the log calls it:

- `PART=FIELD` for `process`, `op`, `arg`, `result`, `section`, `invoke`, `return`, `time` and `phase`. A field within
  an object is written `request.worker`; an `arg` of several fields `key+value`.
- `op.NAME=VALUE`, `result.VALUE=VALUE`, `phase.NAME=VALUE`: the log's word for an operation, a result or a phase. A
  result is written as in JSON (`result.true=granted`, `result.null=empty`), or else is a text. `result.ok=` with
  nothing to its right says what a line without a result means.
- `unit=ns|us|ms|s|iso`: the unit of all times; `iso` for texts such as 2026-11-28T12:00:00.25Z.

If `phase` is mapped, an operation is two lines: one when it is invoked, and one when it returns.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ticketlab.core.errors import UsageError, unknown_name
from ticketlab.core.strict_json import brief

PARTS: Final = ("process", "op", "arg", "result", "section", "invoke", "return", "time", "phase")
TIME_UNITS: Final = {"ns": 0, "us": 3, "ms": 6, "s": 9, "iso": 9}
"""The units of times, with the digits that nanoseconds have after the point."""
PHASES: Final = ("invoke", "return", "fail", "info")
"""An invocation; its return; that it certainly had no effect; that nobody knows whether it had."""
_OWN_NAMES: Final = {"invoke": "invoke_ns", "return": "return_ns"}
_OWN_PHASES: Final = {"ok": "return"}
_FORM: Final = "write PART=FIELD or PART.NAME=VALUE, as in process=worker,op=event,op.acquire=lock"


@dataclass(frozen=True, slots=True)
class LogMapping:
    """The fields of a log by the parts of a history, its words by the history's, and the unit of its times.

    `absent` is the result that a line without one stands for, if `absent_allowed` says that there may be such lines.
    """

    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ops: Mapping[object, str] = field(default_factory=dict)
    results: Mapping[object, Any] = field(default_factory=dict)
    phases: Mapping[object, str] = field(default_factory=dict)
    unit: str = "ns"
    absent: Any = None
    absent_allowed: bool = False

    @property
    def has_phases(self) -> bool:
        """Whether an operation is two lines of the log."""
        return "phase" in self.fields

    def field(self, part: str) -> tuple[str, ...]:
        """Return the fields that a part is made of: one, but for arguments."""
        return self.fields.get(part, (_OWN_NAMES.get(part, part),))

    def phase(self, found: object) -> str | None:
        """Return the phase that a log's value stands for, or None."""
        if (word := word_of(found)) in self.phases:
            return self.phases[word]
        own = _OWN_PHASES.get(found, found) if isinstance(found, str) else None
        return own if own in PHASES else None


def read_mapping(texts: Iterable[str]) -> LogMapping:
    """Read a mapping as it is written on the command line; the texts count as one.

    Raises:
        UsageError: a part is unknown, or is said twice, or the mapping does not say when operations begin and end.
    """
    fields: dict[str, tuple[str, ...]] = {}
    words: dict[str, dict[object, Any]] = {"op": {}, "result": {}, "phase": {}}
    unit = "ns"
    absent: list[Any] = []
    for entry in (each.strip() for text in texts for each in text.split(",") if each.strip()):
        left, equals, right = (each.strip() for each in entry.partition("="))
        part, dot, name = left.partition(".")
        if not equals or not left or (not right and left.partition(".")[0] != "result"):
            raise UsageError(f"{entry!r} is no part of a mapping: {_FORM}")
        if dot:
            _add_word(words, absent, part, name, right)
        elif part == "unit":
            if right not in TIME_UNITS:
                raise unknown_name("unit of times", right, tuple(TIME_UNITS))
            unit = right
        elif part not in PARTS:
            raise unknown_name("part of a history", part, (*PARTS, "unit"))
        elif part in fields:
            raise UsageError(f"{part} is mapped twice, to {'+'.join(fields[part])} and to {right}")
        elif "+" in right and part != "arg":
            raise UsageError(f"{part} is one field: only arg can be made of several, as in arg=key+value")
        else:
            fields[part] = tuple(right.split("+"))
    _check_times(fields, words["phase"])
    missing = absent[0] if absent else None
    return LogMapping(fields, words["op"], words["result"], words["phase"], unit, missing, bool(absent))


def _add_word(words: dict[str, dict[object, Any]], absent: list[Any], part: str, name: str, right: str) -> None:
    if part not in words or not name:
        raise UsageError(f"{part}.{name} is no word of a history: write op.NAME, result.VALUE or phase.NAME")
    if part == "phase" and name not in PHASES:
        raise unknown_name("phase", name, PHASES)
    meant = _json_or_text(name) if part == "result" else name
    if part == "result" and not right:
        absent.append(meant)
        return
    said = word_of(_json_or_text(right))
    if said in words[part]:
        raise UsageError(f"{right!r} is mapped twice, to {part}.{words[part][said]} and to {part}.{name}")
    words[part][said] = meant


def word_of(value: Any) -> object:
    """Return a value of a log as a key, whatever it is, so that true and 1 are two."""
    return (type(value).__name__, str(value))


def _json_or_text(text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if value is None or type(value) in (bool, int) else text


def _check_times(fields: Mapping[str, Any], phases: Mapping[object, Any]) -> None:
    if "phase" in fields:
        if "time" not in fields:
            raise UsageError("phase is mapped, and time is not: each line needs the field of its time, as in time=ts")
        if wrong := [each for each in ("invoke", "return") if each in fields]:
            raise UsageError(f"{wrong[0]} is mapped beside phase: an operation of two lines has one time in each")
    elif "time" in fields:
        raise UsageError(
            "time is mapped, and phase is not: one time does not say when an operation began and ended; map invoke and "
            "return, or the phase of each line"
        )
    elif phases:
        raise UsageError(
            f"phases have words, and no field: map phase, as in phase=type ({brief(list(phases.values()))})"
        )
