"""The terminal: results on stdout; warnings, and progress if it is a terminal, on stderr."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

from ticketlab.core.text import escape_controls

if TYPE_CHECKING:
    from rich.console import Console


def console() -> Console:
    """Return the console for results: as wide as the terminal, or 120 columns if there is none.

    Names in results may come from anybody's files: characters that would control the terminal are shown as escapes.
    """
    from ticketlab.report.safe_console import Screen

    wide = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 120
    return Screen(highlight=False, width=wide)


def print_json(value: Any) -> None:
    """Print a result as one JSON document on stdout."""
    sys.stdout.write(escape_controls(json.dumps(value, indent=2, ensure_ascii=False), lines=True) + "\n")


def warn(message: str) -> None:
    """Print a warning on stderr."""
    print(f"ticketlab: warning: {escape_controls(message)}", file=sys.stderr)


class ProgressLine:
    """A line on stderr that is overwritten as the work goes on, and erased at the end."""

    def __init__(self) -> None:
        self._stream = sys.stderr  # the one of now: what the code under test prints may be discarded
        self._shown = self._stream.isatty() and os.environ.get("TERM") != "dumb"

    def __enter__(self) -> ProgressLine:
        return self

    def say(self, text: str) -> None:
        """Show the text in place of the one before."""
        if self._shown:
            self._stream.write(f"\r\x1b[2K{escape_controls(text)}")
            self._stream.flush()

    def search(self, done: int, anomalous: int, classes: float | None = None) -> None:
        """Show how a search comes along: how many executions, how many wrong, and of about how many."""
        from ticketlab.explorer.survey import about

        of = "" if classes is None or done >= classes else f" of {about(classes)}"  # whoever draws may repeat orders
        self.say(f"{done:,}{of} executions, {anomalous:,} anomalous ...")

    def __exit__(self, *_: object) -> None:
        self.say("")
