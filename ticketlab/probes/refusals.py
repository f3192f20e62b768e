"""What a participant must end with, whatever the function makes of the exception that it is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NoReturn

from ticketlab.core.errors import UsageError
from ticketlab.probes.here import HERE

WRONG: Final[list[BaseException]] = []
"""The exceptions of the participant that is at work; its call ends with the last one."""


def end_with(error: BaseException) -> NoReturn:
    """End the participant with an exception, and raise it."""
    WRONG.append(error)
    raise error


def refuse(text: str) -> NoReturn:
    """End the participant, which makes what the lab cannot follow; raises UsageError."""
    end_with(UsageError(text))


def quietly(call: Callable[[], None]) -> None:
    """Make a destructor's steps; what they raise must not be lost, if it ends the participant."""
    if not HERE.acts():
        return
    HERE.acting = False
    try:
        call()
    except Exception:
        HERE.go_on()
    except BaseException as error:
        WRONG.append(error)
    else:
        HERE.go_on()


def raise_refusal() -> None:
    """Raise what the participant's call must end with, if anything."""
    if WRONG:
        raise WRONG.pop()
