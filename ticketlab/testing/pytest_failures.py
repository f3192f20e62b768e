"""What pytest raises in a function under test: a failure is the function's, and the rest concerns the whole test."""

from __future__ import annotations

import functools
import inspect
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest


def failing_as_assertion(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function, or a coroutine function, in which pytest.fail fails whoever calls it, and ends no search.

    What concerns the whole test goes through: skip, xfail, and a time-out, which a signal handler makes fail.
    """

    @functools.wraps(function)
    def call(*session: Any, **given: Any) -> Any:
        with _as_assertion():
            return function(*session, **given)

    @functools.wraps(function)
    async def await_call(**given: Any) -> Any:
        with _as_assertion():
            return await function(**given)

    return await_call if inspect.iscoroutinefunction(function) else call


@contextmanager
def _as_assertion() -> Iterator[None]:
    try:
        yield
    except pytest.fail.Exception as error:
        if isinstance(error, pytest.xfail.Exception) or _raised_by_a_signal(error):
            raise
        raise AssertionError(str(error)) from None


def _raised_by_a_signal(error: BaseException) -> bool:
    """Whether a signal handler of this process raised an exception."""
    handlers = (signal.getsignal(number) for number in signal.valid_signals())
    codes = {handler.__code__ for handler in handlers if inspect.isfunction(handler)}
    return any(frame.f_code in codes for frame, _ in traceback.walk_tb(error.__traceback__))
