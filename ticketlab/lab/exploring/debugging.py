"""A replay under Python's debugger: it stops at a step of one participant, and the others stay where they are.

The participant has the turn, so nobody else moves until its next scheduling point. Whatever is typed at the prompt runs
in the participant, on its own variables. The debugger reads from and writes to copies of the terminal's files that are
made before anybody starts: a process of multiprocessing has no standard input.
"""

from __future__ import annotations

import os
import pdb
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final, NamedTuple

import ticketlab
from ticketlab.core.errors import UsageError
from ticketlab.core.pacing import moving
from ticketlab.core.text import pluralize
from ticketlab.explorer.engine.scheduler import Scheduler
from ticketlab.explorer.engine.steps import NONE, describe_step
from ticketlab.explorer.policies.replay import ReplaySchedule
from ticketlab.lab.artifacts.race_folder import ALIVE, folders_of
from ticketlab.probes.here import HERE

_LAB: Final = str(Path(ticketlab.__file__).parent)
_ROOMS: Final = ("core", "explorer", "lab", "probes")
_OF_THE_LAB: Final = tuple(f"{_LAB}/{room}/" for room in _ROOMS)
_SKIPPED: Final = tuple(f"ticketlab.{room}.*" for room in _ROOMS)
_LIBRARY: Final = f"{sysconfig.get_path('stdlib')}/"
_PARTICIPANTS: Final = ("buyer", "process", "thread", "task")
_MOST: Final = 1_000_000
_MOST_SHOWN: Final = 200
"""How many bytes of a file `shared` shows."""


class StopAt(NamedTuple):
    """At which step of which participant a replay stops, both numbered from 0, and what participants are called."""

    who: int
    step: int
    called: str

    @classmethod
    def parse(cls, text: str) -> StopAt:
        """Read "buyer=2,step=3", numbered from 1; raises UsageError if it is something else."""
        numbers = dict(part.split("=", 1) for part in text.replace(" ", "").split(",") if part.count("=") == 1)
        called = next((name for name in _PARTICIPANTS if name in numbers), "")
        wanted = [numbers.pop(called, ""), numbers.pop("step", "1")]
        if numbers or not all(each.isascii() and each.isdigit() and 0 < int(each) < _MOST for each in wanted):
            raise UsageError(f"--pdb {text!r} names no step: write buyer=2,step=3 (or process=, thread=, task=)")
        return cls(int(wanted[0]) - 1, int(wanted[1]) - 1, called)


class ReplayDebugger:
    """Stops a replay; called by the scheduler in the participant that makes a step.

    It stops just before an access, and just after a lock, or whatever else was waited for, was got.
    """

    def __init__(self, stop: StopAt, read_from: int, write_to: int) -> None:
        self._stop, self._files = stop, (read_from, write_to)
        self._lab = os.getpid()
        self._prompt: _Prompt | None = None

    def refuse_unreachable(self, schedule: Sequence[int]) -> None:
        """Raise UsageError if the participant makes fewer steps in a schedule than it takes to stop."""
        who, step, called = self._stop
        if step >= (made := schedule.count(who)):
            raise UsageError(f"{called} {who + 1} makes {pluralize(made, 'step')} in this case, and no step {step + 1}")

    def __call__(self, scheduler: Scheduler, who: int) -> None:
        """Open the prompt if this is the step to stop at, or the next one after `point`."""
        if who != self._stop.who or type(scheduler.policy) is not ReplaySchedule:
            return
        if self._prompt is None:
            state = scheduler.state
            made = sum(state.who[place] == who for place in range(state.counters.length))
            if made != self._stop.step + 1:
                return
            self._prompt = _Prompt(self._stop, scheduler, self._lab, *self._files)
        elif not self._prompt.waits_for_point:
            return
        self._prompt.open(sys._getframe(1))


@contextmanager
def debugger(stop: StopAt) -> Iterator[ReplayDebugger]:
    """Make a debugger that talks to this process's standard input and output, wherever those lead later."""
    files = os.dup(0), os.dup(1)
    try:
        yield ReplayDebugger(stop, *files)
    finally:
        for each in files:
            os.close(each)


