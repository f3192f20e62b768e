"""Crash safety, as the newest crash matrix that was kept has it: a column of comparisons."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import ticketlab
from ticketlab.core.errors import UsageError
from ticketlab.core.spec import Spec
from ticketlab.lab.artifacts.result_files import read_document
from ticketlab.lab.artifacts.runs import RUNS, runs
from ticketlab.lab.exploring.crash_result import CRASHES_DOCUMENT
from ticketlab.lab.plugins.registry import full_name, store_kind, strategy_kind

UNTESTED: Final = "not tested"

CrashSafety = Mapping[tuple[str, str], str]
"""For a store and a strategy, by their full names: whether the strategy survives a crash, in a few words."""


def kept_crash_safety(root: Path = RUNS) -> CrashSafety:
    """Return what the newest kept crash matrix says; a matrix of another version of ticketlab does not count."""
    for folder in reversed(runs(root)):
        if folder.name.endswith(f"-{CRASHES_DOCUMENT}"):
            try:
                found = read_document(folder)
            except UsageError:
                continue  # it is damaged, and an older one may not be
            if found["kind"] == CRASHES_DOCUMENT and found["environment"].get("ticketlab") == ticketlab.__version__:
                return {_pair(row): row["summary"] for row in found["rows"]}
    return {}


def _pair(row: Mapping[str, Any]) -> tuple[str, str]:
    store, strategy = Spec.parse(row["store"]), Spec.parse(row["strategy"])
    return full_name(store, store_kind(store)), full_name(strategy, strategy_kind(strategy))
