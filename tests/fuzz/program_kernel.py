"""What a kernel does for programs, one call at a time: names, files, locks, a pipe, processes. Written from man pages.

A call that has to wait returns None and changes nothing. Nothing of the lab is used here.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

Result = Any
FOLDER = None  # what an inode holds that is a folder
DEADLOCK = 2  # what a record lock says that would wait for itself
READ_END, WRITE_END = "read end", "write end"


@dataclass(slots=True)
class Opened:
    """An open file: processes that come of one another share it, its place and its flock."""

    inode: int
    place: int = 0
    appends: bool = False
    flock: str = ""


@dataclass(slots=True)
class Kernel:
    """All that processes share. Processes are told by numbers, and descriptors by words that a process chooses."""

    names: dict[str, int] = field(default_factory=dict)
    inodes: dict[int, str | None] = field(default_factory=dict)
    opened: dict[int, Opened] = field(default_factory=dict)
    descriptors: dict[tuple[int, str], int] = field(default_factory=dict)
    records: dict[int, int] = field(default_factory=dict)  # the process that has locked an inode
    waits: dict[int, int] = field(default_factory=dict)  # the inode whose record lock a process waits for
    pipe: str = ""
    ends: set[tuple[int, str]] = field(default_factory=set)
    parents: dict[int, int] = field(default_factory=dict)
    dead: dict[int, int] = field(default_factory=dict)
    reaped: set[int] = field(default_factory=set)
    output: dict[int, str] = field(default_factory=dict)

    def copy(self) -> Kernel:
        """Return a copy that shares nothing."""
        return deepcopy(self)

    def key(self) -> str:
        """Return what is the same for the same state."""
        opened = sorted((number, one.inode, one.place, one.appends, one.flock) for number, one in self.opened.items())
        sorts: list[dict[Any, Any]] = [
            self.names,
            self.inodes,
            self.descriptors,
            self.records,
            self.waits,
            self.dead,
            self.output,
        ]
        return repr(([sorted(each.items()) for each in sorts], opened, self.pipe, sorted(self.ends), self.reaped))

    def call(self, who: int, request: tuple[Any, ...]) -> Result:
        """Do a call for a process; return its result, or None if it has to wait."""
        does: Callable[..., Result] = getattr(self, "do_" + request[0])
        return does(who, *request[1:])

    def finals(self) -> tuple[tuple[str, str | None], ...]:
        """Return the files as they are, by name."""
        return tuple(sorted((name, self.inodes[inode]) for name, inode in self.names.items()))

    def make(self, name: str, holds: str | None) -> int:
        """Make a file or a folder."""
        inode = max(self.inodes, default=0) + 1
        self.inodes[inode] = holds
        self.names[name] = inode
        return inode

    def _is_folder(self, name: str) -> bool:
        return name in self.names and self.inodes[self.names[name]] is FOLDER

    # Files

    def do_open(self, who: int, word: str, name: str, how: str) -> Result:
        """Open a file: r reads, w empties, a appends, x makes anew, l reads and writes; 1, or what was wrong."""
        inode = self.names.get(name)
        if how == "r" and inode is None:
            return -1
        if how == "x" and inode is not None:
            return 0
        if how != "r" and self._is_folder(name):
            return -3
        if inode is None:
            inode = self.make(name, "")
        if how == "w":
            self.inodes[inode] = ""
        number = max(self.opened, default=0) + 1
        self.opened[number] = Opened(inode, appends=how == "a")
        self.descriptors[who, word] = number
        return 1

    def do_read(self, who: int, word: str, most: int) -> Result:
        """Read on; the text, or -3 of a folder."""
        one = self.opened[self.descriptors[who, word]]
        holds = self.inodes[one.inode]
        if holds is FOLDER:
            return -3
        text = holds[one.place : one.place + most]
        one.place += len(text)
        return text

    def do_write(self, who: int, word: str, text: str) -> Result:
        """Write at the place where the open file stands, or at the end."""
        one = self.opened[self.descriptors[who, word]]
        holds = self.inodes[one.inode] or ""
        if one.appends:
            one.place = len(holds)
        before = holds[: one.place].ljust(one.place, "\0")
        self.inodes[one.inode] = before + text + holds[one.place + len(text) :]
        one.place += len(text)
        return 1

    def do_close(self, who: int, word: str) -> Result:
        """Close a descriptor: the last one gives back the flock, each one the process's record locks of the file."""
        number = self.descriptors.pop((who, word))
        inode = self.opened[number].inode
        if self.records.get(inode) == who:
            del self.records[inode]
        if number not in self.descriptors.values():
            del self.opened[number]
        return 1

    # Names

    def do_exists(self, _who: int, name: str) -> Result:
        """Say whether a name is there."""
        return int(name in self.names)

    def do_size(self, _who: int, name: str) -> Result:
        """Say how long a file is; -1 if it is not there, 0 of a folder."""
        return len(self.inodes[self.names[name]] or "") if name in self.names else -1

    def do_list(self, _who: int) -> Result:
        """Say how many names there are."""
        return len(self.names)

    def do_mkdir(self, _who: int, name: str) -> Result:
        """Make a folder."""
        if name in self.names:
            return 0
        self.make(name, FOLDER)
        return 1

    def do_rmdir(self, _who: int, name: str) -> Result:
        """Remove a folder."""
        if not self._is_folder(name):
            return 0
        del self.names[name]
        return 1

    def do_unlink(self, _who: int, name: str) -> Result:
        """Remove a file's name."""
        if name not in self.names or self._is_folder(name):
            return 0
        del self.names[name]
        return 1

    def do_link(self, _who: int, old: str, new: str) -> Result:
        """Give a file another name."""
        if old not in self.names or new in self.names or self._is_folder(old):
            return 0
        self.names[new] = self.names[old]
        return 1

    def do_rename(self, _who: int, old: str, new: str) -> Result:
        """Rename, in place of what has the new name; two names of one file are left alone."""
        if old not in self.names:
            return 0
        if new in self.names:
            if self._is_folder(old) != self._is_folder(new):
                return 0
            if self.names[old] == self.names[new]:
                return 1
        self.names[new] = self.names.pop(old)
        return 1

    # Locks

    def do_flock(self, who: int, word: str, how: str, waits: bool) -> Result:
        """Lock an open file, x alone or s with others; to change what one has gives it back first."""
        one = self.opened[self.descriptors[who, word]]
        others = [each.flock for each in self.opened.values() if each is not one and each.inode == one.inode]
        if one.flock == how:
            return 1
        if "x" in others or (how == "x" and "s" in others):
            if not waits:
                one.flock = ""
            return None if waits else 0
        one.flock = how
        return 1

    def do_unflock(self, who: int, word: str) -> Result:
        """Give a flock back."""
        self.opened[self.descriptors[who, word]].flock = ""
        return 1

    def do_lockf(self, who: int, word: str, waits: bool) -> Result:
        """Lock a whole file for a process; who begins to wait says so first, and whoever closes a ring is refused."""
        inode = self.opened[self.descriptors[who, word]].inode
        holder = self.records.get(inode, who)
        if holder == who:
            self.waits.pop(who, None)
            self.records[inode] = who
            return 1
        if not waits:
            return 0
        while holder in self.waits:
            if self.waits[holder] not in self.records:
                return None
            holder = self.records[self.waits[holder]]
            if holder == who:
                return DEADLOCK
        return None

    def begins_to_wait(self, who: int, request: tuple[Any, ...]) -> bool:
        """Note what beginning to wait changes: a flock is lost, a ring of record locks is seen; whether it was news."""
        if request[0] == "flock":
            one = self.opened[self.descriptors[who, request[1]]]
            had, one.flock = one.flock, ""
            return bool(had)
        if request[0] != "lockf" or who in self.waits:
            return False
        self.waits[who] = self.opened[self.descriptors[who, request[1]]].inode
        return True

    def do_unlockf(self, who: int, word: str) -> Result:
        """Give a record lock back."""
        inode = self.opened[self.descriptors[who, word]].inode
        if self.records.get(inode) == who:
            del self.records[inode]
        return 1

    # A pipe

    def do_pipe(self, who: int) -> Result:
        """Make the pipe."""
        self.ends |= {(who, READ_END), (who, WRITE_END)}
        return 1

    def do_send(self, _who: int, letter: str) -> Result:
        """Write a letter; -1 if nobody can read it any more."""
        if not any(end == READ_END for _, end in self.ends):
            return -1
        self.pipe += letter
        return 1

    def do_receive(self, _who: int) -> Result:
        """Read a letter; "" if there is none and nobody can write one any more."""
        if not self.pipe:
            return None if any(end == WRITE_END for _, end in self.ends) else ""
        letter, self.pipe = self.pipe[0], self.pipe[1:]
        return letter

    def do_shut(self, who: int, end: str) -> Result:
        """Close an end."""
        self.ends.discard((who, end))
        return 1

    # Processes

    def do_fork(self, who: int, child: int) -> Result:
        """Start a child, which shares what is open."""
        self.parents[child] = who
        for (one, word), number in list(self.descriptors.items()):
            if one == who:
                self.descriptors[child, word] = number
        self.ends |= {(child, end) for one, end in self.ends if one == who}
        return 1

    def do_exit(self, who: int, code: int) -> Result:
        """End a process; all that it has open is closed."""
        for one, word in [each for each in self.descriptors if each[0] == who]:
            self.do_close(one, word)
        for inode in [inode for inode, holder in self.records.items() if holder == who]:
            del self.records[inode]
        self.ends = {each for each in self.ends if each[0] != who}
        self.waits.pop(who, None)
        self.dead[who] = code
        return 1

    def do_kill(self, _who: int, child: int) -> Result:
        """Kill a child; 0 if it is gone."""
        if child in self.reaped or child not in self.parents:
            return 0
        if child not in self.dead:
            self.do_exit(child, -9)
        return 1

    def do_wait(self, _who: int, child: int, waits: bool) -> Result:
        """Wait for a child's end; ("ended", code), ("alive", 0) or ("none", 0)."""
        if child in self.reaped or child not in self.parents:
            return ("none", 0)
        if child not in self.dead:
            return None if waits else ("alive", 0)
        self.reaped.add(child)
        return ("ended", self.dead[child])

    def do_wait_any(self, who: int) -> Result:
        """Wait for the end of any child; which it was, the eldest first, or -1 if there is none."""
        children = [child for child, parent in sorted(self.parents.items()) if parent == who]
        left = [child for child in children if child not in self.reaped]
        ended = [child for child in left if child in self.dead]
        if ended:
            self.reaped.add(ended[0])
            return ended[0]
        return None if left else -1

    def do_print(self, who: int, text: str) -> Result:
        """Print."""
        self.output[who] = self.output.get(who, "") + text
        return 1
