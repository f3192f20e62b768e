"""What the gate knows of one execution: the processes, what their descriptors are of, and what these are called."""

from __future__ import annotations

import os
import socket
from collections import Counter, deque
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager, suppress
from typing import Final

from ticketlab.core.file_names import FileName
from ticketlab.core.steps import Access, Action
from ticketlab.gate.chance import Chance
from ticketlab.gate.database_locks import EVERY_CALL, DatabaseUse, calls_on
from ticketlab.gate.descriptors import (
    Opened,
    Sort,
    descriptors_of,
    flags_of,
    is_same_opening,
    pid_behind,
    pipes_device,
    sort_of,
    terminal_of,
)
from ticketlab.gate.file_use import FileUse
from ticketlab.gate.inherited import Inherited
from ticketlab.gate.memory_names import MemoryNames
from ticketlab.gate.names import FileNames, behind_descriptor, without_number
from ticketlab.gate.processes import Process, Task
from ticketlab.gate.servers import Servers

AT_FDCWD: Final = (1 << 32) - 100
_WITH_PLACES: Final = (Sort.FILE, Sort.FOLDER)


class Sight:
    """The files, pipes, sockets and pieces of memory of one execution, by names that the same schedule gives again.

    What has no name of its own is called by the process that made it, and the how manieth it was there.
    """

    def __init__(self, folder: str, outputs: str, temporary: str, seed: int, servers: Servers | None = None) -> None:
        self._outputs = outputs + "/"
        self.pids: dict[str, str] = {}
        self.processes: dict[int, Process] = {}
        self.names = FileNames(folder, outputs, temporary, self.pids)
        self._seed = seed
        self._chance: dict[str, Chance] = {}
        self.points: Set[str] = frozenset()
        """The resources that are known to be touched by several participants, and changed by one of them."""
        self.outside: dict[str, None] = {}
        """What was done that the gate cannot control, in sentences."""
        self.output: list[tuple[Process, bytes]] = []
        """Who wrote what to its output, in order."""
        self._opened: dict[int, dict[int, Opened]] = {}
        self._channels: dict[int, str] = {}
        self.servers = servers or Servers(patience=0)
        """The servers outside the program to which it is connected."""
        self.bound: set[str] = set()
        """The addresses at which participants listen."""
        self.ports: dict[int, str] = {}
        """What the ports are called that the kernel has chosen for participants."""
        self._connecting: dict[str, deque[str]] = {}
        self._made: Counter[str] = Counter()
        self.memory = MemoryNames(self.names, self.name_made, self.numbered)
        self._after: dict[int, Callable[[], None]] = {}
        self._inherited: set[int] = set()  # the files that were open when a process was forked, by inode
        self.waits_for: dict[int, int] = {}
        """By process: whose record lock it waits for."""
        self.wakes_unseen = False
        """Whether something that is not controlled may end a wait: a timer, a file that is watched."""
        self.recorded = False
        """Whether anybody has locked a part of a file."""
        self.woken: Counter[str] = Counter()
        """How many of those who wait for a word in memory have been woken, by its name."""
        self.referents: dict[str, str] = {}
        """What the objects behind proxies are called, by their identity at their server."""
        self.held: dict[str, tuple[Task | None, int]] = {}
        """Who holds a manager's lock, and how often."""
        self.databases = DatabaseUse()
        self.files = FileUse()
        self.served: set[str] = set()
        """The sockets at whose other end somebody only answers."""

    # Processes

    def enter(self, process: Process) -> None:
        """Take in a process that has appeared."""
        self.processes[process.pid] = process
        self.pids[str(process.pid)] = f"{{pid {process.name}}}"
        parent = process.parent
        above = parent.pid if parent else 0
        opened = self._opened.setdefault(above, {})
        if parent is not None and parent.name:  # what the leader has open is nobody's business
            if parent.threads:  # another one may have opened others by now
                opened = dict(opened)
            for descriptor in descriptors_of(process.pid):
                if descriptor not in opened and (file := self._look_up(process, descriptor, parent)) is not None:
                    opened[descriptor] = file
            inherited = (file for file in opened.values() if file.sort in _WITH_PLACES and file.name)
            self._inherited.update(file.inode for file in inherited)
        self._opened[process.pid] = dict(opened)
        self.memory.enter(process.pid, above)

    def became_another(self, process: Process) -> None:
        """Take down that a process is about to run another program."""
        process.forked = False
        for task in process.tasks:
            task.clock = 0
        process.forget_memory()
        left, known = set(descriptors_of(process.pid)), self._opened[process.pid]
        events = {each: file for each, file in known.items() if each in left and file.sort is Sort.EVENTS}
        self._opened[process.pid] = events  # all others are looked up again; these have no number of their own
        self.memory.forget(process.pid)

    def leave(self, process: Process) -> None:
        """Forget a process that has ended; its name stays, since others may still speak of its number."""
        self.processes.pop(process.pid, None)
        self._opened.pop(process.pid, None)
        process.close()

    def name_of_ended(self, pid: int) -> str:
        """Return what a process was called that has ended; its number, if it was none of the program's."""
        return self.pids.get(str(pid), str(pid)).removeprefix("{pid ").removesuffix("}")

    def cannot_control(self, process: Process, sentence: str) -> None:
        """Take down what a process does that nobody here can see or order."""
        self.outside[f"process {process.name} {sentence}"] = None

    def sets_timer(self, process: Process) -> None:
        """Take down that a process has the kernel send a signal at a time, which does not pass here."""
        self.wakes_unseen = True
        self.cannot_control(process, "sets a timer, and when that goes off is not controlled")

    def after(self, task: Task, look: Callable[[], None]) -> None:
        """Have a look taken when a thread's call is done, at its next stop."""
        self._after[task.thread] = look

    def after_too(self, task: Task, look: Callable[[], None]) -> None:
        """Have a look taken, before the one that waits already for the thread's call to be done."""
        other = self._after.get(task.thread, lambda: None)
        self._after[task.thread] = lambda: (look(), other())[1]  # type: ignore[func-returns-value]

    def call_is_done(self, task: Task) -> None:
        """Take the look that waits for a thread's call to be done."""
        if self._after and (look := self._after.pop(task.thread, None)):
            with suppress(OSError):
                look()

    def name_made(self, process: Process, what: str) -> str:
        """Return a name for something that a process makes: "pipe 1.2"."""
        key = f"{what} {process.name}"
        self._made[key] += 1
        return f"{key}.{self._made[key]}"

    def numbered(self, name: str) -> str:
        """Return a name for something that is made where others may be made as well: "Lock shop.py:3#2"."""
        self._made[name] += 1
        return name if self._made[name] == 1 else f"{name}#{self._made[name]}"

    def referent(self, identity: str) -> str:
        """Return what the object behind a proxy is called."""
        if identity not in self.referents:
            self.referents[identity] = self.numbered("object")
        return self.referents[identity]

    def by_calls(self, database: str) -> bool:
        """Whether each call on a database is a step, since not everybody tells of its statements."""
        return EVERY_CALL in self.points or calls_on(database) in self.points

    def chance_of(self, process: Process) -> Chance:
        """Return what draws a process's numbers: the same in each execution, whoever drew before."""
        name = process.name
        if name not in self._chance:
            self._chance[name] = Chance(f"{self._seed} {name}")
        return self._chance[name]

    def inherit(self, inherited: Inherited) -> None:
        """Take in what all processes share from the beginning."""
        self._inherited |= inherited.files
        self._channels |= inherited.channels
        self.memory.files |= inherited.memory

    # Descriptors

    def opened(self, process: Process, descriptor: int) -> Opened | None:
        """Return what a descriptor is of; None if it is of nothing."""
        known = self._opened[process.pid]
        try:
            return known[descriptor]
        except KeyError:
            file = self._look_up(process, descriptor, process)
            if file is not None:
                known[descriptor] = file
            return file

    def open_files(
        self, process: Process, *, until_exec: bool = False, within: range | None = None
    ) -> Iterator[Opened]:
        """Yield what a process's descriptors are of, those `within` a range.

        `until_exec`: of those that another program does not inherit.
        """
        for descriptor in descriptors_of(process.pid):
            if within is not None and descriptor not in within:
                continue
            if until_exec and not flags_of(process.pid, descriptor) & os.O_CLOEXEC:
                continue
            file = self.opened(process, descriptor)
            if file is not None:
                yield file

    def place_in(self, file: Opened) -> tuple[Access, ...]:
        """Return what it is to others if a process moves on in an open file: the place belongs to all who share it."""
        return ((Action.SET, f"place in {file.name}"),) if file.inode in self._inherited else ()

    def shares_places(self, process: Process) -> None:
        """Take down that a process hands on descriptors: the places in its files belong to others as well."""
        self._inherited.update(file.inode for file in self.open_files(process) if file.sort in _WITH_PLACES)

    def closed(self, process: Process, descriptor: int) -> None:
        """Forget what a descriptor was of."""
        self._opened[process.pid].pop(descriptor, None)

    def closed_many(self, process: Process) -> None:
        """Forget what all descriptors were of."""
        self._opened[process.pid].clear()

    def _look_up(self, process: Process, descriptor: int, owner: Process) -> Opened | None:
        """Return what a descriptor is of; what has no name yet is called by its owner."""
        link = f"/proc/{process.pid}/fd/{descriptor}"
        try:
            found = os.stat(link)
        except OSError:
            return None
        sort = sort_of(found)
        if sort is Sort.FILE or sort is Sort.FOLDER:
            return self._file(sort, found, os.readlink(link))
        if sort is Sort.PIPE and found.st_dev != pipes_device():
            path = os.readlink(link)
            place = self.names.place(path)
            return Opened(sort, place.path if place else "", found.st_ino, path)
        if sort in (Sort.PIPE, Sort.SOCKET):
            return Opened(sort, self.channel(owner, found.st_ino, sort.value), found.st_ino)
        if sort is Sort.TERMINAL:
            with self.copy(process, descriptor) as copy:
                name = self._channels.get(~terminal_of(copy, found), "")
            return Opened(sort, name, found.st_ino)
        if sort is not Sort.EVENTS:
            return Opened(sort, "", found.st_ino)
        return self._events(process, descriptor, owner, found.st_ino)

    def _events(self, process: Process, descriptor: int, owner: Process, inode: int) -> Opened:
        """Return what a descriptor is of that has no inode of its own: the same as another that is known, or new."""
        if (awaited := self.processes.get(pid_behind(process.pid, descriptor))) is not None:
            return Opened(Sort.EVENTS, f"process {awaited.name}", inode)
        for pid, opened in self._opened.items():
            for other, file in opened.items():
                if file.sort is Sort.EVENTS and is_same_opening(process.pid, descriptor, pid, other):
                    return file
        return Opened(Sort.EVENTS, f"events of {owner.name}", inode)

    def opens_terminal(self, process: Process, descriptor: int) -> None:
        """Take in a pseudo-terminal that a process has made; those of others are nobody's business."""
        with self.copy(process, descriptor) as copy:
            number = terminal_of(copy, os.fstat(copy))
        self._channels[~number] = self.name_made(process, Sort.TERMINAL.value)
        self.cannot_control(process, "makes a terminal, and what that does by itself is not controlled")

    def _file(self, sort: Sort, found: os.stat_result, path: str) -> Opened:
        removed = path.endswith(" (deleted)")
        path = path.removesuffix(" (deleted)")
        if removed:
            path = without_number(path)
        if path.startswith(self._outputs):
            return Opened(Sort.OUTPUT, "", found.st_ino, path)
        place = self.names.place(path)
        if place is None:
            return Opened(sort, "", found.st_ino, path)
        name = self.names.known(found, removed=removed) or self.names.data(found, place)
        return Opened(sort, name, found.st_ino, path, place.path if place.path != name else "")

    def channel(self, process: Process, inode: int, what: str) -> str:
        """Return what a pipe or a socket is called."""
        known = self._channels.get(inode)
        if known is None:
            known = self._channels[inode] = self.name_made(process, what)
        return known

    def name_channel(self, inode: int, name: str) -> None:
        """Call a pipe or a socket by a name, if there is one."""
        if name:
            self._channels[inode] = name

    def connect(self, listener: str, inode: int, name: str) -> None:
        """Call a socket by a name that asks for a connection, and soon the listener's end of it as well."""
        self._channels[inode] = name
        self._connecting.setdefault(listener, deque()).append(name)

    def next_connection(self, listener: str) -> str:
        """Return what the connection is called that a listener accepts next."""
        waiting = self._connecting.get(listener)
        return waiting.popleft() if waiting else ""

    @contextmanager
    def copy(self, process: Process, descriptor: int) -> Iterator[int]:
        """Have a copy of a process's descriptor for a while."""
        copy = process.copy_of(descriptor)
        try:
            yield copy
        finally:
            os.close(copy)

    @contextmanager
    def socket_of(self, process: Process, descriptor: int) -> Iterator[socket.socket]:
        """Have a process's socket for a while; raises OSError if the descriptor is of none."""
        with self.copy(process, descriptor) as copy:
            copied = socket.socket(fileno=copy)
            try:
                yield copied
            finally:
                copied.detach()

    # Paths

    def absolute(self, process: Process, text: str, folder: int = AT_FDCWD) -> str:
        """Return the absolute path that a process means; "" if it means none."""
        if text.startswith("/"):
            return behind_descriptor(process.pid, text)
        folder &= (1 << 32) - 1
        if folder == AT_FDCWD:
            return f"{process.stands_in()}/{text}" if text else process.stands_in()
        try:
            above = os.readlink(f"/proc/{process.pid}/fd/{folder}")
        except OSError:
            return ""
        return f"{above}/{text}" if text else above

    def place(self, absolute: str, *, follows: bool = False) -> FileName | None:
        """Return the name that a path is, now, if it `follows` links; from its text alone otherwise."""
        return self.names.followed(absolute) if follows else self.names.place(absolute)

    # Memory that is shared

    def maps(self, process: Process, descriptor: int) -> None:
        """Take down that a process maps a file so that others see what it writes there."""
        if shown := self.memory.maps(process, descriptor):
            self.outside[f"{shown} is memory that processes share: what they do there is not seen"] = None
