"""Who takes part in a race and what each does, whatever launcher starts them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal, Protocol

from ticketlab.core.inventory import Holdings, Request
from ticketlab.core.lifeline import die_with_parent, signals_blocked
from ticketlab.core.pacing import Pacer, paced_by, sleep
from ticketlab.core.plugin import Perform, Store, Strategy
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Kind
from ticketlab.launch.barrier import StartBarrier
from ticketlab.launch.limits import limited_memory
from ticketlab.launch.log import EventLog, LogFull
from ticketlab.launch.recorder import Recorder

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext

    from ticketlab.launch.fault_injection import FaultInjector

STOPPED = "stopped"
"""How the reason begins why a participant ended that went beyond a limit."""
GRACE_SECONDS = 5.0
"""How long a clerk that was sent home may take, and buyers whose clerk has died."""


class Watch(Protocol):
    """What a launcher asks while it waits for the buyers."""

    def tick(self, left: float) -> float:
        """Return how many seconds to wait before asking again, where `left` are left."""

    def over(self) -> bool:
        """Say whether there is nobody left worth waiting for."""


class Unwatched:
    """No watch at all."""

    def tick(self, left: float) -> float:
        """Wait as long as there is."""
        return left

    def over(self) -> bool:
        """Go on."""
        return False


@dataclass(frozen=True, slots=True)
class RaceJob:
    """All that a participant needs, handed over when it starts.

    `pace` puts a participant's own pacer (its latency, say) over the recording one; `trace` records steps too;
    `memory_mb` is how much memory each may take, in MiB, and 0 for as much as there is. `fault_injector` are the faults
    that may strike; where there are any, `stall_timeout` is how long, in seconds, nobody need move before all that are
    left count as hung.
    """

    scenario: Scenario
    store: Store
    strategy: Strategy
    log: EventLog
    start_barrier: StartBarrier
    pace: Callable[[int, Pacer], Pacer]
    timeout: float
    trace: bool = True
    memory_mb: int = 0
    fault_injector: FaultInjector | None = None
    stall_timeout: float = 5.0

    def watchdog(self) -> Watch:
        """Return what watches over the race; where no fault can strike there is nothing to see."""
        if self.fault_injector is None:
            return Unwatched()
        from ticketlab.launch.watchdog import Watchdog

        return Watchdog(self)

    @property
    def start_seconds(self) -> float:
        """How long everybody may take to be ready: new interpreters import for a second each, and machines are busy."""
        return self.timeout + 30.0 + 2.0 * self.scenario.buyers

    @contextmanager
    def recorded(self, participant: int) -> Iterator[tuple[Recorder, Pacer]]:
        """Yield a participant's recorder, and the pacer to install for it."""
        writer = self.log.writer(participant)
        services = self.log.participants - self.scenario.buyers
        struck = (
            self.fault_injector.struck(writer, self.scenario, participant, services) if self.fault_injector else None
        )
        recorder = struck or Recorder(writer, trace=self.trace)
        try:
            yield recorder, self.pace(participant, recorder)
        finally:
            writer.close()

    def attend(self, buyer: int, recorder: Recorder, arrive: Callable[[], None]) -> bool:
        """Join, wait for the gun, and place a buyer's orders; False if that failed, which the log then says."""
        try:
            recorder.up(os.getpid())
            with self._held(), self.strategy.join(self.store, buyer) as perform:
                requests = self.scenario.requests(buyer)
                arrive()
                if self.scenario.hold:
                    _hold_and_confirm(requests, recorder, perform)
                else:
                    for request in requests:
                        recorder.perform(perform, request)
                recorder.end()
        except Exception as error:  # whatever it is, it is this buyer's, and the others go on
            recorder.crashed(self._reason(error))
            return False
        return True

    def _held(self) -> AbstractContextManager[None]:
        """Hold the calling process to its memory."""
        return limited_memory(self.memory_mb) if self.memory_mb else nullcontext()

    def _reason(self, error: Exception) -> str:
        if isinstance(error, LogFull):
            return f"{STOPPED}: {error}"
        if isinstance(error, MemoryError) and self.memory_mb:
            return f"{STOPPED}: it took over {self.memory_mb} MiB of memory"
        return f"{type(error).__name__}: {error}"

    def race(self, buyer: int) -> None:
        """Be one buyer in a process of its own."""
        die_with_parent()
        with self.recorded(buyer - 1) as (recorder, pacer), paced_by(pacer):
            done = self.attend(buyer, recorder, self.start_barrier.wait)
        if not done:
            raise SystemExit(1)

    def serve(self, number: int) -> None:
        """Be one of the staff, in a process of its own."""
        die_with_parent()
        with self.recorded(self.scenario.buyers + number) as (recorder, pacer), paced_by(pacer):
            recorder.up(os.getpid())
            self.start_barrier.wait()
            try:
                with self._held():
                    self.strategy.services()[number]()
            except Exception as error:  # it is reported with what the buyers then lacked
                recorder.crashed(self._reason(error))
                raise SystemExit(1) from None
            recorder.end()


