"""Histories as files: JSON Lines, a first line of metadata and then one operation a line."""

from __future__ import annotations

import json
from typing import IO, Any

from ticketlab.core.history import History, Operation


def write_history(file: IO[str], history: History) -> None:
    """Write a history, complete enough to be judged alone."""
    file.write(json.dumps({"meta": dict(history.meta)}) + "\n")
    for operation in history.operations:
        file.write(json.dumps(_line(operation)) + "\n")


def _line(operation: Operation) -> dict[str, Any]:
    line: dict[str, Any] = {
        "process": operation.process,
        "op": operation.op,
        "arg": operation.arg,
        "result": operation.result,
        "invoke_ns": operation.invoke_ns,
        "return_ns": operation.return_ns,
    }
    extra = {"section": operation.section, "tickets": list(operation.tickets), "error": operation.error}
    return line | {key: value for key, value in extra.items() if value}
