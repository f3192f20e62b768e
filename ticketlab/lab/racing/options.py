"""The options of a live race: how buyers are started, delayed, limited, and which faults are injected."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ticketlab.core.spec import Spec
from ticketlab.timings.latency import Latency

if TYPE_CHECKING:
    from ticketlab.core.faults import FaultRate

MEMORY_MB: Final = 1024
"""The default limit of a buyer's memory: far more than a purchase needs, and far less than 100 buyers could take."""


@dataclass(frozen=True, slots=True)
class RaceOptions:
    """How a scenario is raced live.

    `timeout` is in seconds. `trace` records each buyer's steps beside its requests; `timeline` returns the timeline,
    which needs the steps. A named `folder` is kept. `memory_mb` is how much memory, in MiB, a buyer in a process of its
    own may take beyond what it had at the start; 0 sets no limit. `faults` are injected at random, by the scenario's
    seed. In a race with faults, the buyers that are left count as blocked for ever once none has moved for
    `stall_timeout` seconds.
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
