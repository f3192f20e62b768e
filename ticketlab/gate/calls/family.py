"""What the modules of stopped calls have in common: each says of its calls, by name, how they are taken."""

from __future__ import annotations

from collections.abc import Callable

from ticketlab.gate.calls.call import StoppedCall
from ticketlab.gate.processes import Task
from ticketlab.gate.sight import Sight

Arguments = tuple[int, ...]
Classify = Callable[[Sight, Task, Arguments], StoppedCall | None]
"""Takes a call with these arguments: what it is as a step, or None if it is nobody else's business."""
