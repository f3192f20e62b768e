"""What a command says beside its result: progress on stderr where that is a terminal, and nothing elsewhere."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

from ticketlab.core.text import escape_controls

if TYPE_CHECKING:
    from rich.console import Console


def console() -> Console:
    """Return where results are printed: as wide as the terminal, and 120 columns where there is none.

    Names in results may be a stranger's: what would control the terminal is shown as an escape.
    """
    from ticketlab.report.safe_console import Screen

    wide = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 120
    return Screen(highlight=False, width=wide)


def print_json(value: Any) -> None:
    """Print a result for machines: one JSON document on stdout."""
    sys.stdout.write(escape_controls(json.dumps(value, indent=2, ensure_ascii=False), lines=True) + "\n")


def warn(message: str) -> None:
    """Say on stderr what a user should know, though the command did its work."""
    print(f"ticketlab: warning: {escape_controls(message)}", file=sys.stderr)


class Progress:
    """One line that is overwritten as the work goes on, and erased at the end."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    def __enter__(self) -> Progress:
        return self

    def say(self, text: str) -> None:
        """Show what is being done now."""
        if self._shown:
            sys.stderr.write(f"\r\x1b[2K{escape_controls(text)}")
            sys.stderr.flush()

    def __exit__(self, *_: object) -> None:
        self.say("")
