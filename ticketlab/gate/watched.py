"""What a process looks at in a folder: which names, which parts of which files, which sizes.

The process runs freely under the filter: each of its calls stops for a moment, is noted, and goes on. Whoever did not
look at something cannot have been swayed by it. So what is noted may be more than what was looked at, and never less.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, NoReturn

from ticketlab.core.errors import TicketlabError
from ticketlab.core.system.lifeline import die_with_parent
from ticketlab.gate.filter import LETS_BY, filter_program, install
from ticketlab.gate.kernel import read_proc
from ticketlab.gate.listener import Listener, Stop
from ticketlab.gate.numbers import names_by_number, supported_machine
from ticketlab.gate.processes import Process

ByteSpan = tuple[int, int]
_WHOLE: Final[ByteSpan] = (0, 1 << 62)
_AT_FDCWD: Final = (1 << 32) - 100
_PATHS: Final = {
    **dict.fromkeys(("open", "creat", "stat", "lstat", "access", "readlink", "truncate", "chmod", "unlink"), (0, None)),
    **dict.fromkeys(("rmdir", "mkdir", "mknod", "chdir", "execve", "chown", "lchown", "utime", "utimes"), (0, None)),
    **dict.fromkeys(("openat", "openat2", "newfstatat", "statx", "faccessat", "faccessat2", "readlinkat"), (1, 0)),
    **dict.fromkeys(("unlinkat", "mkdirat", "mknodat", "fchmodat", "fchmodat2", "fchownat", "utimensat"), (1, 0)),
    **dict.fromkeys(("futimesat", "execveat"), (1, 0)),
    **dict.fromkeys(("getxattr", "lgetxattr", "setxattr", "lsetxattr"), (0, None)),
}
"""Where the path of a call stands, and the descriptor of the folder from which it is meant."""
_TWO_PATHS: Final = {
    **dict.fromkeys(("rename", "link"), ((0, None), (1, None))),
    **dict.fromkeys(("renameat", "renameat2", "linkat"), ((1, 0), (3, 2))),
    "symlink": ((1, None),),
    "symlinkat": ((2, 1),),
}
_SIZES: Final = ("stat", "lstat", "newfstatat", "statx")
_REMOVES: Final = ("rmdir", "unlinkat")
_READS: Final = ("read", "readv")
_READS_AT: Final = {"pread64": 3, "preadv": 3}
_SOURCES: Final = {"preadv2": 0, "sendfile": 1, "copy_file_range": 0, "splice": 0, "tee": 0, "mmap": 4}
_TELL_SIZE: Final = ("fstat", "lseek", "write", "writev", "fallocate")
_LISTS: Final = ("getdents64", "getdents")
_HIDDEN: Final = ("ioctl", "io_uring_setup", "io_setup", "open_by_handle_at", "chroot", "mount", "pivot_root")
_POLL_MS: Final = 20
_NOTED: Final = frozenset({*_PATHS, *_TWO_PATHS, *_READS, *_READS_AT, *_SOURCES, *_TELL_SIZE, *_LISTS, *_HIDDEN})


@dataclass(slots=True)
class Looks:
    """What was looked at, by paths within the folder as it was at the beginning ("" is the folder itself).

    `everything` says that it cannot be told, so that all of it counts.
    """

    names: set[str] = field(default_factory=set)
    listed: set[str] = field(default_factory=set)
    sizes: set[str] = field(default_factory=set)
    data: dict[str, set[ByteSpan]] = field(default_factory=dict)
    everything: bool = False

    def add(self, other: Looks) -> None:
        """Take in what somebody else looked at."""
        self.names |= other.names
        self.listed |= other.listed
        self.sizes |= other.sizes
        for path, spans in other.data.items():
            self.data.setdefault(path, set()).update(spans)
        self.everything |= other.everything


class Watched:
    """Runs processes that look at one folder, in which `paths` has the place of each inode at the beginning."""

    def __init__(self, folder: str, paths: dict[tuple[int, int], str]) -> None:
        self._folder = os.path.realpath(folder)
        self._paths = paths
        self._names = names_by_number(supported_machine().column)
        self.looks = Looks()
        self._processes: dict[int, Process] = {}

    def run(self, act: Callable[[], object], seconds: float) -> int | None:
        """Run a function in a process of its own, and return its exit code; None if it did not end in time.

        The code is negative if a signal ended it. All that it has started is killed.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        filter_program(_NOTED)  # made once, and not again in each fork
        lab, pid = os.getpid(), os.fork()
        if pid == 0:
            _perform(act, theirs, lab)
        theirs.close()
        with ours:
            message, descriptors, _, _ = socket.recv_fds(ours, 256, 1, socket.MSG_CMSG_CLOEXEC)
        if not descriptors:
            os.waitpid(pid, 0)
            raise TicketlabError(message.decode() or "a process that was to be watched ended before it began")
        listener = Listener(descriptors[0])
        try:
            return self._serve(listener, pid, time.monotonic() + seconds)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            listener.close()
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)
            for process in self._processes.values():
                process.close()
            self._processes.clear()

    def _serve(self, listener: Listener, pid: int, deadline: float) -> int | None:
        ended = select.poll()
        handle = os.pidfd_open(pid)
        ended.register(handle, select.POLLIN)
        try:
            while time.monotonic() < deadline:
                stop = listener.receive(_POLL_MS)
                if stop is not None:
                    self._note(stop)
                    listener.go_on(stop)
                elif ended.poll(_POLL_MS if listener.closed else 0):
                    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        finally:
            os.close(handle)
        return None

    def _note(self, stop: Stop) -> None:
        name, arguments = self._names.get(stop.number, ""), stop.arguments
        if name in _PATHS:
            self._path(stop, name, *_PATHS[name])
        elif name in _TWO_PATHS:
            for place in _TWO_PATHS[name]:
                self._path(stop, name, *place)
        elif name in _READS or name in _READS_AT:
            self._read(stop, arguments[0], arguments[_READS_AT[name]] if name in _READS_AT else None)
        elif name in _SOURCES:
            self._descriptor(stop, arguments[_SOURCES[name]], _WHOLE)
        elif name in _TELL_SIZE:  # a write by its place, if it appends
            self._descriptor(stop, arguments[0], None)
        elif name in _LISTS:
            if (path := self._opened(stop, arguments[0])) is not None:
                self.looks.listed.add(path)
        elif name in _HIDDEN:
            self.looks.everything = True

    def _process(self, thread: int) -> Process:
        if thread not in self._processes:
            self._processes[thread] = Process(thread, "")
        return self._processes[thread]

    def _path(self, stop: Stop, name: str, place: int, above: int | None) -> None:
        text = self._process(stop.thread).text(stop.arguments[place])
        descriptor = _AT_FDCWD if above is None else stop.arguments[above] & 0xFFFFFFFF
        if not text:
            if above is not None:
                self._descriptor(stop, descriptor, None)
            return
        if not text.startswith("/"):
            whence = "cwd" if descriptor == _AT_FDCWD else f"fd/{descriptor}"
            with suppress(OSError):
                text = f"{os.readlink(f'/proc/{stop.thread}/{whence}')}/{text}"
        for absolute in {os.path.normpath(text), os.path.realpath(text)}:
            if not absolute.startswith(f"{self._folder}/"):
                continue
            within = absolute.removeprefix(f"{self._folder}/")
            parts = within.split("/")
            self.looks.names.update("/".join(parts[:end]) for end in range(1, len(parts) + 1))
            self._file_at(name, absolute)

    def _file_at(self, name: str, absolute: str) -> None:
        try:
            found = os.stat(absolute)
        except OSError:
            return
        if name.startswith("rename") and os.path.isdir(absolute):
            self.looks.everything = True  # what is below is called otherwise from now on
        path = self._paths.get((found.st_dev, found.st_ino))
        if path is not None and name in _REMOVES:  # a folder is removed only if it is empty
            self.looks.listed.add(path)
        if path is not None and (name in _SIZES or name.startswith("exec")):
            self.looks.sizes.add(path)
            if name not in _SIZES:
                self.looks.data.setdefault(path, set()).add(_WHOLE)

    def _opened(self, stop: Stop, descriptor: int) -> str | None:
        try:
            found = os.stat(f"/proc/{stop.thread}/fd/{descriptor & 0xFFFFFFFF}")
        except OSError:
            return None
        return self._paths.get((found.st_dev, found.st_ino))

    def _descriptor(self, stop: Stop, descriptor: int, span: ByteSpan | None) -> None:
        """Note a look at the size of a file, and at a part of it."""
        path = self._opened(stop, descriptor)
        if path is not None:
            self.looks.sizes.add(path)
            if span is not None:
                self.looks.data.setdefault(path, set()).add(span)

    def _read(self, stop: Stop, descriptor: int, offset: int | None) -> None:
        path = self._opened(stop, descriptor)
        if path is None:
            return
        if offset is None:
            about = read_proc(f"/proc/{stop.thread}/fdinfo/{descriptor & 0xFFFFFFFF}")
            offset = int(about.partition(b"pos:")[2].split()[0])
        name, size = self._names[stop.number], stop.arguments[2]
        end = offset + size if name in ("read", "pread64") else _WHOLE[1]
        self._descriptor(stop, descriptor, (offset, end))


def _perform(act: Callable[[], object], channel: socket.socket, lab: int) -> NoReturn:
    """Run a function under the filter, in a process group of its own, and end; if the lab ends before, so does this."""
    code = 1
    try:
        die_with_parent(lab)
        gc.disable()  # it would touch all memory, which would have to be copied
        os.setpgid(0, 0)
        listener = install(_NOTED)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", listener))]
        channel.sendmsg([b"listener"], rights, LETS_BY)
        os.close(listener)
        channel.close()
        act()
        code = 0
    except TicketlabError as error:
        with suppress(OSError):
            channel.send(str(error).encode())
    finally:
        os._exit(code)
