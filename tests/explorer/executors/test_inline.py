"""What one process does with participants that are outside its control."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable

import pytest

from tests.explorer.toys import Cells, Toy
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.executors.stalls import OutsideControl
from ticketlab.explorer.policies.dpor import SourceSets
from ticketlab.explorer.search import search


def _wait_for_a_lock() -> None:
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


def _poll() -> None:
    while True:
        time.sleep(0.01)


def _run_for_ever() -> None:
    while True:
        pass


@pytest.mark.parametrize("wait", [_wait_for_a_lock, _poll, _run_for_ever])
def test_a_buyer_that_waits_without_saying_so_is_named(wait: Callable[[], None]) -> None:
    cells = Cells(tickets=1)

    def buy() -> None:
        if cells.read("tickets"):
            cells.write("tickets", 0)
            wait()

    with (
        pytest.raises(OutsideControl, match=r"^buyer 1 has been outside control for more than 0.2 s, since write"),
        Inline(Toy(buy, buy, shared=[cells]), stall_timeout=0.2) as executor,
    ):
        list(search(executor, SourceSets()))
    assert signal.getsignal(signal.SIGALRM) == signal.SIG_DFL
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_a_timer_that_somebody_else_uses_is_left_alone() -> None:
    cells = Cells(tickets=1)
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    try:
        with Inline(Toy(lambda: cells.read("tickets"), shared=[cells])) as executor:
            assert len(list(search(executor, SourceSets()))) == 1
            assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    finally:
        signal.signal(signal.SIGALRM, before)
