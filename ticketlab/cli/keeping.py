"""Keeping runs, in the same way for every command that makes one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from ticketlab.core.errors import TicketlabError


def keep_run(
    document: Mapping[str, Any], name: str, limit: int, others: Mapping[str, Callable[[IO[str]], None]] | None = None
) -> Path | None:
    """Keep a run and return its folder; that it cannot be kept is no reason to fail what was done, but is told."""
    from ticketlab.cli.terminal import warn
    from ticketlab.lab.artifacts.runs import save_run

    try:
        return save_run(document, name, others=others, keep=limit)
    except TicketlabError as error:
        warn(str(error))
        return None
