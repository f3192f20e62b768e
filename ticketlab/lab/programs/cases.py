"""Case files of programs."""

from __future__ import annotations

import json
from pathlib import Path

from ticketlab.core.errors import UsageError
from ticketlab.lab.artifacts.case_files import CASES, write_case
from ticketlab.lab.artifacts.files import read_json
from ticketlab.lab.programs.case import ProgramCase


def save_program_case(case: ProgramCase, folder: Path = CASES) -> Path:
    """Write a case into a folder; the same schedule of the same program gets the same name again."""
    data = case.to_json()
    identity = [data[key] for key in ("program", "without", "faults", "points", "schedule", "steps")]
    return write_case(data, Path(case.function.split()[0]).stem, json.dumps(identity, sort_keys=True), folder)


def is_program_case(path: Path) -> bool:
    """Whether a file is a case of a program; raises UsageError if it cannot be read."""
    data = read_json(path, "case")
    return isinstance(data, dict) and "program" in data


def load_program_case(path: Path) -> ProgramCase:
    """Read a case file; raises UsageError if it cannot be read, or holds no case of a program."""
    try:
        return ProgramCase.from_json(read_json(path, "case"))
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None
