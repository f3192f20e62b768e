"""Timelines kept beside a result, in `timeline.json` of a run's folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Final

from ticketlab.core.timeline import Diagram, timelines_from_json, timelines_to_json
from ticketlab.lab.artifacts.files import is_folder, read_json

TIMELINES: Final = "timeline.json"


def writer(diagrams: Sequence[Diagram]) -> Callable[[IO[str]], None]:
    """Return a function that writes the timelines into an open file."""

    def write(file: IO[str]) -> None:
        file.write(json.dumps(timelines_to_json(diagrams), separators=(",", ":")))

    return write


def read_diagrams(run: Path) -> list[Diagram]:
    """Read the timelines of a run's folder; many runs have none, and neither has a result in a file of its own.

    Raises:
        UsageError: they cannot be read, are damaged, or are of a version that this lab cannot read.
    """
    path = run / TIMELINES
    if not is_folder(run) or not path.exists():
        return []
    return timelines_from_json(read_json(path, "timeline"), f"the timeline {path}")
