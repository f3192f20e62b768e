"""Histories that are recorded are judged as they were, also what was never answered."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

import ticketlab
from ticketlab.checker.recording import HistoryRecorder

pytestmark = pytest.mark.usefixtures("in_tmp_path")


def write(record: HistoryRecorder, value: int) -> None:
    record.end(record.begin("write", value), "ok")


def test_what_threads_did_is_judged() -> None:
    with ticketlab.recording("right.jsonl", model="cas-register", initial=0) as record:
        for value in (1, 2):
            thread = Thread(target=write, args=(record, value))
            thread.start()
            thread.join()
        record.end(record.begin("read"), 2)
    assert ticketlab.check("right.jsonl").valid
    with ticketlab.recording("wrong.jsonl", model="cas-register", initial=0) as record:
        write(record, 1)
        record.end(record.begin("read"), 0)
    assert ticketlab.check("wrong.jsonl").valid is False


def test_what_was_never_answered_may_have_happened() -> None:
    def cut_off() -> None:
        with ticketlab.recording("cut.jsonl", model="cas-register", initial=0) as record:
            record.begin("write", 1)
            raise ConnectionError

    with pytest.raises(ConnectionError):
        cut_off()
    assert json.loads(Path("cut.jsonl").read_text().splitlines()[1])["return_ns"] is None
    assert ticketlab.check("cut.jsonl").valid


def test_a_thread_goes_on_after_what_was_never_answered() -> None:
    for seen, valid in ((1, True), (0, True), (3, False)):
        with ticketlab.recording("given_up.jsonl", model="cas-register", initial=0) as record:
            record.begin("write", 1)
            record.end(record.begin("read"), seen)
            record.end(record.begin("read"), seen)
        assert ticketlab.check("given_up.jsonl").valid is valid
    line = json.loads(Path("given_up.jsonl").read_text().splitlines()[1])
    assert line["result"] == "unknown"


def test_a_forked_process_does_not_write_over_the_history() -> None:
    with ticketlab.recording("own.jsonl", model="seats") as record:
        child = os.fork()
        if not child:
            try:
                with ticketlab.recording("child.jsonl", model="seats") as other:
                    other.end(other.begin("buyseat", 1), "ok")
                assert not record.is_own
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        record.end(record.begin("buyseat", 2, section="balcony"), "ok")
    assert "balcony" in Path("own.jsonl").read_text()
    assert Path("child.jsonl").exists()


def test_a_recorder_imports_nothing_but_the_standard_library() -> None:
    program = "import sys, ticketlab; ticketlab.recording; print(sorted(m for m in sys.modules if 'ticketlab' in m))"
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert told.strip() == "['ticketlab', 'ticketlab.checker', 'ticketlab.checker.recording']"
