"""The line with which a failure ends replays it, if it is typed where the function is at hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import ticketlab.testing
from ticketlab.lab.exploring.function_session import BuyerSession
from ticketlab.testing import FunctionRace, PlainRace, check_function, check_plain_function

pytestmark = pytest.mark.usefixtures("in_tmp_path")


def sell(session: BuyerSession) -> bool:
    stock = session.read("main")
    if stock.remaining:
        session.write(stock._replace(remaining=stock.remaining - 1), None)
    return stock.remaining > 0


def lay_out(folder: Path) -> None:
    (folder / "count.json").write_text("0")


def count() -> None:
    path = Path("count.json")
    path.write_text(json.dumps(json.loads(path.read_text()) + 1))


def test_a_function_with_a_session_is_replayed() -> None:
    with pytest.raises(AssertionError) as failed:
        check_function(sell, FunctionRace(buyers=2, store="memory"))
    line = str(failed.value).rpartition("The same schedule again: ")[2]
    assert line.endswith(", ticketlab.testing.FunctionRace(buyers=2, store='memory'))")
    with pytest.raises(AssertionError, match="goes wrong again under the saved schedule"):
        eval(line, {"ticketlab": ticketlab, "sell": sell})


@pytest.mark.slow
def test_a_plain_function_is_replayed() -> None:
    with pytest.raises(AssertionError) as failed:
        check_plain_function(count, PlainRace(reset=lay_out))
    line = str(failed.value).rpartition("The same schedule again: ")[2]
    with pytest.raises(AssertionError, match="goes wrong again under the saved schedule"):
        eval(line, {"ticketlab": ticketlab, "count": count, "lay_out": lay_out})
