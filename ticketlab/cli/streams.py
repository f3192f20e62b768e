"""Standard streams that are always open; if nobody reads them, the exit code still says the verdict."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_STANDARD: Final = (0, 1, 2)


class _Output(io.FileIO):
    """A standard stream that forgives some errors of writing."""

    def __init__(self, file: int, *forgiven: type[OSError]) -> None:
        super().__init__(file, "w", closefd=False)
        self._forgiven = forgiven

    def write(self, content: ReadableBuffer, /) -> int:
        """Write as much as the system takes; after an error that is forgiven, claim that everything was written."""
        try:
            return super().write(content)
        except self._forgiven:
            return memoryview(content).nbytes


def secure() -> None:
    """Open the standard streams anew.

    A closed stream is opened on the null device; otherwise a file of a race could get its number, and the lab's output.
    Characters that the terminal's encoding lacks are escaped. A broken pipe on stdout is forgiven, since its reader may
    have seen enough; so is every error on stderr, since there is nowhere to report it.
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
    """Discard the output that was not written; otherwise the interpreter would try again at its end, and fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
