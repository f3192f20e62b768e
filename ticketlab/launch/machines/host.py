"""A process that does one call after another for a process that is not the lab's own, such as a worker of Dask.

Such a process has threads and signal handlers of its own, and explorations and races fork, and use signals. So each job
runs in a child beside it, started as a new interpreter. The child ends when its parent closes the pipe, or dies.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import BrokenExecutor
from contextlib import suppress
from threading import Lock, Timer
from typing import Any, Final

from ticketlab.core.system.lifeline import die_with_parent

_IDLE_SECONDS: Final = 30.0
"""How long a child waits for a further job; the lab may have been killed."""


class HostDied(BrokenExecutor):
    """The child was killed in the middle of a job."""


class Host:
    """A child that does jobs for one lab, one at a time."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "ticketlab.launch.machines.host", str(os.getpid())]
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - our own
        self._idle: Timer | None = None
        self._in_job = False

    def do(self, call: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """Have the child do a job, and return or raise what came of it; raises HostDied if it was killed meanwhile."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        if self._idle is not None:
            self._idle.cancel()
        self._in_job = True
        try:
            pickle.dump((call, args), self._child.stdin)
            self._child.stdin.flush()
            done, value = pickle.load(self._child.stdout)  # noqa: S301 - our own child wrote it
        except BaseException as error:  # whatever it is, the next job must not find the rest of this one in the pipes
            ended, self._in_job = self._child.stdin.closed, False
            self.end()
            if not (ended or isinstance(error, OSError | EOFError | pickle.UnpicklingError)):
                raise
            raise HostDied(f"the process {self._child.pid} on {os.uname().nodename} was killed in its job") from error
        self._in_job = False
        self._idle = Timer(_IDLE_SECONDS, self.end)
        self._idle.daemon = True
        self._idle.start()
        if not done:
            raise value
        return value

    @property
    def lives(self) -> bool:
        """Whether the child takes a further job."""
        return self._child.poll() is None

    def end(self) -> None:
        """End the child, also in the middle of a job."""
        if self._idle is not None:
            self._idle.cancel()
        self._child.kill()
        self._child.wait()
        if not self._in_job:  # a job that waits for its result closes them itself
            for pipe in (self._child.stdin, self._child.stdout):
                with suppress(OSError):  # what was not read by the child
                    pipe.close() if pipe else None

    @property
    def pid(self) -> int:
        """The child's process number."""
        return self._child.pid


_idle: dict[str, list[Host]] = {}  # by lab
_busy: dict[str, list[Host]] = {}
_lock: Final = Lock()


def do_apart(lab: str, call: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """Do a job of a lab in a child of this process; each thread of this process may have one."""
    with _lock:
        waiting = [host for host in _idle.pop(lab, []) if host.lives]
        host = waiting.pop() if waiting else Host()
        _idle[lab] = waiting
        _busy.setdefault(lab, []).append(host)
    try:
        return host.do(call, args)
    finally:
        with _lock:
            if lab in _busy:
                _busy[lab].remove(host)
                if host.lives:
                    _idle.setdefault(lab, []).append(host)


def end_hosts(lab: str) -> list[int]:
    """End the children of a lab, whatever they do, and return their process numbers."""
    with _lock:
        hosts = _idle.pop(lab, []) + _busy.pop(lab, [])
    for host in hosts:
        host.end()
    return [host.pid for host in hosts]


def main(parent: int) -> None:
    """Do jobs, as a child, until the pipe is closed."""
    die_with_parent(parent)
    jobs, results = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with open(os.devnull) as nothing:  # what a job prints must not stand between results
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    with suppress(EOFError):
        while True:
            call, args = pickle.load(jobs)  # noqa: S301 - our parent wrote it
            pickle.dump(_outcome(call, args), results)
            results.flush()


def _outcome(call: Callable[..., Any], args: tuple[Any, ...]) -> tuple[bool, Any]:
    try:
        value = True, call(*args)
        pickle.dumps(value)
    except BaseException as error:
        with suppress(Exception):
            pickle.loads(pickle.dumps(error))  # noqa: S301 - its own copy
            return False, error
        return False, RuntimeError(f"{type(error).__name__}: {error}")
    return value


if __name__ == "__main__":
    # Under its own name, so that what is pickled here is found there.
    from ticketlab.launch.machines.host import main as begin

    begin(int(sys.argv[1]))
