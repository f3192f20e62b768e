"""The log keeps every record that was written whole, and outlives its writer."""

from __future__ import annotations

import multiprocessing
import os
import signal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketlab.launch.log import MOST, WINDOW, EventLog, LogFull

FIELD = st.one_of(st.none(), st.integers(-(2**70), 2**70), st.text(max_size=50), st.tuples(st.integers()))


@given(st.lists(st.tuples(st.text(max_size=8), FIELD, FIELD), max_size=30))
def test_records_come_back_as_they_were_written(records: list[tuple[Any, ...]]) -> None:
    log = EventLog(2)
    try:
        writer = log.writer(1)
        for record in records:
            writer.append(record)
        assert list(log.records(1)) == records
        assert list(log.records(0)) == []
        writer.close()
    finally:
        log.close()


def test_records_go_on_in_the_next_window() -> None:
    log = EventLog(1)
    writer = log.writer(0)
    records = [("note", "x" * (WINDOW // 3), number) for number in range(20)]
    for record in records:
        writer.append(record)
    assert list(log.records(0)) == records
    log.close()


@given(st.lists(st.lists(st.tuples(st.text(max_size=8), st.sampled_from(["", "x" * (WINDOW // 3)])), max_size=4)))
def test_a_tail_gives_what_was_written_since_it_was_last_read(batches: list[list[tuple[str, str]]]) -> None:
    log = EventLog(2)
    try:
        writer, tail = log.writer(1), log.tail(1)
        for batch in batches:
            for record in batch:
                writer.append(record)
            assert list(tail.read()) == batch
            assert list(tail.read()) == []
        writer.close()
    finally:
        log.close()


def test_a_full_region_and_an_oversized_record_are_errors_that_say_so() -> None:
    log = EventLog(1)
    writer = log.writer(0)
    with pytest.raises(LogFull, match="more than the 65536 that fit"):
        writer.append(("note", "x" * WINDOW))
    big = ("note", "x" * (WINDOW - 100))
    for _ in range(MOST // WINDOW):
        writer.append(big)
    with pytest.raises(LogFull, match="its log is over 64 MiB"):
        writer.append(big)
    writer.append(("crash", "why"), last=True)
    assert list(log.records(0))[-1] == ("crash", "why")
    log.close()


def _write_and_die(log: EventLog) -> None:
    writer = log.writer(0)
    for number in range(100):
        writer.append(("step", number))
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_what_a_killed_process_wrote_is_there(method: str) -> None:
    log = EventLog(1)
    process = multiprocessing.get_context(method).Process(target=_write_and_die, args=(log,))  # type: ignore[attr-defined]
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert list(log.records(0)) == [("step", number) for number in range(100)]
    log.close()
