"""The list of all kept runs and baselines, each with its verdict or with the reason why it cannot be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ticketlab.core.errors import UsageError
from ticketlab.lab.artifacts.result_files import read_document
from ticketlab.lab.artifacts.runs import BASELINES, RUNS, baselines, runs


def kept(root: Path = RUNS, lines: Path = BASELINES) -> dict[str, list[dict[str, Any]]]:
    """Return the runs, the newest first, and the baselines, by name."""
    return {
        "runs": [_summary(path) for path in reversed(runs(root))],
        "baselines": [_summary(path) | {"name": path.stem} for path in baselines(lines)],
    }


def _summary(path: Path) -> dict[str, Any]:
    try:
        found = read_document(path)
    except UsageError as error:
        return {"path": str(path), "error": str(error)}
    return {"path": str(path), "kind": found["kind"], "valid": found["valid"], "command": found["command"]}
