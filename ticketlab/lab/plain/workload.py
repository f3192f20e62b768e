"""A plain function as a workload: participants that call it once each, in a folder laid out anew for each execution."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, chdir, contextmanager
from pathlib import Path
from typing import Any, Final

from ticketlab.core import mutants
from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.core.pacing import BEGINNING, moving
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.engine.pacer import ExecutionAborted
from ticketlab.lab.artifacts.race_folder import fastest, live_folder
from ticketlab.lab.exploring.stopping import SearchStopped, stops_search
from ticketlab.lab.plain.function import FRESH, CallOutcome, PlainFunction, bound, call_outcome, raised_text
from ticketlab.probes.chance import begin_draws
from ticketlab.probes.clock import LEADING
from ticketlab.probes.file_system.inodes import Inodes
from ticketlab.probes.held import standing_in_held
from ticketlab.probes.here import HERE, BrokenOff
from ticketlab.probes.unseen import Watch, unseen

_NUMBER: Final = re.compile(r"\d+")
_LAID_OUT_BEFORE_S: Final = 0.001


def process_name(who: int) -> str:
    """Return how people call a participant."""
    return f"{HERE.shared.participant} {who + 1}"


class PlainWorkload:
    """The participants of a plain function; `folder` is where they stand while the workload is open."""

    def __init__(self, plain: PlainFunction) -> None:
        self.plain = plain
        self.scripts: Sequence[Sequence[int]] = [[who] for who in range(1, 1 + plain.processes)]
        self.folder = Path.cwd()
        self.watch: Watch | None = None  # what is told of each execution when it begins
        self.unseen: dict[str, str] = {}
        self._inodes = Inodes()
        self._leading = os.getpid()
        self._laid_out = False
        self._taken = ExitStack()
        self._lay_out: Callable[[], object] = _nothing

    def open(self) -> Sequence[Callable[[], None]]:
        """Make the folder, and stand in it; nobody serves the participants."""
        with ExitStack() as stack:
            if self.plain.folder == FRESH:
                home = stack.enter_context(live_folder(under=fastest()))
                self.folder = home / "work"
                self.folder.mkdir()
                stack.enter_context(chdir(self.folder))
            else:
                self.folder = Path.cwd()
            if self.watch is not None:
                self.watch.folder = self.folder
            resources = HERE.resources
            stack.callback(resources.share, resources.inodes, resources.folder)
            resources.share(self._inodes, str(self.folder))
            if self.plain.reset is not None:
                self._lay_out = bound(self.plain.reset, {"folder": self.folder, **self.plain.fixtures})
            stack.enter_context(standing_in_held(self._roots))
            self._find_shared()
            self._taken = stack.pop_all()
        return ()

    def _find_shared(self) -> None:
        """Find what participants share in memory, which `reset` may make, before they are forked."""
        shared = HERE.shared
        if not (shared.is_open and self._laid_out):
            with _in_reset():
                self._empty_servers()
                laid_out(self._lay_out)
        if not shared.is_open:
            shared.open(self._roots)

    def _empty_servers(self) -> None:
        for server in self.plain.servers:
            server.empty()

    @property
    def _roots(self) -> Mapping[str, object]:
        plain = self.plain
        return {"": plain.function, "reset": plain.reset, "invariant": plain.invariant, **plain.fixtures}

    def participant_name(self, who: int) -> str:
        """Return how people call a participant; executors ask."""
        return process_name(who)

    def pids(self) -> dict[str, int]:
        """Return the participants by the digits of their process numbers."""
        return self._inodes.pids()

    def note_unseen(self, execution: Execution) -> None:
        """Take down what was done in the execution that just ran without a step, if it was watched."""
        if self.watch is not None:
            pids = self.pids()
            events = {repeatable(path, pids): done for path, done in self.watch.events().items()}
            trace = execution.trace
            steps = [trace.table.step(what) for what in trace.what]
            self.unseen.update(unseen(events, steps))
            changed = {name for step in steps for action, name in step.accesses if not action.looks}
            self.unseen.update(dict.fromkeys(HERE.shared.changed_without(changed), "changed"))

    def close(self) -> None:
        """Remove the folder, and go back to where the test is."""
        self._taken.close()

    def reset(self) -> None:
        """Empty the folder and have it laid out."""
        self._inodes.restart()
        if self.plain.folder == FRESH:
            _empty(self.folder)
        HERE.shared.restore()
        self._empty_servers()
        with _in_reset():
            laid_out(self._lay_out)
        if not self._laid_out:
            self._laid_out = True
            if any(path.is_symlink() for path in self.folder.rglob("*")):
                self._inodes.link()
        if self.watch is not None:
            self.watch.restart()
            HERE.shared.watch()

    @contextmanager
    def join(self, buyer: int) -> Iterator[Callable[[int], CallOutcome]]:
        """Take part: call the function, once for each execution."""
        called = bound(self.plain.function, {"folder": self.folder, **self.plain.fixtures, "who": buyer})
        if self.plain.in_tasks:
            called = _awaited(called)
        called = mutants.around(called)
        self._inodes.enter(buyer, os.getpid())

        def perform(who: int) -> CallOutcome:
            HERE.begin(who)
            try:
                outcome = call_outcome(called)
                if moving() is None:  # what was raised to end the call has been caught on its way
                    raise BrokenOff
                HERE.finish()
                return outcome
            except BrokenOff:
                raise ExecutionAborted from None
            except BaseException as error:
                if stops_search(error, self._leading):
                    raise SearchStopped(error) from None
                raise
            finally:
                HERE.end()

        yield perform


@contextmanager
def _in_reset() -> Iterator[None]:
    """Let what is made, drawn and read from clocks meanwhile be the same each time."""
    begin_draws()
    with HERE.shared.in_reset(), LEADING.showing(BEGINNING - _LAID_OUT_BEFORE_S):
        yield


def lay_out_folder(plain: PlainFunction, folder: Path) -> None:
    """Have a folder and servers laid out; raises UsageError if that fails."""
    for server in plain.servers:
        server.empty()
    if plain.reset is not None:
        laid_out(bound(plain.reset, {"folder": folder, **plain.fixtures}))


def laid_out(lay_out: Callable[[], object]) -> None:
    """Call what lays out a folder; raises UsageError if it fails."""
    try:
        lay_out()
    except TicketlabError:
        raise
    except Exception as error:
        raise UsageError(f"reset raises {raised_text(error)}: it has to lay out the folder") from error


def repeatable(text: str, pids: Mapping[str, int]) -> str:
    """Return a text with participants in place of their process numbers, which differ from one search to another."""
    return _NUMBER.sub(lambda match: f"{{pid{pids[match[0]]}}}" if match[0] in pids else match[0], text)


def _awaited(call: Callable[[], Any]) -> Callable[[], Any]:
    """Return a function that has a coroutine function take part as a task, to its end."""
    from ticketlab.probes.asyncio_tasks.loop import LOOP  # and so asyncio

    return lambda: LOOP.run(call())


def _nothing() -> None:
    """Lay nothing out."""


def _empty(folder: Path) -> None:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path)
                else:
                    os.unlink(entry.path)  # noqa: PTH108 - before each execution, and a Path takes twice as long
    except OSError as error:
        raise TicketlabError(f"cannot empty {folder}: {error.strerror or error}") from error
