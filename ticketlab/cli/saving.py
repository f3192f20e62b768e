"""Keeping runs: every command that makes a result keeps it in the same way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from ticketlab.core.errors import TicketlabError


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