def _is_of_user(frame: FrameType) -> bool:
    """Whether a frame is neither the lab's, but for its stores and strategies, nor the standard library's."""
    name = frame.f_code.co_filename
    in_library = name.startswith(_LIBRARY) and "site-packages" not in name
    return not in_library and not name.startswith((*_OF_THE_LAB, "<"))


def _stack(frame: FrameType) -> Iterator[FrameType]:
    """Yield a frame, and those that called it."""
    above: FrameType | None = frame
    while above is not None:
        yield above
        above = above.f_back


class _Prompt(pdb.Pdb):
    """Python's debugger with two commands more: `point` goes to the next scheduling point, `shared` shows the rest."""

    def __init__(self, stop: StopAt, scheduler: Scheduler, lab: int, read_from: int, write_to: int) -> None:
        stdin = open(read_from, closefd=False, encoding="utf-8")  # noqa: SIM115 - as long as the participant lives
        stdout = open(write_to, "w", closefd=False, encoding="utf-8")  # noqa: SIM115
        super().__init__(stdin=stdin, stdout=stdout, skip=_SKIPPED, nosigint=True, readrc=False)
        self.waits_for_point = False
        self._stop, self._scheduler, self._lab = stop, scheduler, lab

    def open(self, frame: FrameType) -> None:
        """Talk to the user now, at the innermost frame of the user's that a frame was called from."""
        self.waits_for_point = False
        state = self._scheduler.state
        place = state.counters.length - 1
        self.message(f"{self._name(self._stop.who)} is at step {place + 1}: {self._step(state.what[place])}")
        stack = list(_stack(frame))
        mine = next((each for each in stack if _is_of_user(each)), frame)
        theirs = next((each for each in _stack(mine) if not _is_of_user(each)), None)
        sys.settrace(None)
        self.reset()
        self.botframe = theirs  # the stack that is shown ends there
        self.interaction(mine, None)
        if not self._goes_on:
            for each in _stack(mine):
                each.f_trace = self.trace_dispatch
            sys.settrace(self.trace_dispatch)

    @property
    def _goes_on(self) -> bool:
        """Whether the user has asked not to stop at the next line."""
        return self.stopframe is self.botframe and self.stoplineno == -1

    def trace_dispatch(self, frame: FrameType, event: str, arg: Any) -> Any:
        """Leave out what other participants of this process do."""
        if moving() not in (None, self._stop.who):
            return None
        acting, HERE.acting = HERE.acting, False  # what the debugger itself reads, such as the source, is no step
        try:
            return super().trace_dispatch(frame, event, arg)
        finally:
            HERE.acting = acting

    def _name(self, who: int) -> str:
        return f"{self._stop.called} {who + 1}"

    def _step(self, symbol: int) -> str:
        return describe_step(self._scheduler.state.table.step(symbol))

    def do_point(self, _arg: str) -> bool:
        """point: go on to the participant's next scheduling point; the others move between, as the schedule says."""
        self.waits_for_point = True
        self.set_continue()
        return True

    def do_shared(self, _arg: str) -> None:
        """shared: show the steps so far, before which step the others stand, and what is in the files."""
        state = self._scheduler.state
        for place in range(state.counters.length):
            self.message(f"{place + 1:3}  {self._name(state.who[place])}: {self._step(state.what[place])}")
        for who in range(state.size):
            if who != self._stop.who and state.pending[who] != NONE:
                self.message(f"{self._name(who)} stands before: {self._step(state.pending[who])}")
        for folder in folders_of(self._lab):
            for path in sorted(each for each in folder.rglob("*") if each.is_file() and each.name != ALIVE):
                content = path.read_bytes()
                more = " ..." if len(content) > _MOST_SHOWN else ""
                self.message(f"{path.name} holds {len(content)} bytes: {content[:_MOST_SHOWN]!r}{more}")

    def do_quit(self, arg: str) -> bool | None:
        """quit: go on to the end of the replay without stopping again."""
        return self.do_continue(arg)

    do_q = do_exit = do_EOF = do_quit  # noqa: N815 - a name of cmd.Cmd
