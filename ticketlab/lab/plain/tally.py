"""What a search of a plain function comes to, execution by execution."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from ticketlab.core.pacing import OUT_OF_SIGHT, OUTLASTED, UNTRIED
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.survey import HowFar
from ticketlab.lab.exploring.fault_search import FaultPointTally
from ticketlab.lab.exploring.first_failure import Failed
from ticketlab.lab.plain.results import Touched
from ticketlab.probes.here import HERE
from ticketlab.probes.waiting import SLEPT, WAITED
from ticketlab.scheduling.schedule import JobSchedule


@dataclass(slots=True)
class PlainTally:
    """What a search has come to."""

    executions: int = 0
    anomalous: int = 0
    names: Counter[str] = field(default_factory=Counter)
    exhausted: bool = False
    contested: bool = False
    first: Failed | None = None
    points: FaultPointTally = field(default_factory=FaultPointTally)
    seen: Sequence[Touched] = ()
    unseen: dict[str, str] = field(default_factory=dict)
    gave_way: list[str] = field(default_factory=list)
    left_behind: Sequence[str] = ()
    outside: dict[str, None] = field(default_factory=dict)
    untried: dict[str, None] = field(default_factory=dict)
    schedule: JobSchedule | None = None
    cut_short: int = 0
    found_by: str = ""
    how_far: HowFar = field(default_factory=HowFar)
    last: Execution | None = None

    def note(self, execution: Execution) -> None:
        """Take down what the participants did out of sight, and what of time the search did not try."""
        self.outside.update({str(value): None for _, what, value in execution.told if what == OUT_OF_SIGHT})
        self.untried.update({str(value): None for _, what, value in execution.told if what == UNTRIED})
        waited, slept = ({value for _, what, value in execution.told if what == each} for each in (WAITED, SLEPT))
        another = f"another {HERE.shared.participant}"
        if waited and slept and len(waited | slept) > 1:
            self.untried[f"a time-out that ends while {another} sleeps was not tried"] = None
        if waited and any(what == OUTLASTED for _, what, _ in execution.told):
            self.untried[f"a time-out that ends while {another} is paused was tried only after the pause"] = None
