"""A second judge of locks: tiny protocols, and every interleaving of two processes that use one, by brute force.

A protocol is a list of operations that take the lock, each of which may refuse it, and a list that lets it go. The
interpreter shares no code with the lab: it knows one file name, the files that it has stood for, who has which of them
open and locked, and nothing else. `ProtocolLock` makes the same operations for real.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

Operation = Literal["create", "look", "open", "flock", "try flock", "same file", "if old", "unlink", "close"]

TAKES: tuple[Operation, ...] = ("create", "look", "open", "flock", "try flock", "same file", "if old", "unlink")
RELEASES: tuple[Operation, ...] = ("unlink", "close")
OLD = 60  # seconds


@dataclass(frozen=True)
class Protocol:
    """How a lock is taken and let go. With `finally_`, it is let go also by who was refused.

    "if old" makes the next operation only if there is a file, and an old one.
    """

    take: tuple[Operation, ...]
    release: tuple[Operation, ...]
    finally_: bool = False


class ProtocolLock:
    """A protocol as a lock of real files."""

    def __init__(self, path: Path, protocol: Protocol) -> None:
        self.path, self.protocol, self.file = path, protocol, -1

    def acquire(self) -> bool:
        skip = False
        for operation in self.protocol.take:
            if skip:
                skip = False
                continue
            if operation == "if old":
                skip = not self._is_old()
            elif not self._make(operation):
                if self.protocol.finally_:
                    self.release()
                self._make("close")
                return False
        return True

    def release(self) -> None:
        for operation in self.protocol.release:
            self._make(operation)

    def _is_old(self) -> bool:
        try:
            return time.time() - self.path.stat().st_mtime > OLD
        except FileNotFoundError:
            return False

    def _make(self, operation: Operation) -> bool:
        match operation:
            case "create":
                try:
                    os.close(os.open(self.path, os.O_CREAT | os.O_EXCL))
                except FileExistsError:
                    return False
            case "look":
                return not self.path.exists()
            case "open":
                self._make("close")
                self.file = os.open(self.path, os.O_CREAT | os.O_RDWR)
            case "flock" | "try flock":
                return self.file < 0 or self._flocked(wait=operation == "flock")
            case "same file":
                return self.file < 0 or self._stands_for()
            case "unlink":
                self.path.unlink(missing_ok=True)
            case _:
                if self.file >= 0:
                    os.close(self.file)
                self.file = -1
        return True

    def _flocked(self, *, wait: bool) -> bool:
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _stands_for(self) -> bool:
        try:
            return self.path.stat().st_ino == os.fstat(self.file).st_ino
        except FileNotFoundError:
            return False


Step = Operation | Literal["in", "out", "refused"]


class Process(NamedTuple):
    """Where a process is in its visits, the file that it has open (0 for none), and whether it is inside."""

    left: tuple[Step, ...]
    file: int = 0
    inside: bool = False


class World(NamedTuple):
    """The file that the name stands for (0 for none), who made each file, who has it locked, and the processes."""

    named: int
    makers: tuple[int, ...]
    locked: frozenset[tuple[int, int]]
    processes: tuple[Process, ...]


NOBODY = -1


class Interpreter:
    """Tries every interleaving of two processes that visit by a protocol.

    `visits` says how often each comes; `stale` lays out an old file. If the second one `comes_late`, it finds old what
    the first one made.
    """

    def __init__(self, protocol: Protocol, visits: int, *, stale: bool = False, comes_late: bool = False) -> None:
        self.protocol, self.visits, self.stale, self.comes_late = protocol, visits, stale, comes_late

    def admits_two(self) -> bool:
        """Whether two processes are inside at once in some interleaving."""
        visit: tuple[Step, ...] = (*self.protocol.take, "in", "out", *self.protocol.release)
        process = Process(visit * self.visits)
        seen = {World(int(self.stale), (NOBODY, NOBODY) if self.stale else (NOBODY,), frozenset(), (process, process))}
        open_ = list(seen)
        while open_:
            world = open_.pop()
            if all(one.inside for one in world.processes):
                return True
            for following in self._following(world):
                if following not in seen:
                    seen.add(following)
                    open_.append(following)
        return False

    def _following(self, world: World) -> Iterator[World]:
        for who, process in enumerate(world.processes):
            if process.left:
                following = self._made(world, who, process.left[0])
                if following is not None:
                    yield following

    def _made(self, world: World, who: int, step: Step) -> World | None:
        """Return the world after a process's next step, or None if it has to wait."""
        me = world.processes[who]
        after = me._replace(left=me.left[1:])
        match step:
            case "in" | "out":
                after = after._replace(inside=step == "in")
            case "create" | "look" if world.named:
                return self._refused(world, who)
            case "create":
                world = _with_new_file(world, who)
            case "open":
                world = _closed(world if world.named else _with_new_file(world, who), who)
                after = after._replace(file=world.named)
            case "flock" | "try flock" if me.file:
                if any(file == me.file and other != who for file, other in world.locked):
                    return None if step == "flock" else self._refused(world, who)
                world = world._replace(locked=world.locked | {(me.file, who)})
            case "same file" if me.file and me.file != world.named:
                return self._refused(world, who)
            case "if old" if not self._finds_old(world, who) and after.left[0] != "in":
                after = after._replace(left=after.left[1:])
            case "unlink":
                world = world._replace(named=0)
            case "close":
                world, after = _closed(world, who), after._replace(file=0)
        return _with(world, who, after)

    def _finds_old(self, world: World, who: int) -> bool:
        maker = world.makers[world.named]
        return world.named > 0 and (maker == NOBODY or (self.comes_late and who == 1 and maker == 0))

    def _refused(self, world: World, who: int) -> World:
        """Return the world in which a process gives this visit up."""
        left = world.processes[who].left
        rest = left[left.index("out") + 1 + len(self.protocol.release) :]
        release: tuple[Step, ...] = self.protocol.release if self.protocol.finally_ else ()
        return _with(world, who, world.processes[who]._replace(left=(*release, "close", *rest)))


def _with(world: World, who: int, process: Process) -> World:
    processes = list(world.processes)
    processes[who] = process
    return world._replace(processes=tuple(processes))


def _with_new_file(world: World, who: int) -> World:
    return world._replace(named=len(world.makers), makers=(*world.makers, who))


def _closed(world: World, who: int) -> World:
    return world._replace(locked=frozenset(lock for lock in world.locked if lock[1] != who))
