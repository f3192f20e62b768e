"""Numbers that a process draws from the kernel: from the seed, so that each execution can be run again."""

from __future__ import annotations

from typing import Final

from ticketlab.core.steps import Action, Step
from ticketlab.gate.calls.call import Reply, StoppedCall
from ticketlab.gate.calls.family import Arguments
from ticketlab.gate.processes import Task
from ticketlab.gate.sight import Sight

_MOST: Final = 1 << 20


def chance(sight: Sight, task: Task, address: int, size: int) -> StoppedCall:
    """Return the call that fills a part of a process's memory."""
    count = min(size, _MOST)
    step = Step(Action.READ, f"chance of {task.name}", private=True)

    def attempt() -> Reply | None:
        task.process.write(address, sight.chance_of(task.process).draw(count))
        return Reply(count)

    return StoppedCall(step, attempt=attempt)


def get_random(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
    """Return a call of getrandom(2)."""
    return chance(sight, task, arguments[0], arguments[1])
