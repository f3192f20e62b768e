"""The listener of a filter: one stopped call after another, and the lab's answers (seccomp_unotify(2))."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import struct
from contextlib import suppress
from typing import Final, NamedTuple

_STOPPED: Final = struct.Struct("QI4xiI8x6Q")
_ANSWER: Final = struct.Struct("QqiI")
_EMPTY: Final = bytes(_STOPPED.size)
_RECEIVE: Final = 0xC0502100
_SEND: Final = 0xC0182101
_IS_VALID: Final = 0x40082102
_SET_FLAGS: Final = 0x40082104
_WAKE_IN_STEP: Final = 1  # who is answered runs at once on the same core: half of the time of an answer
_GO_ON: Final = 1


class Stop(NamedTuple):
    """A stopped call: its cookie, the thread that makes it, the call's number and its six arguments.

    `audit` is the kind of processor that the number is of.
    """

    cookie: int
    thread: int
    number: int
    audit: int
    arguments: tuple[int, ...]


class Listener:
    """The descriptor at which stopped calls are read and answered."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)
        self._buffer = bytearray(_EMPTY)
        self.closed = False
        """Whether nobody is left whose calls could be stopped."""
        with suppress(OSError):  # Linux 6.6
            fcntl.ioctl(descriptor, _SET_FLAGS, _WAKE_IN_STEP)

    def close(self) -> None:
        """Give the descriptor back; whoever is stopped then gets ENOSYS."""
        os.close(self._descriptor)

    def receive(self, milliseconds: float) -> Stop | None:
        """Return the next stopped call; None if none comes within so many milliseconds, or its thread has died."""
        events = self._poll.poll(milliseconds)
        if not events:
            return None
        if not events[0][1] & select.POLLIN:
            self.closed = True
            return None
        buffer = self._buffer
        buffer[:] = _EMPTY  # the kernel insists
        try:
            fcntl.ioctl(self._descriptor, _RECEIVE, buffer)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EINTR):
                return None
            raise
        cookie, thread, number, audit, *arguments = _STOPPED.unpack(buffer)
        return Stop(cookie, thread, number, audit, tuple(arguments))

    def go_on(self, stop: Stop) -> bool:
        """Have the kernel perform the call; return whether its thread still waited."""
        return self._send(_ANSWER.pack(stop.cookie, 0, 0, _GO_ON))

    def answer(self, stop: Stop, value: int) -> bool:
        """Have the call return a value, and the kernel not perform it; a negative one is an error's number."""
        if value < 0:
            return self._send(_ANSWER.pack(stop.cookie, 0, value, 0))
        return self._send(_ANSWER.pack(stop.cookie, value, 0, 0))

    def _send(self, message: bytes) -> bool:
        try:
            fcntl.ioctl(self._descriptor, _SEND, message)
        except OSError as error:
            if error.errno == errno.ENOENT:
                return False
            raise
        return True

    def is_valid(self, stop: Stop) -> bool:
        """Whether the thread of a stopped call still waits for its answer."""
        try:
            fcntl.ioctl(self._descriptor, _IS_VALID, struct.pack("Q", stop.cookie))
        except OSError:
            return False
        return True
