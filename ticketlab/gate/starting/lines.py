"""The source line at which each thread of a Python program is, kept where another process can read it.

A trace function writes the line of the innermost frame of the user's own code into a table in memory. The table is
made before any fork, so it has the same address in every process that is forked, and each process has its own copy of
it. The lab reads the table of a process that stands still from outside; the process makes no call for it.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
import sysconfig
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

_MAGIC: Final = b"lines of threads"
_ROW: Final = struct.Struct("4Q")  # the thread's native number, the path's address and its length, the line
_EMPTY: Final = memoryview(bytes(_ROW.size)).cast("Q")
_THREADS: Final = 64
_SIZE: Final = len(_MAGIC) + _THREADS * _ROW.size
_STARTS: Final = range(len(_MAGIC) // 8, _SIZE // 8, 4)  # of the rows, in words of 8 bytes
_SPARE: Final = _SIZE // 8  # the start of a row that is never read

ReadMemory = Callable[[int, int], bytes]
"""Reads from a process: an address and a number of bytes in, the bytes out; raises OSError if nothing is there."""


def line_at(read_memory: ReadMemory, address: int, thread: int) -> tuple[str, int] | None:
    """Return the path and the line at which a thread is, from the table at an address; None if it is not known.

    It is not known of threads that have not been in the user's own code, of threads beyond the sixty-fourth of a
    process, and of processes that have executed another program since they were forked.
    """
    try:
        table = read_memory(address, _SIZE)
        if len(table) == _SIZE and table.startswith(_MAGIC):
            for row, path, length, line in _ROW.iter_unpack(table[len(_MAGIC) :]):
                if row == thread and line:
                    return os.fsdecode(read_memory(path, length)), line
    except OSError:
        pass  # another program's memory lies elsewhere
    return None


class _Row:
    """A row of the table, free again when its thread ends; if all are taken, the spare one."""

    def __init__(self, words: memoryview, free: list[int]) -> None:
        self._words, self._free = words, free
        self.start = free.pop() if free else _SPARE
        self._thread = threading.get_native_id()
        words[self.start] = self._thread

    def __del__(self) -> None:
        if self.start != _SPARE and self._words[self.start] == self._thread:  # otherwise a fork has given it away
            self._words[self.start : self.start + 4] = _EMPTY
            self._free.append(self.start)


class _Here(threading.local):
    """The calling thread's row."""

    def __init__(self, words: memoryview, free: list[int]) -> None:
        self.row = _Row(words, free)


class Lines:
    """The table, and the trace function that fills it."""

    def __init__(self) -> None:
        self._buffer = ctypes.create_string_buffer(_MAGIC, _SIZE + _ROW.size)
        self._words = memoryview(self._buffer).cast("B").cast("Q")
        self._paths: dict[str, tuple[bytes, int] | None] = {}
        self._folder = ""
        self._libraries: tuple[str, ...] = ()
        self.address: Final = ctypes.addressof(self._buffer)

    def follow(self, folder: str) -> None:
        """Write down from now on where this process and all that are forked from it are in the files below a folder."""
        self._folder = f"{folder}/"
        libraries = {f"{path}/" for path in sysconfig.get_paths().values()}
        self._libraries = tuple(path for path in libraries if path.startswith(self._folder))
        self._here = _Here(self._words, list(_STARTS))
        os.register_at_fork(after_in_child=self._start_again)
        threading.settrace(self._called)
        sys.settrace(self._called)

    def _start_again(self) -> None:
        """Keep the row of the thread that forked, which has a new number; the others are not in this process."""
        start = self._here.row.start
        kept = self._words[start + 1 : start + 4].tolist()
        for each in (*_STARTS, _SPARE):
            self._words[each : each + 4] = _EMPTY
        self._here = _Here(self._words, list(_STARTS))
        start = self._here.row.start
        self._words[start + 1], self._words[start + 2], self._words[start + 3] = kept

    def _called(self, frame: FrameType, event: str, argument: object) -> Callable[..., Any] | None:
        if self._path(frame.f_code.co_filename) is None:
            return None
        self._write(frame)
        return self._moved

    def _moved(self, frame: FrameType, event: str, argument: object) -> Callable[..., Any]:
        if event == "line":
            self._write(frame)
        elif event == "return":
            outer = frame.f_back
            while outer is not None and self._path(outer.f_code.co_filename) is None:
                outer = outer.f_back
            if outer is not None:
                self._write(outer)
        return self._moved

    def _write(self, frame: FrameType) -> None:
        path = self._path(frame.f_code.co_filename)
        if path is not None and frame.f_lineno:
            words, start = self._words, self._here.row.start
            words[start + 1], words[start + 2], words[start + 3] = path[1], len(path[0]), frame.f_lineno

    def _path(self, file: str) -> tuple[bytes, int] | None:
        """Return the path of a file of the user's own and the address where it stays; None for other files."""
        if file not in self._paths:
            own = file.startswith(self._folder) and not file.startswith(self._libraries)
            self._paths[file] = _in_memory(file) if own else None
        return self._paths[file]


def _in_memory(text: str) -> tuple[bytes, int]:
    kept = os.fsencode(text)
    return kept, ctypes.cast(ctypes.c_char_p(kept), ctypes.c_void_p).value or 0
