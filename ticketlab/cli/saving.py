"""Keeping results: every command that makes one keeps it in the same way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ticketlab.core.errors import TicketlabError

if TYPE_CHECKING:
    from ticketlab.core.timeline import Diagram


def keep_run(
    document: Mapping[str, Any], name: str, limit: int, others: Mapping[str, Callable[[IO[str]], None]] | None = None
) -> Path | None:
    """Keep a run and return its folder; if that fails, only warn, since the result itself is there."""
    from ticketlab.cli.terminal import warn
    from ticketlab.lab.artifacts.runs import save_run

    try:
        return save_run(document, name, others=others, keep=limit)
    except TicketlabError as error:
        warn(str(error))
        return None


def refuse_outputs(given: Mapping[str, Any]) -> None:
    """Raise UsageError, before the work begins, if a file or a baseline that is asked for cannot be written."""
    if given["html"] is not None:
        from ticketlab.lab.artifacts.files import refuse_existing

        refuse_existing(given["html"], force=given["force"])
    if given.get("save") is not None:
        from ticketlab.lab.artifacts.runs import check_baseline

        check_baseline(given["save"], force=given["force"])


def keep_result(
    saved: Mapping[str, Any],
    name: str,
    diagrams: Sequence[Diagram],
    given: Mapping[str, Any],
    others: Mapping[str, Callable[[IO[str]], None]] | None = None,
) -> Path | None:
    """Keep a result as a run, with `others` (files by name) beside it, and return the run's folder.

    If that is asked for, it is kept as a baseline and as a page, too.
    """
    from ticketlab.lab.artifacts.timeline_files import TIMELINES, writer

    beside = {**({TIMELINES: writer(diagrams)} if diagrams else {}), **(others or {})}
    folder = keep_run(saved, name, given["keep"], beside)
    if given.get("save") is not None:
        from ticketlab.lab.artifacts.runs import save_baseline

        save_baseline(saved, given["save"], force=given["force"])
    if given["html"] is not None:
        from ticketlab.cli.report import write_page

        write_page(given["html"], saved, diagrams, force=given["force"])
    return folder
