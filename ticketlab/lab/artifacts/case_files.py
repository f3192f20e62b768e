"""Case files: one JSON object each, in a file named by its content."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import ticketlab
from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.explorer.case import Case
from ticketlab.lab.artifacts.files import read_json, tidy, write_file

CASES: Final = Path(".ticketlab") / "cases"


def versions() -> dict[str, str]:
    """Return the versions that a case is saved with, for a replay to compare."""
    return {"ticketlab": ticketlab.__version__, "python": platform.python_version()}


def save_case(case: Case, folder: Path = CASES) -> Path:
    """Write a case into a folder; its name depends on the scenario, the schedule and the faults alone.

    The name of a test's case depends on the test and its steps too: two functions may have one name.
    """
    data = case.to_json()
    identity = [data["scenario"], data["without"], data["atomic_accesses"], data["schedule"]]
    identity += [told for told in (data["faults"], case.found.get("test")) if told]
    identity += [data["steps"]] if case.found.get("test") else []
    what = json.dumps(identity, sort_keys=True)
    store, strategy = case.scenario.store.name, case.scenario.strategy.name
    return write_case(data, f"{store}-{strategy}", what, folder)


def write_case(data: dict[str, Any], subject: str, identity: str, folder: Path) -> Path:
    """Write a case as JSON, in a file that is named by its subject and by what makes it this case and no other."""
    path = folder / f"{tidy(subject)}-{hashlib.sha256(identity.encode()).hexdigest()[:8]}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TicketlabError(f"cannot save the case as {path}: {error.strerror or error}") from None
    write_file(path, lambda file: file.writelines([case_text(data)]), force=True, into_streams=False)
    return path


def case_text(data: Mapping[str, object]) -> str:
    """Return a case's JSON with one line for each key, so that a schedule is one line."""
    lines = (f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in data.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def is_case(path: Path) -> bool:
    """Whether a file begins as a case does, whether or not the rest is sound."""
    try:
        if not path.is_file():  # to read a pipe would wait for its writer
            return False
        with path.open("rb") as file:
            return file.read(200).lstrip(b"{ \t\r\n").startswith(b'"ticketlab": "case"')
    except OSError:
        return False


def load_case(path: Path) -> Case:
    """Read a case; raises UsageError if the file cannot be read, or holds no case that this version can read."""
    data = read_json(path, "case")
    try:
        return Case.from_json(data)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None