def _hold_and_confirm(requests: Sequence[Request], recorder: Recorder, perform: Perform) -> None:
    mine = Holdings()
    for request in requests:
        pause = mine.pause(request)
        if pause is not None:
            if pause:
                sleep(pause)
            mine.hears(recorder.perform(perform, request))


@dataclass(frozen=True, slots=True)
class Exit:
    """How a participant ended, and if badly, how one can tell; `who` is "buyer 7" or "clerk 1"."""

    who: str
    participant: int
    how: Literal["finished", "crashed", "hung"]
    detail: str = ""

    @classmethod
    def of_buyer(cls, buyer: int, how: Literal["finished", "crashed", "hung"], detail: str = "") -> Exit:
        """Say how a buyer, numbered from 1, ended."""
        return cls(f"buyer {buyer}", buyer - 1, how, detail)


class Process(Protocol):
    """As much of `multiprocessing.Process` as launchers use."""

    @property
    def pid(self) -> int | None:
        """The process id; None before it has been started."""

    @property
    def sentinel(self) -> int:
        """A file that can be read once it has ended."""

    @property
    def exitcode(self) -> int | None:
        """How it ended, a signal that killed it as a negative number; None while it runs."""

    def start(self) -> None:
        """Start it."""

    def join(self) -> None:
        """Wait until it has ended."""

    def kill(self) -> None:
        """End it at once."""


class Launcher(Protocol):
    """A way to start buyers."""

    def context(self) -> BaseContext:
        """Return how processes start here; what they share is made from it."""

    def run(self, job: RaceJob, meanwhile: Callable[[], None]) -> list[Exit]:
        """Start everybody, fire the gun, and bring everybody home before the time-out; kill who does not come.

        `meanwhile` is called when all have been started: what the lab can prepare while they get ready.
        """


@dataclass(frozen=True, kw_only=True)
class LauncherKind(Kind):
    """A launcher by name; `build(variant, **options)` makes one."""

    build: Callable[..., Launcher]


@contextmanager
def running_services(job: RaceJob, context: BaseContext) -> Iterator[list[BaseProcess]]:
    """Have the strategy's staff at work, each in a process of its own, and send them home at the end."""
    services = [_process(context, job.serve, number) for number in range(len(job.strategy.services()))]
    try:
        start(services, context)
        yield services
        if all(each.is_alive() for each in services):
            job.strategy.stop_services()
        deadline = monotonic() + GRACE_SECONDS
        for each in services:
            each.join(max(0.0, deadline - monotonic()))
    finally:
        kill(services)


def start(processes: Iterable[Process], context: BaseContext) -> None:
    """Start processes, so that a Ctrl-C meanwhile stops the lab and not one that is only half there."""
    if context.get_start_method() != "fork":
        resource_tracker.ensure_running()  # as it starts, it lets the signals through
    with signals_blocked():
        for each in processes:
            each.start()


def service_exits(job: RaceJob, services: list[BaseProcess]) -> list[Exit]:
    """Say which of the staff ended badly."""
    first = job.scenario.buyers
    return [
        Exit(f"clerk {number + 1}", first + number, "crashed", exit_text(each.exitcode))
        for number, each in enumerate(services)
        if each.exitcode
    ]


def _process(context: BaseContext, target: Callable[[int], None], number: int) -> BaseProcess:
    make: Any = context  # BaseContext has Process in all its subclasses, and not in its type
    process: BaseProcess = make.Process(target=target, args=(number,), daemon=False)
    return process


def exit_text(code: int | None) -> str:
    """Say how a process ended."""
    if code is not None and code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"


def kill(processes: Sequence[Process]) -> None:
    """Kill those that still live, and wait until they are gone."""
    started = [process for process in processes if process.pid is not None]
    for process in started:
        if process.exitcode is None:
            process.kill()
    for process in started:
        process.join()
