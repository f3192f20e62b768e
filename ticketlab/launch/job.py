"""What takes part in a race and what each participant does, whichever launcher starts it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ticketlab.core.inventory import Holdings, Request
from ticketlab.core.pacing import Pacer, paced_by, sleep
from ticketlab.core.plugin import Perform, Store, Strategy
from ticketlab.core.scenario import Scenario
from ticketlab.core.system.lifeline import die_with_parent
from ticketlab.core.system.no_space import no_space
from ticketlab.launch.launcher import Barrier, Log
from ticketlab.launch.limits import limited_memory
from ticketlab.launch.log import LogFull
from ticketlab.launch.recorder import CrashReason, Recorder

if TYPE_CHECKING:
    from ticketlab.launch.fault_injection import FaultInjector
    from ticketlab.launch.watchdog import Watchdog


@dataclass(frozen=True, slots=True)
class RaceJob:
    """All that a participant needs, handed over when it starts.

    `pace` wraps a participant's recorder in a pacer of its own (simulated latency, say). `trace` records steps too.
    `memory_mb` limits the memory of each participant, in MiB; 0 means no limit. `fault_injector` decides which faults
    are injected; if it is set, a race in which nobody has moved for `stall_timeout` seconds counts as hung.
    """

    scenario: Scenario
    store: Store
    strategy: Strategy
    log: Log
    start_barrier: Barrier
    pace: Callable[[int, Pacer], Pacer]
    timeout: float
    trace: bool = True
    memory_mb: int = 0
    fault_injector: FaultInjector | None = None
    stall_timeout: float = 5.0

    def watchdog(self) -> Watchdog | None:
        """Return what watches the race for stalls, or None: without faults nobody is paused or stalls unnoticed."""
        if self.fault_injector is None:
            return None
        from ticketlab.launch.watchdog import Watchdog

        return Watchdog(self.log, self.stall_timeout)

    @property
    def start_seconds(self) -> float:
        """How long everybody may take to be ready: new interpreters import for a second each, and machines are busy."""
        return self.timeout + 30.0 + 2.0 * self.scenario.buyers

    @contextmanager
    def recorded(self, participant: int) -> Iterator[tuple[Recorder, Pacer]]:
        """Yield a participant's recorder, and the pacer to install for it."""
        writer = self.log.writer(participant)
        recorder: Recorder | None = None
        if self.fault_injector is not None:
            services = self.log.participants - self.scenario.buyers
            recorder = self.fault_injector.recorder(writer, self.scenario, participant, services)
        recorder = recorder or Recorder(writer, trace=self.trace)
        try:
            yield recorder, self.pace(participant, recorder)
        finally:
            writer.close()

    def attend(self, buyer: int, recorder: Recorder, wait: Callable[[], None]) -> bool:
        """Join the strategy, wait for the start, and place a buyer's orders; if that fails, log it and return False."""
        try:
            recorder.up(os.getpid())
            with self._memory_limit(), self.strategy.join(self.store, buyer) as perform:
                requests = self.scenario.requests(buyer)
                wait()
                if self.scenario.hold:
                    _hold_and_confirm(requests, recorder, perform)
                else:
                    for request in requests:
                        recorder.perform(perform, request)
                recorder.end()
        except Exception as error:  # whatever it is, only this buyer fails, and the others go on
            recorder.crashed(*self._reason(error))
            return False
        return True

    def _memory_limit(self) -> AbstractContextManager[None]:
        return limited_memory(self.memory_mb) if self.memory_mb else nullcontext()

    def _reason(self, error: Exception) -> tuple[CrashReason, str]:
        if isinstance(error, LogFull):
            return CrashReason.LIMIT, str(error)
        if isinstance(error, MemoryError) and self.memory_mb:
            return CrashReason.LIMIT, f"it took over {self.memory_mb} MiB of memory"
        reason = CrashReason.NO_SPACE if no_space(error) else CrashReason.ERROR
        return reason, f"{type(error).__name__}: {error}"

    def race(self, buyer: int, lab: int) -> None:
        """Be one buyer, in a process of its own that the process `lab` started."""
        die_with_parent(lab)
        with self.recorded(buyer - 1) as (recorder, pacer), paced_by(pacer):
            done = self.attend(buyer, recorder, self.start_barrier.wait)
        if not done:
            raise SystemExit(1)

    def serve(self, number: int, lab: int) -> None:
        """Be one of the strategy's services, in a process of its own that the process `lab` started."""
        die_with_parent(lab)
        with self.recorded(self.scenario.buyers + number) as (recorder, pacer), paced_by(pacer):
            recorder.up(os.getpid())
            self.start_barrier.wait()
            try:
                with self._memory_limit():
                    self.strategy.services()[number]()
            except Exception as error:  # the verdict names it beside the buyers that it no longer served
                recorder.crashed(*self._reason(error))
                raise SystemExit(1) from None
            recorder.end()


def _hold_and_confirm(requests: Sequence[Request], recorder: Recorder, perform: Perform) -> None:
    holdings = Holdings()
    for request in requests:
        pause = holdings.pause(request)
        if pause is not None:
            if pause:
                sleep(pause)
            holdings.take_in(recorder.perform(perform, request))
