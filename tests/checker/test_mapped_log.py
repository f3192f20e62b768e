"""Logs of one's own are read by a mapping, exactly, or refused with the line and what would be right."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ticketlab
from tests.checker.random_histories import register_history
from ticketlab.checker.columns import MalformedHistory
from ticketlab.checker.linearize import check
from ticketlab.checker.log_mapping import read_mapping
from ticketlab.checker.mapped_log import parse_log
from ticketlab.core.errors import UsageError
from ticketlab.core.history import History, Operation


def log(*lines: dict[str, Any]) -> list[str]:
    return [json.dumps(line) + "\n" for line in lines]


LOCKS = "process=worker,op=event,op.acquire=lock,op.release=unlock,invoke=start,return=end,unit=ms,result.ok="


def test_a_log_of_names_words_and_milliseconds() -> None:
    lines = log(
        {"worker": "ann", "event": "lock", "start": 0, "end": 1.5},
        {"worker": "bob", "event": "lock", "start": 0.25, "end": 2},
        {"worker": "ann", "event": "unlock", "start": 1.75, "end": 3},
    )
    columns = parse_log(read_mapping([LOCKS]), lines)
    assert [columns.process_name(row) for row in range(3)] == ["ann", "bob", "ann"]
    assert list(columns.invoke) == [0, 250_000, 1_750_000]
    assert {call.op for call in columns.calls} == {"acquire", "release"}
    columns.meta = {"model": "lock"}
    assert check(columns).valid
    wrong = parse_log(read_mapping([LOCKS]), lines[:2])
    wrong.meta = {"model": "lock"}
    (anomaly,) = check(wrong).anomalies
    assert "process ann acquire() -> ok" in anomaly.sentence
    assert [(o["line"], o["process"]) for o in anomaly.evidence["operations"]] == [(1, "ann"), (2, "bob")]


PHASES = "process=who,op=op,phase=type,time=at,arg=key+value,result=got,unit=s,phase.return=done,phase.info=lost"


def test_an_operation_of_two_lines_pairs_by_its_process() -> None:
    columns = parse_log(
        read_mapping([PHASES]),
        log(
            {"meta": {"model": "dict"}},
            {"who": 1, "type": "invoke", "op": "put", "key": "a", "value": 1, "at": 1},
            {"who": 2, "type": "invoke", "op": "get", "key": "a", "at": 1.000000001},
            {"who": 1, "type": "done", "at": 2, "got": None},
            {"who": 2, "type": "lost", "at": 3},
            {"who": 1, "type": "invoke", "op": "pop", "key": "a", "at": 4},
            {"who": 2, "type": "invoke", "op": "get", "key": "b", "at": 5},
            {"who": 2, "type": "fail", "at": 6},
        ),
    )
    told = [columns.operation(row) for row in range(len(columns))]
    assert [(o.op, o.arg, o.result, o.invoke_ns, o.return_ns) for o in told] == [
        ("put", ["a", 1], None, 10**9, 2 * 10**9),
        ("get", ["a"], "unknown", 10**9 + 1, 3 * 10**9),
        ("get", ["b"], "failed", 5 * 10**9, 6 * 10**9),
        ("pop", ["a"], "unknown", 4 * 10**9, None),
    ]
    assert [columns.line(row) for row in range(4)] == [4, 5, 8, 6]


@pytest.mark.parametrize("unit", ["ns", "us", "ms", "s", "iso"])
@pytest.mark.parametrize("two_lines", [False, True])
def test_a_history_written_in_any_form_gets_the_same_verdict(unit: str, *, two_lines: bool) -> None:
    for seed in range(60):
        operations = register_history(Random(f"map/{seed}"))
        expected = check(History({"model": "cas-register", "initial": 0}, tuple(operations)))
        lines, mapping = _as_log(operations, unit, two_lines=two_lines)
        columns = parse_log(read_mapping([mapping]), lines)
        columns.meta = {"model": "cas-register", "initial": 0}
        assert check(columns).valid is expected.valid, seed


def _as_log(operations: list[Operation], unit: str, *, two_lines: bool) -> tuple[list[str], str]:
    mapping = f"process=w,op=call.name,op.cas=CAS,arg=in,result=out,result.fail=no,unit={unit}"
    lines: list[tuple[tuple[int, int], dict[str, Any]]] = []
    for o in operations:
        op, out = ("CAS" if o.op == "cas" else o.op), ("no" if o.result == "fail" else o.result)
        asked: dict[str, Any] = {"w": f"w{o.process}", "call": {"name": op}, "in": o.arg}
        invoke, back = _time(o.invoke_ns, unit), None if o.return_ns is None else _time(o.return_ns, unit)
        if not two_lines:
            lines.append(((o.invoke_ns, 0), {**asked, "from": invoke, "to": back, "out": out}))
            continue
        lines.append(((o.invoke_ns, 1), {**asked, "t": invoke, "is": "invoke"}))
        if o.return_ns is not None:
            phase = {"unknown": "info", "failed": "fail"}.get(str(o.result), "ok")
            # A return before the invocation of the same instant, unless they are of one operation.
            order = 0 if o.return_ns > o.invoke_ns else 2
            lines.append(((o.return_ns, order), {"w": asked["w"], "t": back, "is": phase, "out": out}))
    lines.sort(key=lambda each: each[0])
    return log(*(line for _, line in lines)), mapping + (",phase=is,time=t" if two_lines else ",invoke=from,return=to")


def _time(ns: int, unit: str) -> Any:
    if unit == "iso":
        return (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=ns)).isoformat()
    return ns if unit == "ns" else str(Decimal(ns).scaleb(-{"us": 3, "ms": 6, "s": 9}[unit]))


@given(st.integers(0, 4_000_000_000 * 10**9 + 999_999_999))
def test_times_are_read_to_the_nanosecond(ns: int) -> None:
    seconds, rest = divmod(ns, 10**9)
    zone = timezone(timedelta(hours=5, minutes=30))
    iso = f"{datetime.fromtimestamp(seconds, zone):%Y-%m-%dT%H:%M:%S}.{rest:09d}+05:30"
    for unit, text in (
        ("iso", json.dumps(iso)),
        ("s", f"{seconds}.{rest:09d}"),
        ("us", f"{ns // 1000}.{ns % 1000:03d}"),
    ):
        line = f'{{"process": 1, "op": "read", "result": null, "b": {text}, "e": {text}}}\n'
        columns = parse_log(read_mapping([f"invoke=b,return=e,unit={unit}"]), [line])
        assert list(columns.invoke) == list(columns.back) == [ns]


ONE = {"worker": "ann", "event": "lock", "start": 0, "end": 1}
WRONG: dict[str, tuple[str, list[dict[str, Any]], str]] = {
    "no such field": (
        "process=thread",
        [{"worker": 1, "op": "read", "invoke_ns": 1, "return_ns": None}],
        "line 1: there is no field 'thread', which is the process: its fields are 'worker', 'op',",
    ),
    "not mapped": (
        "process=worker,unit=ms",
        [{"worker": 1, "start": 3}],
        "which is the invoke: its fields are 'worker', 's",
    ),
    "process is a list": (
        LOCKS,
        [{**ONE, "worker": [1]}],
        "process (field 'worker') is [1]: expected a whole number or a",
    ),
    "time is a date": (
        LOCKS,
        [{**ONE, "start": "2026-01-01"}],
        '"2026-01-01": expected a number of ms; unit=iso reads',
    ),
    "date is a number": (
        LOCKS.replace("ms", "iso"),
        [ONE],
        "line 1: invoke (field 'start') is 0: expected a time such as",
    ),
    "no such day": (LOCKS.replace("ms", "iso"), [{**ONE, "start": "2026-02-30T00:00:00Z"}], "day"),
    "below a nanosecond": (
        LOCKS,
        [{**ONE, "start": 0.0000001}],
        "expected a time in ms that is a whole number of nanose",
    ),
    "no result": (
        LOCKS.replace("result.ok=", "section=s"),
        [{**ONE, "s": 1}],
        "line 1: there is no field 'result', which is",
    ),
    "returns before": (
        LOCKS,
        [ONE, {**ONE, "start": 5, "end": 4}],
        "line 2: return_ns is 4000000, before its invocation",
    ),
    "overlaps itself": (
        LOCKS,
        [ONE, {**ONE, "start": 0.5, "end": 4}],
        "line 2: process ann invokes an operation at 500000",
    ),
    "a number among names": (
        LOCKS,
        [ONE, {**ONE, "worker": 7}],
        "line 2: process is 7: expected a name, as in the lines",
    ),
    "a name among numbers": (
        LOCKS,
        [{**ONE, "worker": 7}, ONE],
        "line 2: process is 'ann': expected a number, as in the",
    ),
    "no phase": (
        PHASES,
        [{"who": 1, "type": "began", "at": 1}],
        "phase (field 'type') is \"began\": expected invoke, return",
    ),
    "never invoked": (
        PHASES,
        [{"who": 1, "type": "done", "at": 1}],
        "line 1: process 1 has no open operation: expected the",
    ),
    "invoked twice": (
        PHASES,
        [{"who": 1, "type": "invoke", "op": "get", "at": 1}, {"who": 1, "type": "invoke", "op": "get", "at": 2}],
        "line 2: process 1 invokes an operation, but its operation of line 1 has not returned",
    ),
    "another returns": (
        PHASES,
        [{"who": 1, "type": "invoke", "op": "get", "at": 1}, {"who": 1, "type": "done", "op": "put", "at": 2}],
        "line 2: put returns, but the open operation of its process is get, of line 1",
    ),
    "arg is a real number": (
        "arg=a",
        [{"process": 1, "op": "x", "a": 1.5, "invoke_ns": 1, "return_ns": None}],
        "arg is",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_line_that_the_mapping_does_not_fit_is_an_error(what: str) -> None:
    mapping, lines, message = WRONG[what]
    with pytest.raises(MalformedHistory) as caught:
        parse_log(read_mapping([mapping]), log(*lines))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ("worker", "'worker' is no part of a mapping: write PART=FIELD"),
        ("proces=worker", "unknown part of a history 'proces': did you mean 'process'?"),
        ("op=a,op=b", "op is mapped twice, to a and to b"),
        ("unit=sec", "unknown unit of times 'sec'"),
        ("phase=type", "phase is mapped, and time is not"),
        ("time=ts", "time is mapped, and phase is not: one time does not say when an operation began and ended"),
        ("phase=type,time=ts,invoke=x", "invoke is mapped beside phase"),
        ("phase.invoke=start", "phases have words, and no field"),
        ("phase.begin=start,phase=t,time=x", "unknown phase 'begin'"),
        ("op.a=x,op.b=x", "'x' is mapped twice, to op.a and to op.b"),
        ("arg.a=x", "arg.a is no word of a history"),
        ("process=a+b", "process is one field"),
        ("op=", "'op=' is no part of a mapping"),
    ],
)
def test_a_mapping_that_says_nothing_is_an_error(mapping: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_mapping([mapping])
    assert message in str(caught.value)


def test_words_for_true_and_one_are_two() -> None:
    mapping = read_mapping(["result.true=1,result.false=0,result=r"])
    line = {"process": 1, "op": "acquire", "invoke_ns": 1, "return_ns": 2}
    columns = parse_log(mapping, log({**line, "r": 1}, {**line, "r": True, "invoke_ns": 3, "return_ns": 4}))
    assert [columns.operation(row).result for row in range(2)] == [True, True]


@pytest.mark.parametrize(
    ("field", "value"), [("type", ["ok"]), ("type", {"ok": 1}), ("type", None), ("result", {"ok": 1}), ("result", 1.5)]
)
def test_a_value_of_any_kind_that_is_no_word_is_refused_in_a_line(field: str, value: Any) -> None:
    mapping = read_mapping(["phase=type,time=t,phase.invoke=start,phase.return=end,result.ok=done,result.null=none"])
    start = {"process": 1, "op": "acquire", "t": 1, "type": "start"}
    with pytest.raises(MalformedHistory, match=rf"^line 2: .*{field}") as caught:
        parse_log(mapping, log(start, {**start, "t": 2, "type": "end", "result": "done", field: value}))
    assert "\n" not in str(caught.value)


def test_a_mapping_is_for_a_file() -> None:
    with pytest.raises(UsageError, match="a mapping is for the file of a log"):
        ticketlab.check(History({"model": "lock"}, ()), mapping=LOCKS)


def test_a_coarse_clock_may_show_one_time_for_several_operations_of_a_process() -> None:
    columns = parse_log(read_mapping([LOCKS]), log({**ONE, "end": 0}, {**ONE, "event": "unlock"}, {**ONE, "start": 1}))
    columns.meta = {"model": "lock"}
    assert check(columns).valid
