"""How executions of a function begin: the lab is forked once, and this copy of it again for each execution.

So the participants have all that the function has: its closure, its module as it is now, the fixtures of a test.
Nothing of it is imported anew, and nothing has to be sent.
"""

from __future__ import annotations

# signal.signal also makes enumerations of its numbers: 40 pages of memory that each process would have to copy
import _signal  # type: ignore[import-not-found]  # has no stubs
import gc
import io
import os
import socket
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from multiprocessing import process, sharedctypes, synchronize, util
from pathlib import Path
from typing import Any, Final, NoReturn

from ticketlab.core.system.fork import ForkedProcess
from ticketlab.gate.inside import begin_telling
from ticketlab.gate.starting.inherited import Inherited
from ticketlab.gate.starting.lines import Lines
from ticketlab.gate.starting.starter import Starter
from ticketlab.gate.starting.warm import open_output, serve, settle

_mp: Final[Any] = util  # what multiprocessing does in a child has no public names
_processes: Final[Any] = process
_threads: Final[Any] = threading

Call = Callable[[int], int]
"""Takes part as the participant with that number, from 1, and returns the exit code of its process."""


class FunctionStarter(Starter):
    """Has participants call something in processes that are forked from the lab as it is when the context is entered.

    `sources` is the folder of the code whose lines are kept.
    """

    def __init__(self, call: Call, sources: str, folder: Path, output: Path, temporary: Path) -> None:
        super().__init__([], folder, output, temporary)
        self._call, self._sources = call, sources
        self._paths = str(folder), str(output), str(temporary)
        self.inherited = Inherited()
        """What all participants share from the beginning."""

    def _launch(self, theirs: socket.socket) -> None:
        gc.collect()  # what memory nobody has any more shall not count
        self.inherited = Inherited.of_this_process()
        self._copy = ForkedProcess(self._serve, theirs, os.getpid())
        self._copy.start()

    @property
    def _pid(self) -> int:
        assert self._copy.pid is not None, "it has been started"
        return self._copy.pid

    def _has_ended(self, timeout: float) -> bool:
        self._copy.join(timeout)
        return self._copy.exitcode is not None

    def _serve(self, channel: socket.socket, lab: int) -> NoReturn:
        """Serve the lab, as its copy."""
        self._channel.close()
        settle(channel, lab)
        os.environ["TMPDIR"] = tempfile.tempdir = self._paths[2]
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        _tell_of_what_is_there()
        lines = Lines()
        gc.collect()
        gc.freeze()
        serve(channel, lines, partial(self._ready, lines))

    def _ready(self, lines: Lines, asked: Mapping[str, Any]) -> Sequence[Callable[[], NoReturn]]:
        folder, output, _ = self._paths
        os.chdir(folder)
        self.inherited.put_back()
        kept = lines if asked["lines"] and self._sources else None
        return [partial(self._take_part, number, open_output(output, number), kept) for number in asked["commands"]]

    def _take_part(self, number: int, output: int, lines: Lines | None) -> NoReturn:
        """Call what participants call, in a process of its own, and end as `multiprocessing` has processes end."""
        code = 1
        try:
            _begin_process(output)
            if lines is not None:
                lines.follow(self._sources)
            code = self._call(number)
            _threads._shutdown()
            if _mp._finalizer_registry or _processes._children:
                _mp._exit_function()
            _mp._flush_std_streams()
        except BaseException:  # nobody may come back into the lab
            code = 1
            traceback.print_exc()
        finally:
            os._exit(code)


def _begin_process(output: int) -> None:
    """Forget what the lab was about, and write to a file; the lab's children are not this process's."""
    _processes._children = set()
    _mp._finalizer_registry.clear()
    _mp._run_after_forkers()
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    sys.stdout, sys.stderr = (io.TextIOWrapper(io.FileIO(number, "w", closefd=False)) for number in (1, 2))
    os.setpgid(0, 0)  # "kill 0" is meant for what the function has started
    _signal.signal(_signal.SIGINT, _signal.default_int_handler)


def _tell_of_what_is_there() -> None:
    """Have the locks and values tell that were made before: they hold on to the calls of those times."""
    begin_telling()
    objects = gc.get_objects()
    for each in objects:
        if issubclass(type(each), synchronize.SemLock | synchronize.Condition):
            each._make_methods()
    for each in objects:
        if issubclass(type(each), sharedctypes.SynchronizedBase):
            each.acquire, each.release = each._lock.acquire, each._lock.release
