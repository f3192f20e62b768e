"""Reading and writing histories: what is read is what was written, and what is malformed says where and why."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketlab.checker import MalformedHistory, check
from ticketlab.checker.jsonl import history_lines, parse_history
from ticketlab.core.errors import UsageError
from ticketlab.core.history import History, Operation

META = '{"meta": {"model": "counter", "stock": 5}}\n'
GOOD = '{"process": 1, "op": "buy", "arg": 1, "result": "ok", "invoke_ns": 10, "return_ns": 20}\n'

NUMBERS = st.integers(1 - (1 << 63), (1 << 63) - 1)
operations = st.builds(
    Operation,
    process=st.integers(0, 3),
    op=st.sampled_from(["buy", "search", "cas"]),
    arg=st.one_of(st.none(), NUMBERS, st.text(), st.lists(NUMBERS, max_size=2)),
    result=st.one_of(st.none(), st.integers(0, 9), st.sampled_from(["ok", "unknown"])),
    invoke_ns=st.just(0),
    return_ns=st.just(0),
    section=st.sampled_from(["", "main"]),
)


@pytest.mark.slow
@given(st.lists(operations, max_size=8), st.randoms())
def test_what_is_written_is_read_back(some: list[Operation], random: object) -> None:
    apart = [
        Operation(o.process, o.op, o.arg, o.result, 10 * i, 10 * i + 5, o.section, (), "") for i, o in enumerate(some)
    ]
    columns = parse_history(history_lines(History({"model": "counter", "stock": 5}, tuple(apart))))
    assert [columns.operation(row) for row in range(len(columns))] == apart
    assert columns.meta == {"model": "counter", "stock": 5}


def test_an_operation_that_never_returned_is_unknown_and_other_keys_are_allowed() -> None:
    columns = parse_history(
        [META, '{"process": 1, "op": "buy", "arg": 1, "invoke_ns": 3, "return_ns": null, "mood": [1]}\n']
    )
    assert columns.operation(0) == Operation(1, "buy", 1, "unknown", 3, None)


def test_progress_is_told_in_steps_and_at_the_end() -> None:
    told: list[int] = []
    lines = [META] + [GOOD.replace('"process": 1', f'"process": {i}') for i in range(5)]
    parse_history(lines, told.append, every=2)
    assert told == [2, 4, 6, 6]


def line(**changes: object) -> str:
    return json.dumps(json.loads(GOOD) | changes) + "\n"


MALFORMED = {
    "empty file": ([], "line 1: found nothing: expected"),
    "no meta": ([GOOD], 'line 1: found {"process": 1'),
    "meta is no object": (['{"meta": 3}\n'], 'line 1: found {"meta": 3}: expected'),
    "not JSON": ([META, GOOD, "buy 1 ticket\n"], "line 3: found buy 1 ticket: expected a JSON object (column 1"),
    "truncated": ([META, GOOD[:30]], "the file ends here: was it cut off?"),
    "empty line": ([META, "\n", GOOD], "line 2: found an empty line"),
    "not an object": ([META, "[1]\n"], "line 2: found [1]: expected an object"),
    "key twice": ([META, GOOD.replace('"arg"', '"invoke_ns": 9, "arg"')], "line 2: the key 'invoke_ns' stands twice"),
    "not a number": ([META, GOOD.replace("20", "NaN")], "line 2: NaN is no number of JSON"),
    "fractional time": ([META, line(invoke_ns=1.5)], "line 2: invoke_ns is 1.5: expected a whole number"),
    "true as a time": ([META, line(return_ns=True)], "line 2: return_ns is true: expected a whole number or null"),
    "no process": ([META, '{"op": "buy"}\n'], "line 2: key 'process' is missing"),
    "no return": ([META, '{"process": 1, "op": "buy", "invoke_ns": 1}\n'], "line 2: key 'return_ns' is missing"),
    "no op": ([META, '{"process": 1, "invoke_ns": 1, "return_ns": 2}\n'], "line 2: key 'op' is missing"),
    "no result": (
        [META, '{"process": 1, "op": "buy", "arg": 1, "invoke_ns": 1, "return_ns": 2}\n'],
        "line 2: key 'result' is missing, but the operation returned at 2",
    ),
    "op is a number": ([META, line(op=3)], "line 2: op is 3: expected a text"),
    "arg is an object": ([META, line(arg={})], "line 2: arg is {}: expected a whole number, a text, true, false, null"),
    "result is a list": ([META, line(result=[])], "line 2: result of buy is (): expected one of 'ok'"),
    "negative time": ([META, line(invoke_ns=-1)], "line 2: invoke_ns is -1, a negative time"),
    "return before invocation": ([META, line(return_ns=9)], "line 2: return_ns is 9, before its invocation at 10"),
    "beyond 64 bits": ([META, line(process=1 << 64)], "line 2: a number does not fit into 64 bits"),
    "answered, yet never returned": ([META, line(return_ns=None)], "line 2: result is 'ok', but the operation never"),
    "duplicate time": ([META, GOOD, line(return_ns=30)], "line 3: process 1 invokes an operation at 10, a duplicate"),
    "two open operations": (
        [META, GOOD, line(invoke_ns=15, return_ns=30)],
        "line 3: process 1 invokes an operation at 15, but its operation of line 2 is open until 20",
    ),
    "open for ever": (
        [META, line(invoke_ns=30, return_ns=40), line(result=None, return_ns=None)],
        "line 2: process 1 invokes an operation at 30, but its operation of line 3 never returned",
    ),
    "unknown operation": ([META, line(op="bye")], "line 2: unknown operation 'bye' of model counter"),
    "unknown result": ([META, GOOD, line(process=2, result="yes")], "line 3: result of buy is 'yes': expected one of"),
    "order of nothing": ([META, line(arg=0)], "line 2: arg of buy is 0: expected a number of tickets, at least 1"),
    "text for a count": ([META, line(op="search", arg=None, result="many")], "line 2: result of search is 'many'"),
    "unknown model": (['{"meta": {"model": "countr"}}\n', GOOD], "unknown model 'countr': did you mean 'counter'?"),
    "no model": (['{"meta": {}}\n', GOOD], "meta names no model"),
    "no stock": (['{"meta": {"model": "counter"}}\n', GOOD], "meta has no stock"),
    "bad stock": (['{"meta": {"model": "counter", "stock": -1}}\n', GOOD], "stock is -1: expected a number of tickets"),
    "section without stock": (
        ['{"meta": {"model": "counter", "stock": {"A": 1}}}\n', line(section="B")],
        "line 2: section 'B' is not among the sections in stock: 'A'",
    ),
    "one stock, two sections": (
        [META, line(section="A"), line(process=2, section="B")],
        "there are sections 'A' and 'B'",
    ),
    "a seat of no kind": (['{"meta": {"model": "seats"}}\n', line(op="buyseat", arg=None)], "arg of buyseat is None"),
    "cas of one value": (
        ['{"meta": {"model": "cas-register"}}\n', line(op="cas", arg=[1])],
        "arg of cas is [1]: expected",
    ),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_history_is_one_line_that_says_where_what_and_what_instead(name: str) -> None:
    lines, message = MALFORMED[name]
    with pytest.raises(UsageError) as caught:
        check(parse_history(lines))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_malformed_history_is_an_error_of_its_own_kind() -> None:
    with pytest.raises(MalformedHistory):
        parse_history([META, "\n"])
