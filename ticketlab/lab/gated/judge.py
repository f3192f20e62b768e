"""What is wrong with an execution of a function under the gate: its steps, its outcomes, the user's conditions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from ticketlab.core.verdict import Anomaly
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.workload import NOTHING, Place
from ticketlab.lab.gated.executor import FunctionExecutor
from ticketlab.lab.gated.probed import Deed, deeds_of_run
from ticketlab.lab.plain.conditions import refuse_failing
from ticketlab.lab.plain.function import Raised
from ticketlab.lab.plain.judge import exception_anomaly
from ticketlab.lab.programs.ends import ProgramEnd, SerialEnds
from ticketlab.lab.programs.judge import ProgramJudge
from ticketlab.lab.programs.run import ProcessEnd


class FunctionJudge(ProgramJudge):
    """Judges executions of a function right after they ran, by the rules of `lab.plain.judge`.

    `serial_deeds` has what the kernel saw in each order one after another, by the participants' numbers from 0.
    """

    not_serializable = "results and files are not those of any order of the processes one after another"

    def __init__(self, executor: FunctionExecutor) -> None:
        super().__init__(executor)
        self._calls = executor
        self._raised: dict[frozenset[Place], Counter[tuple[str, str]]] = {}
        self.serial_deeds: dict[tuple[int, ...], frozenset[Deed]] = {}

    def _note(self, without: frozenset[Place], order: Sequence[str], execution: Execution) -> None:
        """Count who raised what, and check that the user's conditions can speak of a run one after another."""
        raised = [(name, each.kind) for name, each in self._calls.outcomes.items() if isinstance(each, Raised)]
        self._raised.setdefault(without, Counter()).update(raised)
        if not without:
            self.serial_deeds[tuple(int(name) - 1 for name in order)] = deeds_of_run(self._calls)
            refuse_failing(self._calls.broken)

    def is_blamed(self, end: ProcessEnd, serial: SerialEnds | None, without: frozenset[Place] = NOTHING) -> bool:
        """Whether a process has failed, unless somebody ends by such an exception in some orders, and not in all."""
        outcome = self._calls.outcomes.get(end.name)
        if not isinstance(outcome, Raised):
            return super().is_blamed(end, serial, without)
        if serial is None or outcome.kind == "AssertionError":
            return True
        times = [count for (_, kind), count in self._raised[without].items() if kind == outcome.kind]
        return not any(0 < count < serial.orders for count in times)

    def _conditions(self, failed: Sequence[ProcessEnd]) -> Iterator[Anomaly]:
        yield from () if failed else self._calls.broken

    def _failure(self, end: ProcessEnd, execution: Execution) -> Anomaly:
        outcome = self._calls.outcomes.get(end.name)
        if isinstance(outcome, Raised):
            return exception_anomaly(int(end.name) - 1, outcome, execution)
        return super()._failure(end, execution)

    def _is_strange(self, end: ProgramEnd, serial: SerialEnds, broken: Sequence[Anomaly]) -> bool:
        """Where the user's conditions say which results are right, only files are compared."""
        plain = self._calls.plain
        says = plain.judges_returned and not plain.serial and not broken
        if says and any(end.timeless.files == each.timeless.files for each in serial.ends):
            return False
        return super()._is_strange(end, serial, broken)
