"""What the kernel says of processes and threads in /proc. Who is gone has no state, no children and no threads."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import Final, NamedTuple

_EXITING: Final = 4  # among the kernel's flags of a thread
_CHUNK: Final = 4096


def read_proc(path: str, *, whole: bool = False) -> bytes:
    """Return the beginning of a file of /proc, which holds most of them whole; nothing if the thread is gone.

    Without a file object it takes a third of the time, and these are read several times in each execution.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return b""
    try:
        data = part = os.read(descriptor, _CHUNK)
        while whole and part:
            data += (part := os.read(descriptor, _CHUNK))
        return data
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def _stat_of(thread: int) -> list[bytes]:
    """Return the words of /proc/N/stat from the state on, after the name, in which there may be spaces."""
    return read_proc(f"/proc/{thread}/stat").rpartition(b") ")[2].split()


def state_of(thread: int) -> str:
    """Return the letter for what the kernel says of a thread: R, S, D, Z ...; "" if it is gone."""
    words = _stat_of(thread)
    return words[0].decode() if words else ""


def is_ending(thread: int) -> bool:
    """Whether a thread has ended, or is about to and does nothing else."""
    words = _stat_of(thread)
    return not words or words[0] in (b"Z", b"X") or bool(int(words[6]) & _EXITING)


def parent_of(pid: int) -> int:
    """Return the number of a process's parent; 0 if it is gone."""
    words = _stat_of(pid)
    return int(words[1]) if words else 0


def exit_code_of(pid: int) -> int | None:
    """Return how a process ended whom nobody has waited for: its exit code or, negative, the signal."""
    words = _stat_of(pid)
    if not words:
        return None
    status = int(words[-1])
    return -(status & 127) if status & 127 else status >> 8 & 255


class Sleep(NamedTuple):
    """In which call a thread sleeps, and how often it has run: what stays as it is while it sleeps."""

    call: int
    runs: bytes


_NOT_TOLD: Final = Sleep(-1, b"")


def sleep_of(thread: int) -> Sleep | None:
    """Return what stays as it is while a thread sleeps in the kernel; None if it does not sleep.

    A thread that is about to sleep, and one that has been preempted just then, has the letter of sleep as well: only
    where the kernel tells the call in which it sleeps, it is off its processor. What stays is how often it has run. Who
    sleeps outside a call waits for memory, and goes on by itself.
    """
    call = read_proc(f"/proc/{thread}/syscall").partition(b" ")[0].strip()
    if call in (b"running", b"-1"):
        return None
    runs = read_proc(f"/proc/{thread}/schedstat") if call else b""
    return Sleep(int(call), runs) if runs else _NOT_TOLD  # a kernel without these tells no more than the letter


def status_of(thread: int, *names: str) -> list[str]:
    """Return fields of /proc/N/status by their names; all are "" if the thread is gone."""
    text = "\n" + read_proc(f"/proc/{thread}/status").decode()
    return [text.partition(f"\n{name}:")[2].partition("\n")[0].strip() for name in names]


def _signals(thread: int, *names: str) -> list[int]:
    return [int(mask or "0", 16) for mask in status_of(thread, *names)]


def has_signal(thread: int) -> bool:
    """Whether a signal is on its way to a thread, or to its process, that it catches and does not block."""
    mine, of_process, caught, blocked = _signals(thread, "SigPnd", "ShdPnd", "SigCgt", "SigBlk")
    return bool((mine | of_process) & caught & ~blocked)


def signals_of(pid: int) -> int:
    """Return the mask of the signals that are on their way to a process, or to its first thread."""
    mine, of_process = _signals(pid, "SigPnd", "ShdPnd")
    return mine | of_process


def catches(thread: int, number: int) -> bool:
    """Whether a process has a handler of its own for a signal, or ignores it."""
    caught, ignored = _signals(thread, "SigCgt", "SigIgn")
    return bool((caught | ignored) >> number - 1 & 1)


def threads_of(pid: int) -> list[int]:
    """Return the numbers of a process's threads."""
    try:
        return sorted(map(int, os.listdir(f"/proc/{pid}/task")))
    except OSError:
        return []


def children_of(pid: int) -> list[int]:
    """Return the numbers of a process's children, the oldest first."""
    return [child for thread in threads_of(pid) for child in children_of_thread(thread)]


def children_of_thread(thread: int) -> list[int]:
    """Return the numbers of the processes that a thread has started, the oldest first."""
    return [int(each) for each in read_proc(f"/proc/{thread}/task/{thread}/children", whole=True).split()]


def kill_descendants(pid: int) -> None:
    """Kill all that descends from a process, as far as it is there by now."""
    for child in children_of(pid):
        kill_descendants(child)
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
