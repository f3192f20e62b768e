"""A recorder of histories for code that is in use: what was invoked and returned, and when.

It depends on nothing of the lab, and an operation costs it about a microsecond: two looks at the clock and two entries
in lists. What was begun and never ended is written down as such, because it may have taken effect.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import get_ident
from time import monotonic_ns
from typing import Any

Begun = tuple[int, str, Any, str, int]
"""The thread that began an operation, what it asks for, the section, and when."""


class HistoryRecorder:
    """The operations of one process so far, in memory; each thread is a process of the history, numbered from 1."""

    __slots__ = ("_add_begun", "_add_ended", "_begun", "_ended", "_pid")

    def __init__(self) -> None:
        self._begun: list[Begun] = []
        self._ended: list[tuple[Begun, Any, int]] = []  # tuples of plain values: the collector has no work with them
        self._add_begun, self._add_ended = self._begun.append, self._ended.append
        self._pid = os.getpid()

    def begin(self, op: str, arg: Any = None, section: str = "") -> Begun:
        """Take down that an operation begins, and return what `end` needs."""
        begun = (get_ident(), op, arg, section, monotonic_ns())
        self._add_begun(begun)
        return begun

    def end(self, begun: Begun, result: Any) -> None:
        """Take down what an operation returned; "failed" says that it certainly had no effect.

        One that is never ended may have had its effect at any time since; its thread may go on.
        """
        self._add_ended((begun, result, monotonic_ns()))

    def lines(self, meta: dict[str, Any]) -> Iterator[str]:
        """Yield the history as JSON Lines; times are nanoseconds of the clock that all processes share.

        A thread that goes on without an answer gives it up when it begins its next operation.
        """
        yield json.dumps({"meta": meta}) + "\n"
        answers: dict[int, tuple[Any, int | None]] = {}
        following: dict[int, int] = {}  # by thread, when its next operation begins
        for begun in reversed(self._begun):
            thread, invoked = begun[0], begun[-1]
            if thread in following:
                answers[id(begun)] = "unknown", following[thread]
            following[thread] = invoked
        answers |= {id(begun): (result, returned) for begun, result, returned in self._ended}
        numbers: dict[int, int] = {}
        for begun in self._begun:
            thread, op, arg, section, invoked = begun
            result, returned = answers.get(id(begun), (None, None))
            line = {"process": numbers.setdefault(thread, len(numbers) + 1), "op": op, "arg": arg, "result": result}
            line |= {"invoke_ns": invoked, "return_ns": returned} | ({"section": section} if section else {})
            yield json.dumps(line) + "\n"

    @property
    def is_own(self) -> bool:
        """Whether this is the process that began to record; one that was forked from it writes nothing."""
        return self._pid == os.getpid()


@contextmanager
def recording(path: str | Path, **meta: Any) -> Iterator[HistoryRecorder]:
    """Record operations, and write them to a file at the end, whatever ends it; `ticketlab check` judges the file.

    `meta` names the model and its parameters: `model="counter", stock=350`. Until the end, all is kept in memory. What
    is killed loses it, and so does a process that is forked meanwhile: it records into a file of its own.

        with ticketlab.recording("history.jsonl", model="cas-register") as record:
            begun = record.begin("write", 3)
            register.write(3)
            record.end(begun, "ok")
    """
    recorder = HistoryRecorder()
    try:
        yield recorder
    finally:
        if recorder.is_own:
            with open(path, "w", encoding="utf-8") as file:
                file.writelines(recorder.lines(meta))
