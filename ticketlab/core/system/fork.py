"""A child process by a bare fork, with the part of `multiprocessing.Process` that launchers and executors use.

For each child `multiprocessing` polls all earlier ones, opens two pipes and the null device, and runs much Python in
both processes. That is the cost of a fork: a page of memory is copied when either process first writes to it, and to
look at a Python object is to write to its reference count.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable
from multiprocessing import process, util
from typing import Any, Final

_STATUS_LOST: Final = 255 << 8  # as an exit with 255
_mp: Final[Any] = util  # what multiprocessing does in a child has no public names


class ForkedProcess:
    """A copy of the calling process that calls one function and ends."""

    def __init__(self, target: Callable[..., object], *args: Any) -> None:
        self._target, self._args = target, args
        self._sentinel: int | None = None
        self.pid: int | None = None
        self._exitcode: int | None = None

    def start(self) -> None:
        """Fork; in the child this never returns."""
        _mp._flush_std_streams()  # or both processes would write what is buffered
        parent, code = os.getpid(), 1
        try:
            self.pid = os.fork()
            if self.pid == 0:
                self._run()
                code = 0
        except Exception:
            if os.getpid() == parent:
                raise
            import traceback

            traceback.print_exc()
        finally:
            if os.getpid() != parent:
                os._exit(code)

    def _run(self) -> None:
        process._children = set()  # type: ignore[attr-defined]  # the parent's children are not this process's
        _mp._finalizer_registry.clear()
        _mp._run_after_forkers()  # proxies connect anew; queues and locks forget the parent's state
        try:
            self._target(*self._args)
        finally:
            if _mp._finalizer_registry:
                _mp._exit_function()
            _mp._flush_std_streams()

    @property
    def sentinel(self) -> int:
        """A file that becomes readable when it has ended."""
        assert self.pid is not None, "it has been started"
        if self._sentinel is None:
            self._sentinel = os.pidfd_open(self.pid)
        return self._sentinel

    @property
    def exitcode(self) -> int | None:
        """How it ended, a signal that killed it as a negative number; None while it runs."""
        return self._await(os.WNOHANG)

    def join(self, timeout: float | None = None) -> None:
        """Wait until it has ended, but no longer than `timeout` seconds."""
        if timeout is None or select.select([self.sentinel], [], [], timeout)[0]:
            self._await(0)

    def _await(self, options: int) -> int | None:
        if self._exitcode is None and self.pid is not None:
            try:
                pid, status = os.waitpid(self.pid, options)
            except ChildProcessError:  # it was waited for, and an interrupt came before its status was kept
                pid, status = self.pid, _STATUS_LOST
            if pid:
                self._exitcode = os.waitstatus_to_exitcode(status)
                if self._sentinel is not None:
                    os.close(self._sentinel)
        return self._exitcode

    def kill(self) -> None:
        """End it at once."""
        if self.pid is not None and self.exitcode is None:
            os.kill(self.pid, signal.SIGKILL)
