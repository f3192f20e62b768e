"""The command lines that results carry, so that whoever reads one can run it again."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ticketlab.lab.comparing.cells import Cell
    from ticketlab.lab.exploring.crash_result import CrashResult


def race_line(cell: Cell, orders: int) -> str:
    """Return the command line that races one round of a comparison's cell, with so many orders for each buyer."""
    words = ["--store", cell.store, "--strategy", cell.strategy, "--launcher", cell.launcher]
    words += ["--buyers", cell.buyers, "--tickets", orders * cell.buyers, "--orders", orders]
    return shlex.join(["ticketlab", "race", *map(str, words), "--latency", "none", "--no-ledger"])


def explore_line(row: CrashResult) -> str:
    """Return the command line that explores one row of a crash matrix."""
    from ticketlab.explorer.results import EXECUTIONS
    from ticketlab.lab.exploring.crash_result import MATRIX_BUYERS

    both = str(MATRIX_BUYERS)
    words = ["--store", row.store, "--strategy", row.strategy, "--buyers", both, "--tickets", both]
    words += ["--faults", ",".join(row.faults)]
    words += ["--executions", str(row.executions)] if row.executions > EXECUTIONS else []
    return shlex.join(["ticketlab", "explore", *words, "--exhaust"])


def check_line(
    path: Path,
    model: str | None,
    stock: int | None,
    seconds: float | None = None,
    megabytes: float | None = None,
    *,
    isolation: str | None = None,
    maps: Iterable[str] = (),
) -> str:
    """Return the command line that judges a file; None stands for what is not said."""
    mapped = [word for each in maps for word in ("--map", each)]
    said: dict[str, object] = {"--model": model, "--stock": stock, "--isolation": isolation}
    said |= {"--budget-seconds": seconds, "--budget-mb": megabytes}
    words = [word for name, value in said.items() if value is not None for word in (name, f"{value}")]
    return shlex.join(["ticketlab", "check", str(path), *mapped, *words])


def replay_line(case: Path, executor: str | None = None) -> str:
    """Return the command line that replays a case."""
    return shlex.join(["ticketlab", "replay", str(case), *(["--executor", executor] if executor else [])])
