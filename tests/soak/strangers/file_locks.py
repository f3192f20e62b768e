"""Locks in files."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import fasteners
import lockfile
import pid
import portalocker
import zc.lockfile
from filelock import FileLock, SoftFileLock, Timeout
from flufl.lock import Lock as FluflLock
from ilock import ILock
from lockfile.linklockfile import LinkLockFile
from lockfile.mkdirlockfile import MkdirLockFile
from oslo_concurrency import lockutils
from sherlock import FileLock as SherlockFileLock

from tests.soak.strangers.kit import add, as_many_as_true, counted, one_true, use, zero


@use("portalocker", right=True, reset=zero, invariant=counted)
def portalocker_around() -> None:
    with portalocker.Lock("count.lock", timeout=10):
        add()


@use("portalocker", right=True, reset=zero, invariant=counted)
def portalocker_in_place() -> None:
    with portalocker.Lock("count", "r+", timeout=10) as file:
        count = int(file.read()) + 1
        file.seek(0)
        file.truncate()
        file.write(str(count))
        file.flush()


@use("portalocker", right=False, reset=zero, invariant=counted)
def portalocker_in_place_not_flushed() -> None:
    """Its documentation says to flush: the lock is given back before the file is closed, and so written."""
    with portalocker.Lock("count", "r+", timeout=10) as file:
        count = int(file.read()) + 1
        file.seek(0)
        file.truncate()
        file.write(str(count))


@use("portalocker", right=False, reset=zero, invariant=counted)
def portalocker_truncates() -> None:
    count = int(Path("count").read_text())
    with portalocker.Lock("count", "w", timeout=10) as file:
        file.write(str(count + 1))


@use("portalocker", right=True, reset=zero, invariant=as_many_as_true)
def portalocker_bounded() -> bool:
    try:
        with portalocker.BoundedSemaphore(1, directory=".", name="one", timeout=0.5):
            add()
            return True
    except portalocker.AlreadyLocked:
        return False


@use("fasteners", right=True, reset=zero, invariant=counted)
def fasteners_process_lock() -> None:
    with fasteners.InterProcessLock("count.lock"):
        add()


@use("fasteners", right=False, reset=zero, invariant=counted)
def fasteners_read_lock() -> None:
    lock = fasteners.InterProcessReaderWriterLock("count.lock")
    with lock.read_lock():
        add()


@use("fasteners", right=False, reset=zero, invariant=counted)
def fasteners_not_asked() -> None:
    lock = fasteners.InterProcessLock("count.lock")
    lock.acquire(blocking=False)
    try:
        add()
    finally:
        with suppress(Exception):
            lock.release()


@use("filelock", right=True, reset=zero, invariant=counted)
def filelock_soft() -> None:
    with SoftFileLock("count.lock"):
        add()


@use("filelock", right=True, reset=zero, invariant=as_many_as_true)
def filelock_soft_or_not() -> bool:
    try:
        with SoftFileLock("count.lock", blocking=False):
            add()
            return True
    except Timeout:
        return False


@use("filelock", right=False, reset=zero, invariant=counted)
def filelock_two_names(who: int) -> None:
    with FileLock(f"count.{who}.lock"):
        add()


@use("filelock", right=False, reset=zero, invariant=counted)
def filelock_late() -> None:
    count = int(Path("count").read_text())
    with FileLock("count.lock"):
        Path("count").write_text(str(count + 1))


@use("filelock", right=True, options="--threads 2", reset=zero, invariant=counted)
def filelock_threads() -> None:
    with FileLock("count.lock"):
        add()


@use("zc.lockfile", right=True, reset=zero, invariant=as_many_as_true)
def zc_lockfile_or_not() -> bool:
    try:
        lock = zc.lockfile.LockFile("count.lock", content_template="{pid};{hostname}")
    except zc.lockfile.LockError:
        return False
    add()
    lock.close()
    return True


@use("lockfile", right=True, reset=zero, invariant=counted)
def lockfile_lock() -> None:
    with lockfile.LockFile("count"):
        add()


@use("lockfile", right=True, reset=zero, invariant=counted)
def lockfile_link() -> None:
    with LinkLockFile("count"):
        add()


@use("lockfile", right=True, reset=zero, invariant=counted)
def lockfile_mkdir() -> None:
    with MkdirLockFile("count"):
        add()


@use("lockfile", right=False, reset=zero, invariant=counted)
def lockfile_asks_first() -> None:
    lock = LinkLockFile("count")
    if not lock.is_locked():
        add()


@use("flufl.lock", right=False, reset=zero, invariant=counted)
def flufl_lock() -> None:
    """The lock is a lease of 15 s: who stands still for longer loses it, and fails when it gives it back."""
    with FluflLock("count.lock"):
        add()


@use("pid", right=False, reset=zero, invariant=as_many_as_true)
def pid_file_one_error() -> bool:
    """There is a second error, for who finds the number of a process that runs before it tries the lock."""
    try:
        with pid.PidFile("only", piddir="."):
            add()
            return True
    except pid.PidFileAlreadyLockedError:
        return False


@use("pid", right=True, reset=zero, invariant=as_many_as_true)
def pid_file_any_error() -> bool:
    try:
        with pid.PidFile("only", piddir="."):
            add()
            return True
    except pid.PidFileError:
        return False


@use("oslo.concurrency", right=True, reset=zero, invariant=counted)
def oslo_external() -> None:
    with lockutils.lock("count", lock_file_prefix="app-", external=True, lock_path="."):
        add()


@use("oslo.concurrency", right=False, reset=zero, invariant=counted)
def oslo_internal_only() -> None:
    with lockutils.lock("count"):
        add()


@use("oslo.concurrency", right=True, options="--threads 2", reset=zero, invariant=counted)
@lockutils.synchronized("count")
def oslo_synchronized() -> None:
    add()


@use("ilock", right=False, reset=zero, invariant=counted)
def ilock_lock() -> None:
    """The file is unlinked before the lock is given back, so who has it open already locks a file without a name."""
    with ILock("count", lock_directory="."):
        add()


@use("sherlock", right=True, reset=zero, invariant=counted)
def sherlock_file() -> None:
    lock = SherlockFileLock("count", client=Path(), expire=60, timeout=10)
    with lock:
        add()


@use("stdlib", right=False, reset=zero, returned=one_true)
def check_then_pid() -> bool:
    if Path("only.pid").exists():
        return False
    Path("only.pid").write_text("1")
    return True
