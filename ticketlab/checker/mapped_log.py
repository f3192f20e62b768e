"""Logs of one's own, read by a mapping: JSON Lines in, columns out.

Nothing is guessed and nothing is left out: the first line that the mapping does not fit is an error. A first line
`{"meta": ...}` may be there or not. Times are read exactly, whatever their unit. A clock that shows milliseconds, say,
cuts times off; what it shows as earlier was earlier, and what it shows as one time counts as concurrent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from itertools import chain
from typing import Any, Final, NamedTuple

from ticketlab.checker.columns import FAILED, UNKNOWN, Columns, MalformedHistory
from ticketlab.checker.jsonl import json_objects, plain_value
from ticketlab.checker.log_mapping import TIME_UNITS, LogMapping, word_of
from ticketlab.core.text import escape_controls

_MISSING: Final = object()
_SHOWN: Final = 60  # characters of a bad value that a message quotes
_ISO: Final = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?(Z|[+-]\d\d:?\d\d)?")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class _Real(str):
    """A number with a point, by its digits: times are read exactly."""

    __slots__ = ()


class _Line(NamedTuple):
    """A line of the log: its number, and its object."""

    number: int
    found: dict[str, Any]


class _Begun(NamedTuple):
    """An invocation without its return so far."""

    line: _Line
    op: str
    section: str
    invoke: int


def parse_log(mapping: LogMapping, lines: Iterable[str], progress: Callable[[int], None] | None = None) -> Columns:
    """Read a log as a history.

    Raises:
        MalformedHistory: a line is no operation by the mapping, or a process has two operations open at once.
    """
    objects = (_Line(*each) for each in json_objects(enumerate(lines, 1), "one operation", progress, parse_float=_Real))
    first = next(objects, None)
    meta = first.found.get("meta") if first is not None and set(first.found) == {"meta"} else None
    rest = objects if isinstance(meta, dict) or first is None else chain([first], objects)
    reader = _Reader(mapping, Columns(meta if isinstance(meta, dict) else {}, first_line=1))
    if mapping.has_phases:
        reader.read_phases(rest)
    else:
        reader.read_operations(rest)
    reader.columns.check_order(coarse=True)
    return reader.columns


class _Reader:
    """Takes the parts of a history out of a log's lines."""

    def __init__(self, mapping: LogMapping, columns: Columns) -> None:
        self.mapping = mapping
        self.columns = columns

    def read_operations(self, lines: Iterator[_Line]) -> None:
        """Read a log in which a line is an operation."""
        for line in lines:
            invoke = self._time(line, "invoke", self._needed(line, "invoke"))
            returned = self._needed(line, "return")
            back = None if returned is None else self._time(line, "return", returned)
            result, truths = (None, False) if back is None else self._result(line)
            self._add(
                line, line, self._process(line), self._op(line), self._section(line), invoke, back, result, truths
            )

    def read_phases(self, lines: Iterator[_Line]) -> None:
        """Read a log in which an operation is a line when it is invoked, and another when it returns."""
        open_now: dict[int | str, _Begun] = {}
        for line in lines:
            process, phase = self._process(line), self._phase(line)
            time = self._time(line, "time", self._needed(line, "time"))
            begun = open_now.pop(process, None)
            if phase == "invoke":
                if begun is not None:
                    where = f"line {line.number}: process {process} invokes an operation"
                    what = f"its operation of line {begun.line.number} has not returned"
                    raise MalformedHistory(f"{where}, but {what}: a process has at most one open operation")
                open_now[process] = _Begun(line, self._op(line), self._section(line), time)
                continue
            if begun is None:
                told = f"process {process} has no open operation"
                raise MalformedHistory(f"line {line.number}: {told}: expected the line of its invocation before this")
            self._check_same_op(line, begun)
            result, truths = self._result(line) if phase == "return" else (FAILED, False)
            if phase == "info":
                result = UNKNOWN
            self._add(line, begun.line, process, begun.op, begun.section, begun.invoke, time, result, truths)
        for process, begun in open_now.items():
            self._add(begun.line, begun.line, process, begun.op, begun.section, begun.invoke, None, None, False)

    def _add(
        self,
        line: _Line,
        asked: _Line,
        process: int | str,
        op: str,
        section: str,
        invoke: int,
        back: int | None,
        result: Any,
        truths: bool,
    ) -> None:
        arg, truth = self._arg(asked)
        self.columns.lines.append(line.number)
        try:
            self.columns.add(process, op, arg, result, section, invoke, back, truths=truths or truth)
        except OverflowError:
            raise MalformedHistory(f"line {line.number}: a number does not fit into 64 bits") from None

    def _value(self, line: _Line, name: str) -> Any:
        """Return what a field holds: a key of the line, or of an object in it."""
        if name in line.found:
            return line.found[name]
        found: Any = line.found
        for key in name.split("."):
            found = found.get(key, _MISSING) if isinstance(found, dict) else _MISSING
        return found

    def _needed(self, line: _Line, part: str) -> Any:
        (name,) = self.mapping.field(part)
        found = self._value(line, name)
        if found is _MISSING:
            known = ", ".join(map(repr, line.found)) or "none"
            hint = "" if part in self.mapping.fields else f"; --map {part}=FIELD says which it is"
            raise MalformedHistory(
                f"line {line.number}: there is no field {name!r}, which is the {part}: its fields are {known}{hint}"
            )
        return found

    def _process(self, line: _Line) -> int | str:
        found = self._needed(line, "process")
        if type(found) not in (int, str):
            raise self._wrong(line, "process", found, "a whole number or a name")
        return found  # type: ignore[no-any-return]

    def _op(self, line: _Line) -> str:
        found = self._needed(line, "op")
        if type(found) not in (str, int, bool):
            raise self._wrong(line, "op", found, "a text")
        op = self.mapping.ops.get(word_of(found), found)
        if type(op) is not str:
            raise self._wrong(line, "op", found, "a text, or a value that op.NAME=VALUE names")
        return op

    def _check_same_op(self, line: _Line, begun: _Begun) -> None:
        """Refuse a return that names another operation than the open one; it need not name any."""
        if self._value(line, self.mapping.field("op")[0]) is _MISSING or (op := self._op(line)) == begun.op:
            return
        raise MalformedHistory(
            f"line {line.number}: {op} returns, but the open operation of its process is {begun.op}, of line "
            f"{begun.line.number}"
        )

    def _section(self, line: _Line) -> str:
        if "section" not in self.mapping.fields and "section" not in line.found:
            return ""
        found = self._needed(line, "section")
        if type(found) not in (int, str):
            raise self._wrong(line, "section", found, "a text or a whole number")
        return str(found)

    def _arg(self, line: _Line) -> tuple[Any, bool]:
        names = self.mapping.field("arg")
        values = [found for name in names if (found := self._value(line, name)) is not _MISSING]
        parts = [plain_value(line.number, "arg", each) for each in values]
        truths = any(truth for _, truth in parts)
        if len(names) > 1:
            return tuple(value for value, _ in parts) or None, truths
        return (parts[0][0] if parts else None), truths

    def _result(self, line: _Line) -> tuple[Any, bool]:
        (name,) = self.mapping.field("result")
        found = self._value(line, name)
        if found is _MISSING and not self.mapping.absent_allowed:
            raise MalformedHistory(
                f"line {line.number}: there is no field {name!r}, which is the result, but the operation returned: "
                "--map result=FIELD says which it is, and result.ok= that a line without it means ok"
            )
        if found is _MISSING:
            return self.mapping.absent, type(self.mapping.absent) is bool
        found = self.mapping.results.get(word_of(found), found)
        return plain_value(line.number, "result", found)

    def _phase(self, line: _Line) -> str:
        found = self._needed(line, "phase")
        phase = self.mapping.phase(found)
        if phase is None:
            wanted = "invoke, return, ok, fail or info, or a word that phase.NAME=VALUE names"
            raise self._wrong(line, "phase", found, wanted)
        return phase

    def _time(self, line: _Line, part: str, found: Any) -> int:
        """Return a time in nanoseconds, exactly."""
        unit = self.mapping.unit
        if unit == "iso":
            match = _ISO.fullmatch(found) if type(found) is str else None
            if match is None:
                raise self._wrong(line, part, found, "a time such as 2026-11-28T12:00:00.25Z (unit=iso)")
            return _from_iso(line, part, match)
        try:
            time = Decimal(found) if type(found) in (int, str, _Real) else None
        except InvalidOperation:
            time = None
        if time is None or not time.is_finite() or abs(time) > 1 << 64:
            more = "" if type(found) is not str else "; unit=iso reads dates"
            raise self._wrong(line, part, found, f"a number of {unit}{more}")
        nanoseconds = time.scaleb(TIME_UNITS[unit])
        if nanoseconds != nanoseconds.to_integral_value():
            raise self._wrong(line, part, found, f"a time in {unit} that is a whole number of nanoseconds")
        return int(nanoseconds)

    def _wrong(self, line: _Line, part: str, found: Any, expected: str) -> MalformedHistory:
        name = "+".join(self.mapping.field(part))
        field = part if name == part else f"{part} (field {name!r})"
        return MalformedHistory(f"line {line.number}: {field} is {_shown(found)}: expected {expected}")


def _from_iso(line: _Line, part: str, match: re.Match[str]) -> int:
    second, fraction, zone = match.groups()
    try:
        at = datetime.fromisoformat(f"{second}{(zone or 'Z').replace('Z', '+00:00')}")
    except ValueError as error:
        raise MalformedHistory(f"line {line.number}: {part} is {match.group()!r}: {error}") from None
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * 10**9 + int((fraction or "").ljust(9, "0"))


def _shown(found: Any) -> str:
    text = found if isinstance(found, _Real) else json.dumps(found)
    return escape_controls(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")
