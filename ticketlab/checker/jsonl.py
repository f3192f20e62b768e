"""Histories as JSON Lines: a stream of lines in, columns out; operations in, lines out.

The first line is `{"meta": {"model": "counter", "stock": 350}}`, every other one an operation, in any order:
`{"process": 47, "op": "buy", "arg": 1, "result": "ok", "invoke_ns": 1879, "return_ns": 71469}`. `arg` and `section`
may be missing, and so may `result` if `return_ns` is null. Further keys are allowed. Nothing is repaired: the first
malformed line is an error that has its number, what was found and what was expected.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NoReturn

from ticketlab.checker.columns import Columns, MalformedHistory
from ticketlab.core import strict_json
from ticketlab.core.history import History
from ticketlab.core.text import escape_controls

_MISSING = object()
_SHOWN = 40  # characters of a bad line that a message quotes


def parse_history(lines: Iterable[str], progress: Callable[[int], None] | None = None, every: int = 20_000) -> Columns:
    """Read a history line by line, and check all that can be checked without a model.

    `progress` is called with the number of lines read, after every so many lines.

    Raises:
        MalformedHistory: a line is no operation, or a process has two operations open at once.
    """
    numbered = enumerate(lines, 1)
    columns = Columns(_meta(numbered), first_line=2)
    add = columns.add
    decode = json.JSONDecoder(object_pairs_hook=strict_json.unique_keys, parse_constant=strict_json.no_constant).decode
    found: Any
    process: Any
    invoke: Any
    for number, line in numbered:
        try:
            found = decode(line)
        except (ValueError, RecursionError) as error:
            _bad_line(number, line, error)
        if type(found) is not dict:
            raise MalformedHistory(f"line {number}: found {_quoted(line)}: expected an object, one operation a line")
        process, invoke, returned = found.get("process"), found.get("invoke_ns"), found.get("return_ns", _MISSING)
        op, arg, result, section = found.get("op"), found.get("arg"), found.get("result"), found.get("section", "")
        if not (type(process) is type(invoke) is int and (type(returned) is int or returned is None)):
            _check_numbers(number, found)
        if type(op) is not str or type(section) is not str:
            _bad_texts(number, found)
        truths = False
        if arg is not None and type(arg) is not int and type(arg) is not str:
            arg, truths = plain_value(number, "arg", arg)
        if result is not None and type(result) is not str and type(result) is not int:
            result, truth = plain_value(number, "result", result)
            truths |= truth
        if returned is not None and "result" not in found:
            raise MalformedHistory(f"line {number}: key 'result' is missing, but the operation returned at {returned}")
        try:
            add(process, op, arg, result, section, invoke, returned, truths=truths)
        except OverflowError:
            raise MalformedHistory(f"line {number}: a number does not fit into 64 bits") from None
        if progress and number % every == 0:
            progress(number)
    if progress:
        progress(len(columns) + 1)
    columns.check_order()
    return columns


def json_objects(
    numbered: Iterable[tuple[int, str]],
    what: str,
    progress: Callable[[int], None] | None = None,
    every: int = 20_000,
    *,
    parse_float: Callable[[str], Any] = float,
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each line's number and JSON object; `what` says for messages what a line is.

    `parse_float` makes a value of the digits of a number with a point.

    Raises:
        MalformedHistory: a line is no JSON object.
    """
    decode = json.JSONDecoder(
        object_pairs_hook=strict_json.unique_keys, parse_constant=strict_json.no_constant, parse_float=parse_float
    ).decode
    number = 0
    for number, line in numbered:
        try:
            found = decode(line)
            if "\\u" in line:
                strict_json.refuse_half_characters(found)
        except (ValueError, RecursionError) as error:
            _bad_line(number, line, error)
        if type(found) is not dict:
            raise MalformedHistory(f"line {number}: found {_quoted(line)}: expected an object, {what} a line")
        yield number, found
        if progress and number % every == 0:
            progress(number)
    if progress:
        progress(number)


def history_lines(history: History) -> Iterator[str]:
    """Yield a history's lines, each with its newline; fields that have their defaults are left out."""
    yield json.dumps({"meta": dict(history.meta)}) + "\n"
    for operation in history.operations:
        yield json.dumps(operation.to_json()) + "\n"


def _meta(numbered: Iterator[tuple[int, str]]) -> Mapping[str, Any]:
    number, line = next(numbered, (1, ""))
    if not line.strip():
        raise MalformedHistory('line 1: found nothing: expected {"meta": {"model": ..., ...}}')
    try:
        found = strict_json.parse(line)
    except ValueError as error:
        _bad_line(number, line, error)
    meta = found.get("meta") if isinstance(found, dict) else None
    if not isinstance(meta, dict):
        raise MalformedHistory(f'line 1: found {_quoted(line)}: expected {{"meta": {{"model": ..., ...}}}}')
    return meta


def _bad_line(number: int, line: str, error: Exception) -> NoReturn:
    if not line.strip():
        raise MalformedHistory(f"line {number}: found an empty line: expected an operation") from None
    if not isinstance(error, json.JSONDecodeError):
        raise MalformedHistory(f"line {number}: {error}") from None
    cut = "; the file ends here: was it cut off?" if not line.endswith("\n") else ""
    where = f"column {error.pos + 1}: {error.msg}"
    raise MalformedHistory(f"line {number}: found {_quoted(line)}: expected a JSON object ({where}){cut}") from None


def _quoted(line: str) -> str:
    text = line.strip()
    return escape_controls(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")


def _expected(number: int, key: str, found: object, what: str) -> MalformedHistory:
    return MalformedHistory(f"line {number}: {key} is {_quoted(json.dumps(found))}: expected {what}")


def _check_numbers(number: int, found: Mapping[str, Any]) -> None:
    for key in ("process", "invoke_ns", "return_ns"):
        if key not in found:
            raise MalformedHistory(f"line {number}: key {key!r} is missing")
        allowed = {"process": (int, str), "return_ns": (int, type(None))}.get(key, (int,))
        if type(found[key]) not in allowed:
            more = {"process": " or a name", "return_ns": " or null"}.get(key, "")
            raise _expected(number, key, found[key], f"a whole number{more}")


def _bad_texts(number: int, found: Mapping[str, Any]) -> NoReturn:
    if "op" not in found:
        raise MalformedHistory(f"line {number}: key 'op' is missing")
    key = "op" if type(found["op"]) is not str else "section"
    raise _expected(number, key, found[key], "a text")


def plain_value(number: int, key: str, value: Any) -> tuple[Any, bool]:
    """Return a value with tuples for its lists, and whether a true or a false is in it.

    Raises:
        MalformedHistory: there is anything but whole numbers, texts, true, false, null and lists of these.
    """
    if type(value) is list:
        parts = [plain_value(number, key, part) for part in value]
        return tuple(part for part, _ in parts), any(truths for _, truths in parts)
    if value is not None and type(value) not in (int, str, bool):
        raise _expected(number, key, value, "a whole number, a text, true, false, null, or a list of these")
    return value, type(value) is bool
