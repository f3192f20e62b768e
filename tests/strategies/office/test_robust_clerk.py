"""A clerk that dies at any of its steps: with a record of answers no sale is lost or doubled, without it they are."""

from __future__ import annotations

import json
import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Literal, TypeVar

import pytest

from tests.dying import Dying, room_for
from tests.strategies.purchases import explored_with_faults, opened
from ticketlab.core.inventory import Books, Buy, Outcome, Sold
from ticketlab.core.pacing import Blocked, paced_by
from ticketlab.core.steps import Step
from ticketlab.strategies.office.answer_record import AnswerRecord

pytestmark = pytest.mark.usefixtures("in_tmp_path")

T = TypeVar("T")
PATIENCE = 60.0


@pytest.mark.slow
def test_no_sale_is_lost_or_made_twice_at_whichever_step_the_clerk_dies() -> None:
    found = explored_with_faults("json:in-place", "clerk:robust", "kill-service", buyers=1)
    assert found.verdict.valid
    before = [point.before for point in found.injected]
    assert {"write answers", "write inventory.json", "send answers 1", "acquire active clerk"} <= set(before)


@pytest.mark.slow
def test_without_a_record_an_order_that_is_sent_again_is_sold_again() -> None:
    found = explored_with_faults("json:in-place", "clerk:retry", "kill-service", buyers=1)
    assert found.verdict.valid is False
    assert "ghost sale" in found.names
    assert "send answers 1" in [point.before for point in found.injected if point.anomalous]


@pytest.mark.slow
def test_a_buyer_that_dies_does_not_disturb_the_others() -> None:
    assert explored_with_faults("json:in-place", "clerk:robust", "kill").verdict.valid


def raced(folder: Path, steps: int) -> tuple[bool, list[Outcome], Books]:
    """Have a buyer order three times from two clerks, the first of whom is killed before one of its steps."""
    folder.mkdir()
    store, clerks = opened("sqlite", "clerk:robust", folder)
    context = multiprocessing.get_context("fork")
    active = context.Event()

    def serve_until_killed() -> None:
        with paced_by(Active(steps, active)):
            clerks.services()[0]()

    first: BaseProcess = context.Process(target=serve_until_killed)
    first.start()
    assert active.wait(PATIENCE)
    second = context.Process(target=clerks.services()[1])
    second.start()
    with clerks.join(store, 1) as purchase:
        told = [purchase(Buy(1, "main")) for _ in range(3)]
    clerks.stop_services()
    for clerk in (first, second):
        clerk.join(PATIENCE)
    died = first.exitcode == -signal.SIGKILL
    assert died or first.exitcode == 0
    assert second.exitcode == 0
    books = store.books()
    clerks.close()
    store.close()
    return died, told, books


class Active(Dying):
    """Says when it is active, and counts its steps from then on."""

    def __init__(self, before: int, told: Event) -> None:
        super().__init__(before + 1)  # to become active is a step
        self._told = told

    def block(self, step: Step, attempt: Callable[[], T | Literal[Blocked.BLOCKED]], wait: Callable[[], T]) -> T:
        result = super().block(step, attempt, wait)
        self._told.set()
        return result


@pytest.mark.slow
def test_live_every_order_is_answered_and_sold_once(tmp_path: Path) -> None:
    steps, died = 0, True
    while died:
        died, told, books = raced(tmp_path / str(steps), steps)
        assert told == [Sold((1,)), Sold((2,)), Sold((3,))]
        assert books.stocks["main"].remaining == 87
        assert books.ledger is not None
        assert len(books.ledger) == 3
        steps += 1
    assert steps > 10


def _line() -> bytes:
    return json.dumps([1, 1, "main", 1, '["sold", [1]]\n']).encode() + b"\n"


def test_an_entry_that_was_cut_short_or_never_carried_out_is_removed(tmp_path: Path) -> None:
    store, _ = opened("json", "none", tmp_path)
    record = tmp_path / "answers"
    line = _line()
    with store.session() as session:
        for torn in (line[:5], line[:-1], line):
            record.write_bytes(torn)
            AnswerRecord(record, session)
            assert record.read_bytes() == b""
        record.write_bytes(b"")
        first = AnswerRecord(record, session).answer(session, 1, Buy(1, "main"))
        assert AnswerRecord(record, session).answer(session, 1, Buy(1, "main")) == first
        assert store.books().stocks["main"].remaining == 89
        assert record.read_bytes()


@pytest.mark.parametrize("room", [20, 80])  # for a part of the entry; for the entry, and a part of the books
def test_a_sale_that_could_not_be_written_is_in_neither_the_record_nor_the_books(room: int, tmp_path: Path) -> None:
    store, _ = opened("json:rename", "none", tmp_path)
    record = tmp_path / "answers"
    record.touch()
    with store.session() as session:
        answers = AnswerRecord(record, session)
        with room_for(room), pytest.raises(OSError, match="File too large"):
            answers.answer(session, 1, Buy(1, "main"))
        assert record.stat().st_size == min(room, len(_line()))
        again = AnswerRecord(record, session)
        assert record.read_bytes() == b""
        assert b"sold" in again.answer(session, 1, Buy(1, "main"))
        assert (store.books().stocks["main"].remaining, record.read_bytes()) == (89, _line())
