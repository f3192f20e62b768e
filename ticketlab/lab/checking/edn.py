"""Jepsen's histories of registers and of transactions: an EDN map for each event, as in Jepsen's `history.edn`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from ticketlab.checker.columns import FAILED, UNKNOWN, Columns, MalformedHistory
from ticketlab.checker.transactions.events import transactions_of
from ticketlab.checker.transactions.history import TransactionHistory
from ticketlab.core.strict_json import DEEPEST, brief
from ticketlab.core.text import escape_controls
from ticketlab.lab.checking.edn_reader import read_forms

_SHOWN = 60  # characters of a bad value that a message quotes
_TYPES = ("invoke", "ok", "fail", "info")


class _Event(NamedTuple):
    number: int
    type: str
    process: int
    f: str
    value: Any
    time: int


def parse_edn(text: str, look: Callable[[], None]) -> Columns:
    """Read a history of reads, writes and compare-and-sets, for the model `cas-register`.

    As in Jepsen, `:fail` says that an operation certainly had no effect; `:info`, or no completion, that it may take
    effect at any later time. Events of a process that is not a number (`:nemesis`) are left out. The events' own times
    are used if each is later than the one before; otherwise the events are numbered, as only their order counts.

    Raises:
        MalformedHistory: the text is not such a history.
    """
    events = list(_events(_forms(text, look)))
    timed = (
        all(one.time < other.time for one, other in pairwise(events))
        and min((event.time for event in events), default=-1) >= 0
    )
    columns = Columns({"model": "cas-register"}, first_line=0)
    open_events: dict[int, _Event] = {}
    for position, event in enumerate(events):
        event = event._replace(time=event.time if timed else position)
        begun = open_events.pop(event.process, None)
        if event.type == "invoke":
            if begun is not None:
                raise _wrong(event, f"process {event.process} invokes, but its event {begun.number} has not completed")
            open_events[event.process] = event
        elif begun is None or begun.f != event.f:
            raise _wrong(event, f"process {event.process} completes {event.f!r}, which it has not invoked")
        else:
            _add(columns, begun, event)
    for begun in open_events.values():
        _add(columns, begun, None)
    columns.check_order()
    return columns


def parse_edn_transactions(text: str, look: Callable[[], None]) -> TransactionHistory:
    """Read a history of transactions, `:f :txn`, on lists (`:append`, `:r`) or registers (`:w`, `:r`).

    Raises:
        MalformedHistory: the text is not such a history.
    """
    return transactions_of(_transaction_events(_forms(text, look)), "event")


def _transaction_events(forms: Iterable[Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, form in enumerate(forms, 1):
        if not isinstance(form, Mapping):
            raise MalformedHistory(f"event {number}: found {brief(form)}: expected a map")
        fields = {getattr(key, "name", str(key)): value for key, value in form.items()}
        process = fields.get("process")
        event = {key: getattr(fields.get(key), "name", fields.get(key)) for key in ("type", "f")}
        event["process"] = process if process is None or type(process) is int else str(process)
        event["value"] = _accesses(fields.get("value"))
        yield number, event


def _accesses(value: Any) -> Any:
    """Return the accesses of a transaction; a keyword that names a kind of access stands for its name."""
    plain = _plain(value)
    if isinstance(plain, list):
        for access in plain:
            if isinstance(access, list) and access and isinstance(access[0], str):
                access[0] = access[0].removeprefix(":")
    return plain


def _add(columns: Columns, begun: _Event, completed: _Event | None) -> None:
    arg = None if begun.f == "read" else begun.value
    if completed is None:
        columns.add(begun.process, begun.f, arg, None, "", begun.time, None)
        return
    answers = {"ok": completed.value if begun.f == "read" else "ok", "fail": FAILED, "info": UNKNOWN}
    columns.add(begun.process, begun.f, arg, answers[completed.type], "", begun.time, completed.time)


def _forms(text: str, look: Callable[[], None]) -> Iterable[Any]:
    """Yield the forms of a text, or those of the one list that is all of it."""
    try:
        forms = list(read_forms(text, look))
    except ValueError as error:
        raise MalformedHistory(f"this is not EDN: {error}: expected Jepsen's events, a map each") from None
    return forms[0] if len(forms) == 1 and isinstance(forms[0], list) else forms


def _events(forms: Iterable[Any]) -> Iterator[_Event]:
    for number, form in enumerate(forms, 1):
        if not isinstance(form, Mapping):
            raise MalformedHistory(f"event {number}: found {brief(form)}: expected a map")
        fields = {getattr(key, "name", str(key)): value for key, value in form.items()}
        process = fields.get("process")
        if type(process) is not int:
            if process is None:
                raise MalformedHistory(f"event {number}: key :process is missing")
            continue
        kind, f = getattr(fields.get("type"), "name", None), getattr(fields.get("f"), "name", None)
        if kind not in _TYPES:
            raise MalformedHistory(
                f"event {number}: :type is {_said(fields.get('type'))}: expected one of :invoke :ok :fail :info"
            )
        if f is None:
            raise MalformedHistory(f"event {number}: :f is {_said(fields.get('f'))}: expected :read, :write or :cas")
        time = fields.get("time")
        yield _Event(number, kind, process, f, _plain(fields.get("value")), time if type(time) is int else -1)


def _plain(value: Any, depth: int = 0) -> Any:
    if value is None or type(value) in (int, str):
        return value
    if isinstance(value, Iterable):
        if depth > DEEPEST:
            raise MalformedHistory(f"a value is nested more than {DEEPEST} deep")
        return [_plain(part, depth + 1) for part in value]
    return str(value)


def _said(value: Any) -> str:
    return escape_controls(str(value))[:_SHOWN]


def _wrong(event: _Event, message: str) -> MalformedHistory:
    return MalformedHistory(f"event {event.number}: {message}")
