"""The starter: has a warm interpreter begin one execution of a program after another, and ends each without a trace."""

from __future__ import annotations

import ctypes
import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from ticketlab.core.errors import TicketlabError
from ticketlab.gate.kernel import kill_descendants
from ticketlab.gate.listener import Listener, Stop
from ticketlab.gate.starting.lines import ReadMemory, line_at
from ticketlab.gate.starting.warm import OVER

_BOOT: Final = """
import sys
if not sys.flags.safe_path:
    del sys.path[0]
sys.path.append({root!r})
from ticketlab.gate.starting.warm import main
sys.path.pop()
main()
"""
_ENVIRONMENT: Final = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
_FIXED_ADDRESSES: Final = 0x0040000
_INSIDE: Final = Path(__file__).parents[1] / "inside" / "site"
_ASK: Final = 0xFFFFFFFF
_PATIENCE: Final = 0.05  # seconds


class CommandLine(NamedTuple):
    """A command line of the program, such as ("python", "shop.py", "3") or ("./buy.sh", "alice")."""

    argv: tuple[str, ...]


class Started(NamedTuple):
    """An execution: the process number of its leader, and its listener, which the starter closes at its end."""

    leader: int
    listener: Listener


class _Asking(NamedTuple):
    """How a leader asks to do again what was requested of it: by a call before which it stands."""

    call: Stop
    request: bytes
    folder: tuple[int, int] | None
    """Device and inode of the folder in which it stands."""


class FreeRun(NamedTuple):
    """What a run without a gate came to: by its number how each command ended, and whether nothing was left in time.

    An exit code is negative if a signal ended the command.
    """

    codes: Mapping[int, int]
    is_over: bool


