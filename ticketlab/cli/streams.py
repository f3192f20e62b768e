"""Standard streams that are always there, and that carry a verdict's exit code past whoever stops reading."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_STANDARD: Final = (0, 1, 2)


class _Output(io.FileIO):
    """A standard stream for which some failures to write do not count."""

    def __init__(self, file: int, *forgiven: type[OSError]) -> None:
        super().__init__(file, "w", closefd=False)
        self._forgiven = forgiven

    def write(self, content: ReadableBuffer, /) -> int:
        """Write what the system takes; after a failure that is forgiven, say that it took everything."""
        try:
            return super().write(content)
        except self._forgiven:
            return memoryview(content).nbytes


def secure() -> None:
    """Open the standard streams anew.

    One that is closed leads nowhere: a file of a race that got its number would have the lab's output written into it.
    Names that the terminal's encoding lacks are escaped. A reader of stdout may have seen enough, and on stderr there
    is nobody to complain to.
    """
    for file in _STANDARD:
        try:
            os.fstat(file)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # which takes the lowest free number
    sys.stdout = _text(sys.stdout, 1, BrokenPipeError)
    sys.stderr = _text(sys.stderr, 2, OSError)


def _text(before: TextIO | None, file: int, *forgiven: type[OSError]) -> io.TextIOWrapper:
    encoding = getattr(before, "encoding", None) or "utf-8"
    output = io.BufferedWriter(_Output(file, *forgiven))
    return io.TextIOWrapper(output, encoding, errors="backslashreplace", line_buffering=file == 2 or os.isatty(file))


def abandon_output() -> None:
    """Let what was not written go, or the interpreter would try again at its end, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
