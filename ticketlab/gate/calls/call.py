"""A stopped call as a step, and how it can be answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from ticketlab.core.steps import Step


class Reply(NamedTuple):
    """How a stopped call goes on: the kernel performs it or, with a value, it returns that (an error if negative)."""

    value: int | None = None


GO_ON: Final = Reply()
NOTHING_CAME: Final = Reply(0)


class Made(NamedTuple):
    """What a call turned out to be when it was its turn; `refused` says that it changes nothing."""

    step: Step
    refused: bool = False


def _goes_on() -> Reply | None:
    return GO_ON


@dataclass(slots=True)
class StoppedCall:
    """A call that may concern others.

    `step` is the most that it may be, from its arguments alone: nobody may look before its turn. `attempt` says how it
    is answered now, or None if it has to wait; only a call that `waits` may. `found` looks what the step is, right
    before the answer. `until` is how long it waits at most, in seconds, and then it is answered as `expired`. `asleep`
    says that it only lets time pass, so many seconds; `ends` that its thread, or its whole process, is about to end.
    `written` has the descriptor, the address and the size of what it writes. `comes` says whether what it waits for has
    come from outside the program: then it goes on at once, as part of the step that asked for it. `came` says what the
    step has turned out to be when its thread has gone on, and `inner` that the call is part of another step. `restarts`
    says that a signal that comes while the thread stands here is delivered first, as it would be right before the call.
    """

    step: Step
    waits: bool = False
    attempt: Callable[[], Reply | None] = _goes_on
    found: Callable[[], Made] | None = None
    until: float | None = None
    expired: Reply = NOTHING_CAME
    asleep: float | None = None
    ends: bool = False
    written: tuple[int, int, int] | None = None
    comes: Callable[[], bool] | None = None
    came: Callable[[], Made | None] | None = None
    inner: bool = False
    restarts: bool = False
