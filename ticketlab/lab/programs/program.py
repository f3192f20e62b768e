"""A program as people run it: command lines, the folder that they stand in, and what must hold afterwards."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ticketlab.core.errors import UsageError
from ticketlab.lab.plain.function import arguments

_MOST_CODE: Final = 255
_GIVEN: Final = ("folder", "outputs")


@dataclass(frozen=True, kw_only=True)
class Program:
    """Commands that run at once, in a fresh copy of a folder for each execution.

    `folder` is what is copied; None begins with an empty folder. `invariant` is a command that is run in the folder
    afterwards, and ends with 0 if the end is right; or a function that returns False or raises AssertionError if it is
    not, and may ask by parameter name for `folder`, `outputs` (what each command printed) and any of `fixtures`.
    `allowed` has the exit codes, beside 0, that are right. `serial` says that files, outputs and exit codes must be
    those of some order of the participants one after another. `reset` is a command that is run in the folder before
    each execution, and puts back what stands outside it, such as a database. `test` is the test whose function the
    invariant is.
    """

    commands: tuple[tuple[str, ...], ...]
    folder: Path | None = None
    invariant: tuple[str, ...] | Callable[..., object] = ()
    allowed: frozenset[int] = frozenset()
    serial: bool = False
    reset: tuple[str, ...] = ()
    fixtures: Mapping[str, Any] = field(default_factory=dict, compare=False)
    test: str = ""

    @classmethod
    def of(
        cls,
        *commands: str,
        copies: int = 1,
        folder: Path | str | None = None,
        invariant: str | Callable[..., object] = "",
        allow_exit: Iterable[int] = (),
        serial: bool = False,
        reset: str = "",
    ) -> Program:
        """Return the program of command lines such as "shop.py 2" or "./buy.sh alice", each run in so many `copies`.

        Without a `folder`, it is that of the first file that the commands name. Raises UsageError if a command is
        misquoted or not there, or there is no such folder.
        """
        if copies < 1:
            raise UsageError(f"{copies} copies run nothing: at least 1 is needed")
        words, found = located([command_words(line) for line in commands] * copies, Path(folder) if folder else None)
        return cls(
            commands=words,
            folder=found,
            invariant=command_words(invariant) if isinstance(invariant, str) else invariant,
            allowed=frozenset(allow_exit),
            serial=serial,
            reset=command_words(reset),
        )

    def __post_init__(self) -> None:
        if not self.commands or not all(self.commands):
            raise UsageError("there is no command to run: name a script, or a command after --")
        if self.folder is not None and not self.folder.is_dir():
            raise UsageError(f"{self.folder} is no folder: it is copied for each execution, and has to be there")
        for code in self.allowed:
            if not 0 <= code <= _MOST_CODE:
                raise UsageError(f"{code} is no exit code: these go from 0 to {_MOST_CODE}")
        for command in self.commands:
            _refuse_missing(command, self.folder)
        if callable(self.invariant):
            arguments(self.invariant, "the invariant", dict.fromkeys((*_GIVEN, *self.fixtures)))

    @property
    def title(self) -> str:
        """How people call the program."""
        lines = list(dict.fromkeys(command_title(command) for command in self.commands))
        return lines[0] if len(lines) == 1 else ", ".join(lines)


def command_words(line: str) -> tuple[str, ...]:
    """Return the words of a command line, as a shell splits it; raises UsageError if it cannot be split."""
    try:
        return tuple(shlex.split(line))
    except ValueError as error:
        raise UsageError(f"the command {line!r} is misquoted: {str(error).lower()}") from None


def command_title(command: Sequence[str]) -> str:
    """Return a command line without the interpreter."""
    words = list(command)
    if len(words) > 1 and _is_python(words[0]) and words[1].endswith(".py"):
        words = words[1:]
    return shlex.join([os.path.basename(words[0]), *words[1:]])


def located(
    commands: Sequence[Sequence[str]], folder: Path | None, base: Path = Path()
) -> tuple[tuple[tuple[str, ...], ...], Path]:
    """Return commands as they are in the folder that they stand in, and that folder.

    Files are named from `base` or from the folder. Without a folder, it is that of the first file that is named.
    """
    files = (base / word for command in commands for word in command if not Path(word).is_absolute())
    found = base / folder if folder is not None else next((file.parent for file in files if file.is_file()), base)
    return tuple(_from(found, command, base) for command in commands), found


def _from(folder: Path, command: Sequence[str], base: Path) -> tuple[str, ...]:
    words = [_within(word, folder, base) for word in command]
    if words and words[0].endswith(".py"):
        return "python", *words
    if words and "/" in command[0] and "/" not in words[0]:
        words[0] = f"./{words[0]}"  # otherwise it would be looked for elsewhere
    return tuple(words)


def _within(word: str, folder: Path, base: Path) -> str:
    if Path(word).is_absolute() or not (base / word).is_file():
        return word
    try:
        place = (base / word).resolve().relative_to(folder.resolve())
    except ValueError:
        return word
    return f"./{place}" if word.startswith("./") else str(place)


def _is_python(word: str) -> bool:
    return os.path.basename(word).startswith("python")


def _refuse_missing(command: Sequence[str], folder: Path | None) -> None:
    """Raise UsageError if the file that a command runs is not there."""
    name, above = command[0], folder or Path()
    if _is_python(name) and command[1:2] and command[1].endswith(".py"):
        if not (above / command[1]).is_file():
            raise UsageError(f"there is no script {command[1]} in {above.absolute()}")
    elif "/" in name:
        if not (above / name).is_file():
            raise UsageError(f"there is no file {name} in {above.absolute()}")
        if not os.access(above / name, os.X_OK):
            raise UsageError(f"{name} is not executable: chmod +x {name}, or name its interpreter, as in sh {name}")
    elif not _is_python(name) and shutil.which(name) is None:
        raise UsageError(f"there is no command {name}: a file of the folder is run by its path, ./{name}")
