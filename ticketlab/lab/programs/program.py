"""A program as people run it: command lines, the folder that they stand in, and what must hold afterwards."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ticketlab.core.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Program:
    """Commands that run at once, in a fresh copy of a folder for each execution.

    `folder` is what is copied; None begins with an empty folder. `invariant` is a command that is run in the folder
    afterwards, and ends with 0 if the end is right. `allowed` has the exit codes, beside 0, that are right. `serial`
    says that files, outputs and exit codes must be those of some order of the participants one after another.
    """

    commands: tuple[tuple[str, ...], ...]
    folder: Path | None = None
    invariant: tuple[str, ...] = ()
    allowed: frozenset[int] = frozenset()
    serial: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.commands or not all(self.commands):
            raise UsageError("there is no command to run: name a script, or a command after --")
        if self.folder is not None and not self.folder.is_dir():
            raise UsageError(f"{self.folder} is no folder: --in takes one, and copies it for each execution")

    @property
    def title(self) -> str:
        """How people call the program."""
        lines = list(dict.fromkeys(command_title(command) for command in self.commands))
        return lines[0] if len(lines) == 1 else ", ".join(lines)


def command_title(command: Sequence[str]) -> str:
    """Return a command line without the interpreter."""
    words = list(command)
    if len(words) > 1 and os.path.basename(words[0]).startswith("python") and words[1].endswith(".py"):
        words = words[1:]
    return shlex.join([os.path.basename(words[0]), *words[1:]])
