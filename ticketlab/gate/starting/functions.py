"""How executions of a function begin: the lab is forked once, and this copy of it again for each execution.

So the participants have all that the function has: its closure, its module as it is now, the fixtures of a test.
Nothing of it is imported anew, and nothing has to be sent. For each execution the copy forks a director, which lays out
what the function needs, forks the leader of the participants, and has a look when all of these have ended: what was
made in its memory before is what they shared.
"""

from __future__ import annotations

# signal.signal also makes enumerations of its numbers: 40 pages of memory that each process would have to copy
import _signal  # type: ignore[import-not-found]  # has no stubs
import gc
import io
import os
import pickle
import socket
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from multiprocessing import process, sharedctypes, synchronize, util
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, NoReturn

from ticketlab.core.system.fork import ForkedProcess
from ticketlab.gate.inherited import Inherited
from ticketlab.gate.inside import begin_telling
from ticketlab.gate.inside.telling import in_silence
from ticketlab.gate.kernel import children_of, kill_descendants, parent_of
from ticketlab.gate.starting.commands import write_to
from ticketlab.gate.starting.lines import Lines
from ticketlab.gate.starting.starter import Started, Starter
from ticketlab.gate.starting.warm import forked, lead, output_path, serve, settle

_mp: Final[Any] = util  # what multiprocessing does in a child has no public names
_processes: Final[Any] = process
_threads: Final[Any] = threading

_INHERITED: Final = "inherited"


class Parts(NamedTuple):
    """What a director does `before` and `after` the participants, whose numbers it gets, and what each of them does.

    A participant's `call` gets its number, from 1, and returns the exit code of its process.
    """

    before: Callable[[], object]
    call: Callable[[int], int]
    after: Callable[[Sequence[int]], object]


class FunctionStarter(Starter):
    """Has participants call something in processes that are forked from the lab as it is when the context is entered.

    `sources` is the folder of the code whose lines are kept.
    """

    def __init__(self, parts: Parts, sources: str, folder: Path, output: Path, temporary: Path) -> None:
        super().__init__([], folder, output, temporary)
        self._parts, self._sources = parts, sources
        self._paths = str(folder), str(output), str(temporary)
        self._before = Inherited()
        self._leader = self._director = 0

    @property
    def inherited(self) -> Inherited:
        """What the participants of the execution that runs share from the beginning."""
        found = pickle.loads(Path(self._paths[1], _INHERITED).read_bytes())  # noqa: S301 - written by a copy of us
        assert isinstance(found, Inherited)
        return found

    def start(self, commands: Sequence[int] = (), *, with_lines: bool = False) -> Started:
        """Begin an execution with the participants that have the given numbers: see `Starter.start`."""
        self._leader = 0
        started = super().start(commands, with_lines=with_lines)
        self._leader, self._director = started.leader, parent_of(started.leader)
        return started

    def was_put_back(self, channel: int) -> bool:
        """Put a channel back, given by its inode, after an execution; return whether that is done or not needed."""
        return self.is_new(channel) or self._before.drain(channel)

    def is_new(self, channel: int) -> bool:
        """Whether a channel, given by its inode, was made for the execution that runs."""
        return channel not in self._before.channels

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, traceback)
        self._before.put_back()

    def _kill_what_is_left(self) -> None:
        """Kill the participants, and all else as soon as their director is done."""
        if self._leader and self._leader in children_of(self._director):
            kill_descendants(self._leader)
            with suppress(ProcessLookupError):
                os.kill(self._leader, _signal.SIGKILL)
        elif not self._leader or self._director not in children_of(self._pid):
            kill_descendants(self._pid)

    def _launch(self, theirs: socket.socket) -> None:
        gc.collect()  # what memory nobody has any more shall not count
        self._before = Inherited.of_this_process(kept=True)
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
        gc.freeze()  # the lab has just collected; to look through all again would copy every page of its memory
        serve(channel, lines, partial(self._direct, channel, lines))

    def _direct(self, channel: socket.socket, lines: Lines, asked: Mapping[str, Any]) -> NoReturn:
        """Direct an execution, as a fork of the lab's copy: nothing of it is left when the next one begins."""
        try:
            os.chdir(self._paths[0])
            self._before.put_back()
            _forget_forks()
            in_silence(self._parts.before)()
            _forget_forks()
            Path(self._paths[1], _INHERITED).write_bytes(pickle.dumps(Inherited.of_this_process()))
        except BaseException as error:
            channel.send(f"error {error}".encode())
            os._exit(1)
        if (leader := os.fork()) == 0:
            lead(channel, partial(self._ready, lines), asked)
        channel.close()
        os.waitpid(leader, 0)
        in_silence(self._parts.after)(asked["commands"])
        os._exit(0)

    def _ready(self, lines: Lines, asked: Mapping[str, Any]) -> Sequence[Callable[[], object]]:
        kept = lines if asked["lines"] and self._sources else None
        numbers = asked["commands"]
        parts = [partial(self._take_part, number, output_path(self._paths[1], number), kept) for number in numbers]
        return [partial(forked, part) for part in parts]

    def _take_part(self, number: int, output: str, lines: Lines | None) -> NoReturn:
        """Call what participants call, in a process of its own, and end as `multiprocessing` has processes end."""
        code = 1
        try:
            _begin_process(output)
            if lines is not None:
                lines.follow(self._sources)
            code = self._parts.call(number)
            _threads._shutdown()
            if _mp._finalizer_registry or _processes._children:
                _mp._exit_function()
            _mp._flush_std_streams()
        except BaseException:  # nobody may come back into the lab
            code = 1
            traceback.print_exc()
        finally:
            os._exit(code)


def _forget_forks() -> None:
    """Have `multiprocessing` forget what the process was about that this one is forked from.

    Proxies ask their servers at each fork, which of a participant would be a call like any other: they no longer do.
    """
    _processes._children = set()
    for key, each in list(_mp._afterfork_registry.items()):
        if hasattr(type(each), "_callmethod"):  # of proxies alone
            del _mp._afterfork_registry[key]
    _mp._finalizer_registry.clear()
    _mp._run_after_forkers()


def _begin_process(output: str) -> None:
    """Write to a file from now on, and have a group of its own."""
    write_to(output)
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
