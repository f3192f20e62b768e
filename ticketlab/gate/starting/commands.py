"""How a command line of the program is run: a Python script in the warm interpreter, anything else by executing it."""

from __future__ import annotations

# signal.signal also makes enumerations of its numbers: 40 pages of memory that each process would have to copy
import _signal  # type: ignore[import-not-found]  # has no stubs
import errno
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple, NoReturn

from ticketlab.gate.names import is_of_system
from ticketlab.gate.starting.lines import Lines
from ticketlab.gate.starting.script import Script, read_script, run_script

_IGNORED: Final = (_signal.SIGINT, _signal.SIGPIPE, _signal.SIGXFSZ)  # by the warm interpreter
_PYTHON: Final = ("python", "python3", f"python3.{sys.version_info.minor}", Path(sys.executable).name, sys.executable)
_NOT_FOUND, _NOT_EXECUTABLE = 127, 126
_COMPILED: Final = b"\x7fELF"
_WRITES: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_MODE: Final = 0o644

Prepared = Script | str | None
"""How a command is run: as a script in this interpreter, by executing a file, or not: nothing has its name."""


def script_of(command: Sequence[str], folder: Path) -> Path | None:
    """Return the Python script that a command line runs in a folder, or None if it runs something else."""
    by_interpreter = command[0] in _PYTHON
    name = "".join(command[1:2]) if by_interpreter else command[0]
    path = Path(os.path.normpath(folder / name))
    if not name.endswith(".py") or name.startswith("-") or not path.is_file() or not os.access(path, os.R_OK):
        return None
    return path if by_interpreter or not os.access(path, os.X_OK) else None


def prepare(command: Sequence[str], known: Mapping[str, Script]) -> Prepared:
    """Return how a command is run in the working directory; scripts that are already known are not compiled again."""
    script = script_of(command, Path.cwd())
    if script and not _hides_modules(script.resolve().parent):
        return read_script(script, known)
    if script or command[0] in _PYTHON:
        return sys.executable
    return command[0] if "/" in command[0] else shutil.which(command[0])


def _hides_modules(folder: Path) -> bool:
    """Return whether a folder has modules whose names the warm interpreter has already imported from elsewhere."""
    for each in os.scandir(folder):
        name, _, suffix = each.name.partition(".")
        if name in sys.modules and (suffix in ("py", "pyc") or suffix.endswith("so") or each.is_dir()):
            return True
    return False


class Spawned(NamedTuple):
    """A command that needs no copy of this process: a compiled program of the system, and what it is given."""

    file: str
    argv: list[str]
    environment: Mapping[bytes, bytes]
    output: str


def spawned(command: Sequence[str], how: Prepared, output: str) -> Spawned | None:
    """Return how a command is run without a fork of this process, or None if it cannot be.

    Only files are executed so that no participant can change or see: nobody else moves before they are.
    """
    if not isinstance(how, str) or not is_of_system(how) or not os.access(how, os.X_OK):
        return None
    with open(how, "rb") as file:
        if file.read(len(_COMPILED)) != _COMPILED:
            return None
    return Spawned(how, list(_argv(command, how)), dict(os.environb), output)


def spawn(what: Spawned) -> None:
    """Begin a command, with the memory of this process until it is executed (posix_spawn(3))."""
    actions = ((os.POSIX_SPAWN_OPEN, 1, what.output, _WRITES, _MODE), (os.POSIX_SPAWN_DUP2, 1, 2))
    with suppress(OSError):  # its process has said so by its exit code
        os.posix_spawn(what.file, what.argv, what.environment, file_actions=actions, setpgroup=0, setsigdef=_IGNORED)


def write_to(output: str) -> None:
    """Have this process write all that it prints to a file, which it empties."""
    descriptor = os.open(output, _WRITES, _MODE)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


def perform(command: Sequence[str], how: Prepared, output: str, lines: Lines | None) -> NoReturn:
    """Become the command, in a process of its own; its descriptors from 3 on are closed."""
    write_to(output)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.setpgid(0, 0)  # "kill 0" in a command is meant for what that command has started
    if isinstance(how, Script):
        if lines is not None:
            lines.follow(how.folder)
        run_script(how, command)
    _execute(how, _argv(command, how))


def _argv(command: Sequence[str], file: str | None) -> Sequence[str]:
    """Return the arguments that a file is executed with: its own name comes first."""
    if file != sys.executable:
        return command
    return [file, *(command[1:] if command[0] in _PYTHON else command)]


def _execute(file: str | None, command: Sequence[str]) -> NoReturn:
    """Execute a file as a shell would: one that names no interpreter is a script of the shell."""
    for each in _IGNORED:
        _signal.signal(each, _signal.SIG_DFL)
    try:
        if file is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        os.execv(file, list(command))  # noqa: S606
    except OSError as error:
        if file and error.errno == errno.ENOEXEC:
            os.execv("/bin/sh", ["sh", file, *command[1:]])  # noqa: S606
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
        os._exit(_NOT_FOUND if error.errno in (errno.ENOENT, errno.ENOTDIR) else _NOT_EXECUTABLE)
