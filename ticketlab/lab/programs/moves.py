"""One execution of a program: who stands before which call, and who moves."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence, Set
from typing import Final

from ticketlab.core.faults import Fault, FaultKind
from ticketlab.core.steps import TABLE, Action, Step
from ticketlab.explorer.engine.fault_pacer import with_fault
from ticketlab.explorer.engine.outside_pacer import OutsidePacer
from ticketlab.explorer.engine.scheduler import Scheduler
from ticketlab.explorer.engine.state import NOBODY, ExecutionEnd
from ticketlab.explorer.engine.steps import describe_step
from ticketlab.explorer.workload import RequestRecord
from ticketlab.gate.calls.call import Made, Reply, StoppedCall
from ticketlab.gate.calls.failing import failing
from ticketlab.gate.processes import Task
from ticketlab.gate.program import Gate
from ticketlab.gate.sight import Sight
from ticketlab.lab.programs.clocks import ShownClocks
from ticketlab.lab.programs.run import ProgramRun, Touches, end_of, made_names

_ALWAYS: Final = (Action.START, Action.EXIT)
_MOST_LOOKS: Final = 50  # in a row at the same that is no point, with as many sleeps
_SLEPT: Final = ""
_MOST_SLEEPS: Final = 256  # participants, if some of them only sleep for others

LineAt = Callable[[Task], str]
"""Says at which source line a thread stands, or nothing."""


class Moves:
    """The participants of one execution, and the rules by which they move.

    `points` are the resources whose accesses are scheduling points. `touched` has what was done to which resource by
    whom, and `blocked_on` what somebody had to wait for.
    """

    def __init__(
        self,
        gate: Gate,
        scheduler: Scheduler,
        pacer: OutsidePacer,
        points: Set[str],
        *,
        faults: Sequence[Fault] = (),
        line_at: LineAt | None = None,
    ) -> None:
        self.gate = gate
        gate.is_point = self.is_point
        self.touched: defaultdict[str, Touches] = defaultdict(lambda: defaultdict(Counter))
        self.blocked_on: set[str] = set()
        self.cut_off: set[int] = set()
        """Who was ended by another while it stood before a call."""
        self.records: list[RequestRecord] = []
        self._scheduler, self._pacer = scheduler, pacer
        self._state = scheduler.state
        self._clocks = ShownClocks(self._state.clock)
        self._points = points
        self._line_at = line_at
        self._faults = faults
        self._due: dict[int, Fault] = {}  # who meets a fault at the call before which it stands
        self._names: dict[int, str] = {}
        self._passed: defaultdict[int, Counter[str]] = defaultdict(Counter)
        """How often participants have looked at what is no point, and slept, since they last stood before one."""
        self._slept: set[Task] = set()
        self._served: set[str] = set()  # what somebody has touched who takes no part
        self._last = NOBODY
        self._came: Callable[[], Made | None] | None = None  # says what the step made last has turned out to be

    @property
    def sight(self) -> Sight:
        """What the gate knows of the execution."""
        return self.gate.sight

    def run(self) -> None:
        """Let one participant move after the other, until nobody is left or nobody can move."""
        state, scheduler, gate = self._state, self._scheduler, self.gate
        state.counters.started = state.buyers
        gate.settle()
        self._take_in()
        while (who := scheduler.next()) != NOBODY or self._has_come_late():
            if self._pacer.helped and len(self._names) > _MOST_SLEEPS:
                state.counters.ending = ExecutionEnd.ENDLESS  # a shell tries again and again
                break
            if who != NOBODY and self._move(gate.numbered[who]):
                gate.settle()
                self._revise(gate.numbered[who])
                self._take_in()
        self._tell_who_waits()

    def _has_come_late(self) -> bool:
        """Wait with all patience for servers outside, now that nobody can move; return whether one has answered."""
        state, standing = self._state, self.gate.standing
        waiting = {task: call.comes for task, call in standing.items() if call.comes is not None and call.waits}
        if state.counters.ending != ExecutionEnd.STUCK or not waiting:
            return False
        come: list[Task] = []

        def have_come() -> bool:
            come.extend(task for task, comes in waiting.items() if comes())
            return bool(come)

        self.sight.servers.wait(have_come)
        for task in come:
            state.open[state.pending[task.number]] = 1
            state.counters.version += 1
            state.counters.ending = ExecutionEnd.RUNNING
        return bool(come)

    def _count_as_sleep_of_another(self, task: Task) -> None:
        """Take down for whom a participant slept that has ended and did nothing else, as sleep(1) does for a shell."""
        process, state = task.process, self._state
        above = process.parent
        if task not in self._slept or above is None or not above.tasks or above.serves:
            return
        made = zip(state.who[: state.counters.length], state.what[: state.counters.length], strict=True)
        actions = {state.table.step(what).action for who, what in made if who == task.number}
        if actions <= {Action.START, Action.EXIT}:
            within = f"{above.name}."
            helpers = [who for who, name in self._names.items() if name.startswith(within)]
            self._passed[above.tasks[0].number][_SLEPT] += 1
            self._pacer.slept_for(task.number, above.tasks[0].number, helpers)

    def _revise(self, task: Task) -> None:
        """Take down what the step made last has turned out to be, if only what came after it could tell."""
        came, self._came = self._came, None
        made = came() if came is not None else None
        if made is not None:
            self._pacer.revise(task.number, made.step, refused=made.refused)
            for action, resource in made.step.accesses:
                if resource.startswith(TABLE):
                    self.touched[resource][task.number][action] += 1

    def name_of(self, who: int) -> str:
        """Return a participant's place in the tree of processes."""
        return self._names.get(who, "")

    def _take_in(self) -> None:
        """Take in who has come to stand before a call, and who has ended."""
        gate, state, last = self.gate, self._state, self._last
        if last != NOBODY:
            if (mover := gate.numbered[last]) in gate.standing:
                self._clocks.take_readings(mover)
            state.leave_alone(last)  # unless it has come to its next call: it may sleep in the kernel, or have ended
        for task in gate.away:
            state.note_cut_off(task.number)
            state.leave_alone(task.number)
        gate.away.clear()
        for task in gate.came:
            call = gate.standing.get(task)
            if call is None:
                continue
            who = task.number
            if who not in self._names:
                self._names[who] = task.name
                if who >= state.buyers:
                    state.join(who)
                if last != NOBODY:
                    self._clocks.begin(task, gate.numbered[last])
                above = task.process.parent
                if above is not None and above.tasks and not above.serves:
                    self._pacer.started_by(who, above.tasks[0].number)
            if who != last and last != NOBODY:
                state.note_arrival(who, last)
            self._stand(task, call)
        gate.came.clear()
        self._look_again()
        for task in gate.gone:
            self._count_as_sleep_of_another(task)
            if state.note_cut_off(task.number):
                self.cut_off.add(task.number)
            self._scheduler.finish(task.number)
            if task.number < state.buyers:
                length = state.counters.length
                self.records.append(RequestRecord(task.number, 0, task.process.ends, 0, length, 0))
        gate.gone.clear()

    def _stand(self, task: Task, call: StoppedCall) -> None:
        """Have a participant stand before a call, or before the fault that comes first."""
        who, plan = task.number, self._state.faults
        fault = self._faults[plan.fault[who]] if plan.point[who] else None
        if fault is not None and fault.kind.applies_to(call.step) and plan.is_due(who):
            self._due[who] = fault
            step = Step(Action.FAULT, str(fault)) if fault.kind.is_step else with_fault(call.step)
            self._pacer.stand(who, step, waits=False)
        else:
            self._pacer.stand(who, call.step, waits=call.waits)

    def _inject(self, task: Task, fault: Fault) -> None:
        """Inject a fault into a participant at the call before which it stands."""
        who, call = task.number, self.gate.standing[task]
        missed = self._state.table.step(self._state.pending[who])
        self._pacer.make(who, missed, refused=False)
        self._state.faults.injected[who] = 1
        self._last = who
        if fault.kind.is_step:
            self._pacer.note("before", describe_step(call.step))
            self.gate.end(task, terminate=fault.kind is FaultKind.TERMINATE)
            if task in self.gate.standing:
                self.gate.came.append(task)
        else:
            self._pacer.note("fault", str(fault))
            self._clocks.show(task)
            self.gate.answer(task, failing(fault.kind, task, call))

    def _look_again(self) -> None:
        """Have those try again who wait for what somebody has touched who takes no part."""
        gate, state = self.gate, self._state
        if not gate.served:
            return
        for task, call in gate.standing.items():
            if not gate.served.isdisjoint(call.step.resources):
                state.open[state.pending[task.number]] = 1
                state.counters.version += 1
        self._served |= gate.served
        gate.served.clear()

    def _tell_who_waits(self) -> None:
        """Have those stand before a step who are stuck in the middle of one.

        A search has to know of steps that never came: they might have come before what kept them from coming.
        """
        for task, call in self.gate.waiting().items():
            step = task.operation or call.step
            if not task.serves:
                self._pacer.stand(task.number, step, waits=True)

    def _move(self, task: Task) -> bool:
        """Have a participant make its step; return whether it could."""
        gate, pacer, who = self.gate, self._pacer, task.number
        if fault := self._due.pop(who, None):
            self._inject(task, fault)
            return True
        call = gate.standing[task]
        if call.step.action is not Action.WAIT_ON:  # for a child that slept in its place, say
            self._passed.pop(who, None)
        made = call.found() if call.found is not None else None
        answer = self._answer(who, call)
        if answer is None:
            self.blocked_on.update({resource for _, resource in call.step.accesses} - self._served)
            self._scheduler.fail(who)
            return False
        pacer.stops_waiting(who)
        step = made.step if made else call.step
        self._touch(task, step)
        refused = (made is not None and made.refused) or (answer.value is not None and answer.value < 0)
        pacer.make(who, step, refused=refused)
        if self._line_at is not None and (line := self._line_at(task)):
            pacer.note("line", line)
        self._last = who
        self._clocks.show(task)
        self._came = call.came
        gate.answer(task, answer)
        if step.action in (Action.SIGNAL, Action.EXIT):
            gate.settle()
            gate.look_after_signals()
            self.sight.servers.settle()
        return True

    def _answer(self, who: int, call: StoppedCall) -> Reply | None:
        answer = call.attempt()
        if answer is None and call.until is not None:
            self._pacer.wait_at_most(who, call.until)
            if self._pacer.has_waited(who):
                return call.expired
        return answer

    def is_point(self, task: Task, call: StoppedCall) -> bool:
        """Whether somebody else may move before a call; what is no point is taken down, and passed."""
        if call.asleep is not None:
            self._clocks.take_readings(task)
            self._pacer.me = task.number
            self._pacer.sleep(call.asleep)
            self._passed[task.number][_SLEPT] += 1
            self._slept.add(task)
            self._clocks.show(task)
            return False
        step = call.step
        if step.private:
            self._clocks.show(task)
            return False
        if call.comes is not None and call.comes():
            return False  # it is a part of the request
        if step.everywhere or step.action in _ALWAYS or self._is_shared(step):
            return True
        made = call.found() if call.found is not None else None
        if made is not None and self._is_shared(made.step):
            return True
        step = made.step if made else step
        if self._is_polled(task, step):
            self.blocked_on.update(step.resources)
            return True
        self._touch(task, step)
        return False

    def _is_polled(self, task: Task, step: Step) -> bool:
        """Whether a participant looks at the same again and again, and sleeps: it seems to wait for others."""
        if not step.action.looks:
            return False
        passed = self._passed[task.number]
        passed[step.resource] += 1
        return min(passed[step.resource], passed[_SLEPT]) > _MOST_LOOKS

    def _is_shared(self, step: Step) -> bool:
        """Whether a step concerns what is known to be shared, or what somebody waits for, who must try again then."""
        points, blocked_on = self._points, self.blocked_on
        if not step.also:
            return step.resource in points or step.resource in blocked_on
        return any(each in points or each in blocked_on for _, each in step.accesses)

    def _touch(self, task: Task, step: Step) -> None:
        if step.private:
            return
        for action, resource in step.accesses:
            self.touched[resource][task.number][action] += 1

    def outcome(self) -> ProgramRun:
        """Return what came of it, beside the steps."""
        output: dict[str, list[str]] = {}
        told = [(process.name, data.decode(errors="replace")) for process, data in self.sight.output]
        for name, text in told:
            output.setdefault(name, []).append(text)
        alive = [each for each in self.sight.processes.values() if each.name]
        ends = [end_of(process, "".join(output.get(process.name, []))) for process in (*self.gate.ended, *alive)]
        made = made_names(self.touched)
        files, unseen = self.sight.names.files, self.sight.wakes_unseen
        return ProgramRun(ends, told, dict(self._names), dict(self.sight.pids), made, files, self.gate.calls, unseen)
