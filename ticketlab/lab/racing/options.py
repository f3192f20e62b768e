"""How a scenario is raced live: who starts the buyers, what holds them up, and what may befall them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ticketlab.core.spec import Spec
from ticketlab.timings.latency import Latency

if TYPE_CHECKING:
    from ticketlab.core.faults import FaultRate

MEMORY_MB: Final = 1024
"""Far more than any purchase needs, and far less than what 100 buyers could take together."""


@dataclass(frozen=True, slots=True)
class RaceOptions:
    """How a scenario is raced.

    `timeout` is in seconds; `trace` says whether steps are recorded beside requests; a `folder` that is named is kept.
    `timeline` asks for the timeline, which needs the steps. `memory_mb` is how much memory a buyer in a process of its
    own may take, in MiB, beyond what it had at the start; 0 sets no limit. `faults` strike at random, by the scenario's
    seed; where there are any, buyers none of whom has moved for `stall_timeout` seconds count as blocked for ever.
    """

    launcher: Spec = field(default_factory=lambda: Spec("process"))
    latency: Latency = field(default_factory=lambda: Latency({}))
    timeout: float = 60.0
    trace: bool = True
    folder: Path | None = None
    timeline: bool = False
    memory_mb: int = MEMORY_MB
    faults: tuple[FaultRate, ...] = ()
    stall_timeout: float = 5.0
