"""The leader of an execution: it starts the commands, and takes whoever has ended and has nobody else to do so."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from ticketlab.gate.kernel import children_of_thread, exit_code_of, state_of
from ticketlab.gate.listener import Listener, Stop
from ticketlab.gate.processes import Process
from ticketlab.gate.sight import Sight

_CLONE_VFORK: Final = 0x4000
STARTS: Final = frozenset({"clone", "fork", "vfork", "clone3"})
_WAITS: Final = "wait4"
_ASKS: Final = ("access", "faccessat")


def flags_of_start(process: Process, stop: Stop, name: str) -> int:
    """Return the flags of a call that starts a thread or another process, 0 if it has none."""
    if name == "clone3":
        return process.number(stop.arguments[0], 8)
    return stop.arguments[0] if name == "clone" else 0


def waits_for_child(name: str, flags: int) -> bool:
    """Whether a call that starts another process has its own wait until that has become another program (vfork(2))."""
    return name == "vfork" or bool(flags & _CLONE_VFORK)


class Leader:
    """The process that starts so many commands, one after another: each has come before the next one is started."""

    def __init__(self, pid: int, commands: int, listener: Listener, names: Mapping[int, str]) -> None:
        self.process = Process(pid, "")
        self._commands = commands
        self._listener = listener
        self._names = names
        self._starts = 0  # how many commands it has started
        self._lends = False  # its memory, to a command that is about to be executed
        self._waits: Stop | None = None  # until the command that it started has come
        self._rests: Stop | None = None  # before it takes those who have ended
        self.asks: Stop | None = None
        """The call by which it asks for another execution: it has nobody left."""
        self.takes = False
        """Whether it is just taking somebody who has ended."""
        self._settled = 0  # how many had ended when nobody was left to take
        self.process.open()

    def lead(self, stop: Stop) -> None:
        """Answer it, unless it has to wait: for the command that it started, or for an end that is not known yet."""
        self.takes = False
        if self._starts > self.process.children:
            self._waits = stop
            return
        name = self._names.get(stop.number, "")
        if name == _WAITS:
            self._rests = stop
            return
        if name in _ASKS:
            self.asks = stop
            return
        if name in STARTS:
            self._starts += 1
            self._lends = waits_for_child(name, flags_of_start(self.process, stop, name))
        self._listener.go_on(stop)

    def is_becoming(self, stop: Stop) -> bool:
        """Whether a call is made on the way to a command, which begins when it is executed."""
        name = self._names.get(stop.number, "")
        becomes = self._lends and not name.startswith("exit")
        self._lends = becomes and not name.startswith("execve")
        return becomes

    def command_came(self) -> None:
        """Have it go on, if it waits for the command that has come."""
        if self._waits is not None and self._starts <= self.process.children:
            stop, self._waits = self._waits, None
            self.lead(stop)

    @property
    def is_kept_waiting(self) -> bool:
        """Whether it waits until the command that it started has come."""
        return self._waits is not None

    @property
    def is_done(self) -> bool:
        """Whether it has started all commands, or has ended."""
        state = state_of(self.process.pid)
        return state not in ("R", "D") and (state != "S" or self._starts >= self._commands)

    def take(self, sight: Sight, ended: Collection[Process], *, alive: bool) -> bool:
        """Have it take one who has ended, after it is noted how: nobody can ask for that later.

        Return whether there is one, or nobody at all who is `alive`.
        """
        if self._rests is None or (alive and self._settled == len(ended)):
            return False
        children = children_of_thread(self.process.pid)
        dead = [child for child in children if state_of(child) == "Z"]
        if children and not dead:
            self._settled = len(ended)
            return False
        for child in dead:
            known = sight.processes.get(child)
            if known is not None and known.exits_with is None:
                known.exits_with = exit_code_of(child)
        stop, self._rests = self._rests, None
        self.takes = bool(dead)
        self._listener.go_on(stop)
        return True
