"""A participant in a process of its own.

A participant that stands before a step asks the policy itself, and wakes the participant that is picked. The leading
process is woken only at the end of an execution, or if it has to carry out a fault.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from typing import Final

from ticketlab.core.errors import TicketlabError
from ticketlab.core.faults import Fault, FaultKind
from ticketlab.core.pacing import paced_by
from ticketlab.explorer.engine.fault_pacer import FaultPacer, Terminated
from ticketlab.explorer.engine.pacer import ControlledPacer, ExecutionAborted, InactivePacer
from ticketlab.explorer.engine.scheduler import Scheduler
from ticketlab.explorer.engine.state import NOBODY
from ticketlab.explorer.executors.control_block import ControlBlock, LeaderRequest, ParticipantCommand
from ticketlab.explorer.executors.wakeup import Wakeup
from ticketlab.explorer.executors.workload_executor import Serve
from ticketlab.explorer.workload import Workload

_REQUESTS: Final = {
    FaultKind.KILL: LeaderRequest.KILL,
    FaultKind.KILL_SERVICE: LeaderRequest.KILL,
    FaultKind.KILL_SERVER: LeaderRequest.KILL_SERVER,
    FaultKind.TERMINATE: LeaderRequest.TERMINATE,
}


class Participant:
    """One participant's part in an exploration by processes; the last of the wake-ups is the leading process's."""

    def __init__(
        self,
        who: int,
        workload: Workload,
        scheduler: Scheduler,
        control: ControlBlock,
        wakeups: Sequence[Wakeup],
        pacer: ControlledPacer,
    ) -> None:
        self._who = who
        self._workload = workload
        self._scheduler = scheduler
        self._state = scheduler.state
        self._control = control
        self._wakeups = wakeups
        self._pacer = pacer
        self._news = self._policy = 0  # the numbers of the latest news and policy that it has taken in
        pacer.me = who
        if isinstance(pacer, FaultPacer):
            self._pausing = NOBODY  # or the length at which it is stopped, as soon as another participant moves
            pacer.carry_out = self._carry_out
            pacer.switches = [self._pausing_switch(to) for to in range(len(wakeups))]
            signal.signal(signal.SIGTERM, _terminate)
        else:
            pacer.switches = [self._switch(to) for to in range(len(wakeups))]

    def live(self, serve: Serve | None) -> None:
        """Take part until told to end: as a service if `serve` is given, else as a buyer."""
        try:
            self._wait()
            with paced_by(InactivePacer()):
                self._buy() if serve is None else self._serve(serve)
        except ExecutionAborted:
            return
        except Terminated:
            self._leave()
        except Exception as error:
            if serve is None or not any(self._state.faults.injected):
                self._fail(error)
                if isinstance(error, TicketlabError):
                    return  # the leading process tells it, in one line
                raise
            self._leave()  # a clerk that cannot go on after a fault ends, as it would outside the lab
        except BaseException as error:
            self._fail(error)
            raise

    def _buy(self) -> None:
        """Make the buyer's requests, in one execution after another."""
        pacer, who = self._pacer, self._who
        script = self._workload.scripts[who]
        with self._workload.join(who + 1) as perform:
            pacer.switches[-1]()
            with paced_by(pacer):
                while True:
                    pacer.begin()
                    pacer.run_script(who, perform, script)
                    self._flush()
                    pacer.pass_on()

    def _serve(self, serve: Serve) -> None:
        """Serve buyers until told to end."""
        self._pacer.pick = self._pacer.take_post
        with paced_by(self._pacer):
            serve()
        raise TicketlabError("a service ended while buyers were still buying")

    def _wait(self) -> None:
        """Wait for the turn, and take in what is new."""
        self._wakeups[self._who].wait()
        self._pacer.me = self._who
        self._catch_up()

    def _switch(self, to: int) -> Callable[[], None]:
        """Return a function that hands the turn to a participant, and returns when the turn is back."""
        numbers, pacer, wake, wait = (
            self._control.numbers,
            self._pacer,
            self._wakeups[to].wake,
            self._wakeups[self._who].wait,
        )
        services, me = self._who >= self._state.buyers, self._who

        def switch() -> None:
            if services and pacer.notes:  # buyers write at the end of their scripts, and services have none
                self._flush()
            numbers.turn = to
            wake()
            wait()
            pacer.me = me
            if numbers.news != self._news:
                self._catch_up()

        return switch

    def _catch_up(self) -> None:
        """Take in new steps, a new policy, or a command."""
        control = self._control
        numbers = control.numbers
        self._news = numbers.news
        control.steps.catch_up()
        if numbers.installed != self._policy:
            self._policy = numbers.installed
            policy = control.installed()
            self._state.for_policy.bind(policy)
            self._scheduler.follow(policy)
        if numbers.command != ParticipantCommand.GO_ON:
            if numbers.command == ParticipantCommand.FLUSH:
                self._flush()
                self._pacer.switches[-1]()
            self._leaving = paced_by(InactivePacer())  # whatever is given back on the way out is no step any more
            self._leaving.__enter__()
            raise ExecutionAborted

    def _flush(self) -> None:
        """Write what came of the requests, and what was learnt, where the leading process finds it."""
        pacer = self._pacer
        if pacer.records or pacer.notes:
            self._control.log.write(pacer.records, pacer.notes)
            pacer.records, pacer.notes = [], []

    def _fail(self, error: BaseException) -> None:
        """Tell the leading process of an error of the lab itself."""
        self._control.report(error)
        self._wakeups[-1].wake()

    def _leave(self) -> None:
        """Finish for good, and give the turn to the leading process."""
        self._flush()
        self._control.ask(LeaderRequest.REAP, self._who)
        self._wakeups[-1].wake()

    def _carry_out(self, fault: Fault) -> None:
        """Have a fault carried out on this process."""
        if fault.kind is FaultKind.PAUSE:
            self._pausing = self._state.counters.length  # it lasts from when another participant moves, if any does
        elif fault.kind in _REQUESTS:
            self._flush()
            self._request(_REQUESTS[fault.kind])

    def _request(self, what: LeaderRequest, then: int = NOBODY) -> None:
        """Have the leading process do something to this one, and wait for the turn."""
        self._control.ask(what, self._who, then)
        self._wakeups[-1].wake()
        self._wait()

    def _pausing_switch(self, to: int) -> Callable[[], None]:
        """Return a function that hands the turn over, begins a pause of this process, and ends one of the other."""
        switch = self._switch(to)

        def pausing_switch() -> None:
            if self._pausing == self._state.counters.length:
                self._pausing = NOBODY
                self._request(LeaderRequest.STOP, to)
            else:
                if to < self._state.size:
                    self._control.resume(to)
                switch()

        return pausing_switch


def _terminate(_number: int, _frame: object) -> None:
    raise Terminated
