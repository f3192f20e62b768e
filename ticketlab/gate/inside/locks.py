"""The locks of multiprocessing: an uncontended semaphore makes no call, and where it is taken matters to the search."""

from __future__ import annotations

import os
from multiprocessing.process import current_process

from .telling import as_told, is_quiet, named_by_line, operation, tell, wraps

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from collections.abc import Callable
    from typing import Any, Final

_RECURSIVE: Final = 0


def patch(module: Any) -> None:
    """Have all kinds of locks tell before they are taken and given back."""
    _patch_making(module.SemLock)
    semlock = module.SemLock

    def make_methods(self: Any) -> None:
        self.acquire = _acquiring(self._semlock)
        self.release = _releasing(self._semlock)

    semlock._make_methods = make_methods
    semlock._make_name = staticmethod(lambda: _name_of_its_own(semlock))
    semlock.__enter__ = lambda self: self.acquire()
    semlock.__exit__ = lambda self, *_error: self.release()
    _patch_event(module.Event)


def _name_of_its_own(semlock: Any) -> str:
    """Return a name for a semaphore that no other execution has, and that the same schedule gives again.

    The numbers that a program draws are the same in each execution, and where processes are not forked from the one
    that makes a semaphore, it keeps its name, which other labs would meet.
    """
    prefix = current_process()._config["semprefix"]  # type: ignore[attr-defined]
    return f"{prefix}-{os.getpid()}-{next(semlock._rand)}"


def _patch_making(semlock: Any) -> None:
    make = semlock.__init__

    @wraps(make)
    def made(self: Any, *arguments: Any, **named: Any) -> None:
        make(self, *arguments, **named)
        if not is_quiet():
            tell("name", self._semlock.handle, named_by_line(type(self).__name__))

    semlock.__init__ = made


def _acquiring(lock: Any) -> Callable[..., bool]:
    take, address = lock.acquire, lock.handle

    @wraps(take)
    def acquire(block: bool = True, timeout: float | None = None) -> bool:
        if is_quiet() or (lock.kind == _RECURSIVE and lock._is_mine()):
            return bool(take(block, timeout))
        if not block or (timeout is not None and timeout <= 0):
            tell("try", address)
            return bool(take(False))
        told = tell("acquire", address, "" if timeout is None else timeout)
        return bool(take(True, timeout if told or timeout is None else 0))

    return acquire


def _releasing(lock: Any) -> Callable[[], None]:
    give, address = lock.release, lock.handle

    @wraps(give)
    def release() -> None:
        if not is_quiet() and not (lock.kind == _RECURSIVE and lock._count() > 1):
            tell("release", address)
        give()

    return release


def _patch_event(event: Any) -> None:
    make, wait = event.__init__, event.wait

    @wraps(make)
    def made(self: Any, *arguments: Any, **named: Any) -> None:
        make(self, *arguments, **named)
        if not is_quiet():
            tell("name", self._flag._semlock.handle, named_by_line("Event"))

    @wraps(wait)
    def waits(self: Any, timeout: float | None = None) -> bool:
        flag = self._flag._semlock.handle
        fields = ("wait for", "word", flag, "", f"s{flag}", "" if timeout is None else timeout)
        return as_told(fields, lambda told: bool(wait(self, timeout if told else 0)))

    event.__init__, event.wait = made, waits
    for name, action in (("set", "set"), ("clear", "clear"), ("is_set", "read")):
        setattr(event, name, _on_flag(getattr(event, name), action))


def _on_flag(method: Callable[[Any], Any], action: str) -> Callable[[Any], Any]:
    @wraps(method)
    def told(self: Any) -> Any:
        return operation((action, "word", self._flag._semlock.handle, "", "", ""), method, self)

    return told
