"""Case files of plain functions."""

from __future__ import annotations

import json
import re
from pathlib import Path

from ticketlab.core.errors import UsageError
from ticketlab.lab.artifacts.case_files import CASES, write_case
from ticketlab.lab.artifacts.files import read_json
from ticketlab.lab.plain.case import PlainCase


def save_plain_case(case: PlainCase, folder: Path = CASES) -> Path:
    """Write a case into a folder; the same schedule of the same function gets the same name again."""
    data = case.to_json()
    identity = [data[key] for key in ("function", "processes", "without", "atomic_accesses", "schedule")]
    identity += [told for told in (data["settings"], data["faults"]) if told]
    return write_case(data, re.split(r"[:.]", case.function)[-1], json.dumps(identity, sort_keys=True), folder)


def is_plain_case(path: Path) -> bool:
    """Whether a file is a case of a plain function; raises UsageError if it cannot be read."""
    data = read_json(path, "case")
    return isinstance(data, dict) and "function" in data


def load_plain_case(path: Path) -> PlainCase:
    """Read a case file; raises UsageError if it cannot be read, or holds no case of a plain function."""
    data = read_json(path, "case")
    if isinstance(data, dict) and data.get("ticketlab") == "case" and "function" not in data:
        raise UsageError(f"{path}: this is no case of a plain function")
    try:
        return PlainCase.from_json(data)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None
