"""A server in a folder of its own: started for the lab, and gone with it, however the lab ends.

A process stands between the lab and the server, the keeper. It has one end of a pipe whose other end the lab and its
children have: when the last of these has ended, by kill -9 too, the keeper stops the server and removes the folder. The
kernel kills the server if the keeper is killed.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

from ticketlab.core.errors import TicketlabError
from ticketlab.core.system.fork import ForkedProcess
from ticketlab.core.system.keepers import KEEPERS
from ticketlab.core.system.lifeline import die_with_parent, signals_blocked
from ticketlab.core.system.living import is_alive
from ticketlab.stores.servers.ordinary_user import as_ordinary_user, become_subreaper

_START_SECONDS: Final = 60.0
"""How long a server may take until it answers; a busy machine needs several times the usual second."""
_STOP_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.005
_START: Final = b"s"


class ServerProgram(Protocol):
    """How one kind of server is started."""

    name: str
    refuses_root: bool
    stop_signal: signal.Signals

    def prepare(self, folder: Path) -> None:
        """Make what the server needs in its folder before its first start."""

    def command(self, folder: Path) -> list[str]:
        """Return the command that runs the server in the foreground."""

    def is_ready(self, folder: Path, pid: int) -> bool:
        """Return whether the server, which is the process `pid`, takes connections."""


class KeptServer:
    """A server that runs until `close` is called or the lab has ended."""

    def __init__(self, program: ServerProgram) -> None:
        """Start it; raises TicketlabError with the reason in one line if that fails."""
        self._name = program.name
        self._owner = os.getpid()
        self.folder = Path(tempfile.mkdtemp(prefix=f"ticketlab-{program.name}-"))
        orders, self._orders = os.pipe()
        self._answers, answers = os.pipe()
        self._keeper = ForkedProcess(_keep, program, self.folder, orders, answers)
        with signals_blocked():
            self._keeper.start()
        assert self._keeper.pid is not None, "it has been started"
        KEEPERS.add(self._keeper.pid)
        os.close(orders)
        os.close(answers)
        self.pid = 0
        atexit.register(self.close)
        try:
            self._await_start()
        except BaseException:
            self.close()
            raise

    @property
    def is_mine(self) -> bool:
        """Whether the calling process started it and has not closed it: a forked child must not share its pipes."""
        return os.getpid() == self._owner and self._orders >= 0

    def ensure_running(self) -> None:
        """Start the server again, on the data that it had, if it has been killed."""
        if not is_alive(self.pid):
            os.write(self._orders, _START)
            self._await_start()

    def _await_start(self) -> None:
        answer: dict[str, Any] = json.loads(_line(self._answers) or '{"failed": "its keeper has been killed"}')
        if "failed" in answer:
            raise TicketlabError(f"the {self._name} server cannot be started: {answer['failed']}")
        self.pid = answer["pid"]

    def close(self) -> None:
        """Stop the server and remove its folder; in another process than the one that started it, do nothing."""
        if not self.is_mine:
            return
        atexit.unregister(self.close)
        os.close(self._orders)
        self._orders = -1
        self._keeper.join()
        KEEPERS.discard(self._keeper.pid or 0)
        os.close(self._answers)


_running: dict[tuple[str, str], KeptServer] = {}


def running_server(name: str, setting: str, program: Callable[[], ServerProgram]) -> KeptServer:
    """Return the server of this run of the lab that has a name and a setting; it starts at the first call.

    Raises:
        TicketlabError: it cannot be started.
    """
    server = _running.get((name, setting))
    if server is None or not server.is_mine:
        server = _running[name, setting] = KeptServer(program())
    server.ensure_running()
    return server


def _line(file: int) -> bytes:
    """Read up to the end of a line, or of the file."""
    found = b""
    while not found.endswith(b"\n"):
        part = os.read(file, 4096)
        if not part:
            break
        found += part
    return found


def _keep(program: ServerProgram, folder: Path, orders: int, answers: int) -> None:
    """Be the keeper: start the server, start it again when told to, and stop it when nobody is left to tell."""
    _leave_the_terminal(orders, answers)
    become_subreaper()
    server: subprocess.Popen[bytes] | None = None
    try:
        if program.refuses_root:
            as_ordinary_user(folder)
        program.prepare(folder)
        server = _answer(program, folder, answers)
        while os.read(orders, 1) == _START:
            _reap(server)
            server = _answer(program, folder, answers)
    except (OSError, subprocess.CalledProcessError, TicketlabError) as error:
        _tell(answers, failed=_reason(error))
        while os.read(orders, 1):
            _tell(answers, failed=_reason(error))
    finally:
        _stop(server, program.stop_signal)
        shutil.rmtree(folder, ignore_errors=True)


def _leave_the_terminal(*kept: int) -> None:
    """Keep away from Ctrl-C, and hold no file open that somebody waits for, but for these."""
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    nowhere = os.open(os.devnull, os.O_RDWR)
    for file in range(3):
        os.dup2(nowhere, file)
    first = 3
    for file in sorted(kept):
        os.closerange(first, file)
        first = file + 1
    os.closerange(first, os.sysconf("SC_OPEN_MAX"))


def _answer(program: ServerProgram, folder: Path, answers: int) -> subprocess.Popen[bytes]:
    server = _start(program, folder)
    _tell(answers, pid=server.pid)
    return server


def _tell(answers: int, **what: Any) -> None:
    with suppress(BrokenPipeError):
        os.write(answers, json.dumps(what).encode() + b"\n")


def _start(program: ServerProgram, folder: Path) -> subprocess.Popen[bytes]:
    """Start the server and wait until it takes connections; raises TicketlabError with the last line of its log."""
    log = folder / "log"
    with log.open("ab") as output:
        server = subprocess.Popen(  # noqa: S603 - the arguments are made here
            program.command(folder),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder,
            preexec_fn=partial(die_with_parent, os.getpid()),
        )
    until = time.monotonic() + _START_SECONDS
    while not program.is_ready(folder, server.pid):
        if server.poll() is not None:
            lines = log.read_text(errors="replace").splitlines()
            raise TicketlabError(lines[-1].strip() if lines else f"it ended with exit code {server.returncode}")
        if time.monotonic() > until:
            raise TicketlabError(f"it took no connection within {_START_SECONDS:g} s")
        time.sleep(_POLL_SECONDS)
    return server


def _reason(error: Exception) -> str:
    """Return why a server could not be started, in one line."""
    if isinstance(error, subprocess.CalledProcessError):
        said = str(error.stderr or error.stdout or "").strip().splitlines()
        return said[-1] if said else f"{error.cmd[0]} ended with exit code {error.returncode}"
    return str(error)


def _stop(server: subprocess.Popen[bytes] | None, stop_signal: signal.Signals) -> None:
    if server is None:
        return
    if server.poll() is None:
        server.send_signal(stop_signal)
        try:
            server.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
    _reap(server)


def _reap(server: subprocess.Popen[bytes]) -> None:
    """Wait until the server has ended, and end what it has started: that uses the same memory and files."""
    server.wait()
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    while left := children.read_text().split():  # they are the keeper's by now
        for each in left:
            os.kill(int(each), signal.SIGKILL)
            os.waitpid(int(each), 0)