class Starter:
    """A warm interpreter that is forked for each execution; within its context, one execution runs at a time.

    "python" means the interpreter of the lab. A script that is given to it is run in the warm interpreter, and so is a
    file that ends in .py and is not executable; all else is executed. Standard input is empty; what command N prints,
    N from 1, is in the file N.out of the output folder.
    """

    def __init__(
        self, commands: Sequence[CommandLine], folder: Path, output: Path, temporary: Path | None = None
    ) -> None:
        order = [[each.argv for each in commands], str(folder.absolute()), str(output.absolute())]
        self._order = json.dumps(order)
        self._folder, self._temporary = folder, temporary
        self._running = False
        self._started: Started | None = None
        self._request = b""
        self._asking: _Asking | None = None
        self.lines_address = 0
        """Where in the memory of the program's Python processes the table of their lines is (`line_at`)."""

    def __enter__(self) -> Self:
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._launch(theirs)
        try:
            self.lines_address = int(self._receive()[0])
        except BaseException:
            self._close()
            raise
        return self

    def _launch(self, theirs: socket.socket) -> None:
        """Start the warm interpreter, which is spoken to by the other end of a socket."""
        boot = _BOOT.format(root=str(Path(__file__).parents[3]))
        argv = [sys.executable, "-c", boot, str(theirs.fileno()), str(os.getpid()), self._order]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"} | _ENVIRONMENT
        paths = [str(_INSIDE), *filter(None, [environment.get("PYTHONPATH")])]
        environment["PYTHONPATH"] = os.pathsep.join(paths)
        if self._temporary is not None:
            environment["TMPDIR"] = str(self._temporary)
        null = subprocess.DEVNULL
        with _fixed_addresses():
            self._process = subprocess.Popen(  # noqa: S603
                argv, stdin=null, stdout=null, env=environment, pass_fds=[theirs.fileno()], process_group=0
            )

    @property
    def _pid(self) -> int:
        return self._process.pid

    def _has_ended(self, timeout: float) -> bool:
        """Whether the warm interpreter has ended, or does so within so many seconds."""
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        return True

    def start(self, commands: Sequence[int] = (), *, with_lines: bool = False) -> Started:
        """Begin an execution of the commands with the given numbers, from 1, or of all.

        If asked, its Python processes keep their current source line for `line_at`.

        The execution before is ended first. Raises TicketlabError if it cannot begin: no folder, or no filter.
        """
        self._request = json.dumps({"commands": list(commands), "lines": with_lines}).encode()
        if self._started is not None and self._leads_again(self._started):
            return self._started
        self.end()
        self._running = True
        self._channel.send(self._request)
        leader, descriptors = self._receive()
        self._started = Started(int(leader), Listener(descriptors[0]))
        return self._started

    def _leads_again(self, started: Started) -> bool:
        """Have the leader that asks for it lead another execution, if that is to be the same in the same folder."""
        asking, self._asking = self._asking, None
        if asking is None or asking.request != self._request:
            return False
        if asking.folder is None or asking.folder != self._stands_in():
            return False
        return started.listener.answer(asking.call, 0)

    def _stands_in(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self._folder)
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def run_freely(self, timeout: float) -> FreeRun:
        """Run all commands at once, at full speed on all cores, and end what is left of them after so many seconds."""
        self.end()
        self._running = True
        self._channel.send(json.dumps({"commands": [], "cores": sorted(os.sched_getaffinity(0))}).encode())
        deadline, codes = time.monotonic() + timeout, dict[int, int]()
        try:
            while select.select([self._channel], [], [], max(deadline - time.monotonic(), 0))[0]:
                answer, _ = self._receive()
                if answer == OVER:
                    return FreeRun(codes, is_over=True)
                number, code = json.loads(answer)
                codes[number] = code
            return FreeRun(codes, is_over=False)
        finally:
            self.end()

    def end(self, asks: Stop | None = None) -> None:
        """Kill all that the last execution started and that is still alive, and wait until it is gone.

        If all has ended by itself, the leader `asks` for another execution by this call, and is kept for it.
        """
        if asks is not None:
            self._asking = _Asking(asks, self._request, self._stands_in())
            return
        if not self._running:
            return
        self._channel.send(b"end")
        answer = b""
        while answer != b"ended":  # a start that was interrupted has left its own answer
            self._kill_what_is_left()
            while not select.select([self._channel], [], [], 0.001)[0]:
                self._kill_what_is_left()  # again and again: some may have been about to start others
            answer, descriptors = self._receive(refused=False)
            for each in descriptors:
                os.close(each)
        self._running = False
        self._forget_leader()

    def _forget_leader(self) -> None:
        """Close its listener, now that nobody is left: calls that are stopped then fail, and their program goes on."""
        self._asking = None
        if self._started is not None:
            self._started.listener.close()
            self._started = None

    def _kill_what_is_left(self) -> None:
        """Kill what an execution has left, as far as it is there by now."""
        kill_descendants(self._pid)

    def line_at(self, read_memory: ReadMemory, thread: int) -> tuple[str, int] | None:
        """Return the path and the line at which a thread is, if it is in the user's own Python code; else None."""
        return line_at(read_memory, self.lines_address, thread)

    def _receive(self, *, refused: bool = True) -> tuple[bytes, list[int]]:
        message, descriptors, _, _ = socket.recv_fds(self._channel, 4096, 1, socket.MSG_CMSG_CLOEXEC)
        if not message:
            raise TicketlabError("the interpreter that starts the program's executions has ended")
        if refused and message.startswith(b"error "):
            raise TicketlabError(f"the program cannot be started: {message[6:].decode(errors='replace')}")
        return message, descriptors

    def _close(self) -> None:
        self._channel.shutdown(socket.SHUT_RDWR)  # the lab may have been forked, and the copy would keep it open
        self._channel.close()
        while not self._has_ended(_PATIENCE):  # an execution that was interrupted at its start waits for an answer
            kill_descendants(self._pid)
        self._running = False
        self._forget_leader()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close()  # the warm interpreter ends the last execution by itself


@contextmanager
def _fixed_addresses() -> Iterator[None]:
    """Have the kernel not vary the addresses in processes that the calling thread starts, where it is allowed."""
    personality = ctypes.CDLL(None).personality
    before = personality(_ASK)
    personality(before | _FIXED_ADDRESSES)
    try:
        yield
    finally:
        personality(before)
