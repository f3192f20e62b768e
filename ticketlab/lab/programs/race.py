"""Live races of programs: the real processes of the real program at full speed, again and again in a fresh folder.

No call is stopped, so a race shows how often a program goes wrong by itself, and nothing about the schedules that did
not happen. What it comes to one after another is learnt under the gate, where there is one. Nobody sees the steps of a
race: files, outputs and exit codes that are those of no order are wrong only if the user asks for `serial`.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.core.verdict import Anomaly
from ticketlab.gate.starting.starter import CommandLine, FreeRun, Starter
from ticketlab.lab.artifacts.race_folder import fastest, live_folder
from ticketlab.lab.environment import environment
from ticketlab.lab.plain.race import TIMEOUT, TIMES, RaceTally
from ticketlab.lab.plain.results import PlainRaceResult
from ticketlab.lab.plain.serial import files_below, without_journals
from ticketlab.lab.programs.ends import ProgramEnd, SerialEnds, files_left, first_end, serial_ends
from ticketlab.lab.programs.executor import ProgramExecutor
from ticketlab.lab.programs.invariant import broken_invariant, put_back
from ticketlab.lab.programs.judge import failure
from ticketlab.lab.programs.layout import Layout, ProgramFolders
from ticketlab.lab.programs.program import Program, command_title
from ticketlab.lab.programs.run import ProcessEnd, branches

_CHILD_RAISED: Final = re.compile(
    r"^Process .+:\n(?:.*\n)*?Traceback \(most recent call last\):\n(?:.*\n)*?\S.*$", re.M
)
"""What `multiprocessing` prints of a process that an exception ends."""


class _Race(NamedTuple):
    """What one race came to: how its commands ended, the folder, and what each command printed."""

    run: FreeRun
    folder: Path
    outputs: Sequence[str]


class _End(NamedTuple):
    """What is compared: the files, and how often a command ended with a code and printed characters, in any order.

    Of a race nobody knows which process of a command printed what, nor when.
    """

    files: frozenset[tuple[str, bytes]]
    commands: frozenset[tuple[tuple[tuple[str, ...], int | None, str], int]]

    @classmethod
    def of(cls, program: Program, files: frozenset[tuple[str, bytes]], told: Iterable[tuple[int | None, str]]) -> _End:
        """Return the end of a program; `told` has each command's exit code and output."""
        commands = zip(program.commands, told, strict=True)
        ends = Counter((command, code, "".join(sorted(output))) for command, (code, output) in commands)
        return cls(files, frozenset(ends.items()))


@dataclass(slots=True)
class _Serial:
    """What the program comes to one after another, as far as that is known, and how many participants race.

    `allowed` is None unless each race that ends otherwise is known to end as no order does.
    """

    ends: SerialEnds = field(default_factory=SerialEnds)
    racing: int = 0
    allowed: set[_End] | None = None

    @property
    def is_known(self) -> bool:
        """Whether files that are left can be told from those that every order leaves."""
        return self.ends.complete and self.ends.repeats


def race_program(
    program: Program,
    times: int = TIMES,
    *,
    timeout: float = TIMEOUT,
    command: str = "",
    progress: Callable[[int, int], None] = lambda _done, _wrong: None,
) -> PlainRaceResult:
    """Race a program live so many times, and say how often it went wrong.

    `timeout`, in seconds, is for each race; a race that lasts longer is the last. `progress` hears of each race.

    Raises:
        UsageError: there is nothing to race, or the invariant cannot be asked.
        TicketlabError: the lab could not do its work.
    """
    if times < 1:
        raise UsageError(f"{times} races show nothing: at least 1 is needed")
    began = time.monotonic()
    serial = _serial(program)
    tally = RaceTally()
    for number, race in enumerate(_races(program, times, timeout), 1):
        anomalies, strange = _judge(program, race, serial)
        tally.count(number, anomalies, strange=strange)
        progress(number, tally.wrong)
        if not race.run.is_over:
            tally.late = f"in race {number} {_late(program, race.run)} was not done in time (see --timeout)"
            break
    return PlainRaceResult(
        command=command,
        function=program.title,
        processes=serial.racing or len(program.commands),
        races=tally.races,
        wrong=tally.wrong,
        names=dict(tally.names),
        first=tally.first,
        late=tally.late,
        in_no_order=tally.strange,
        judged_by_order=serial.allowed is not None,
        conditions=bool(program.invariant),
        serial=program.serial,
        seconds=time.monotonic() - began,
        environment=environment(Path.cwd()),
    )


def _serial(program: Program) -> _Serial:
    """Learn under the gate what the program comes to one after another; without one, nothing is known of it."""
    try:
        with ProgramExecutor(program) as executor:
            ends, _ = serial_ends(executor)
            racing = len(branches(list(executor.run_of.names.values()), len(program.commands)))
            first = first_end(executor)
        serial = _Serial(ends, max(racing, 1))
        if serial.is_known and not ends.stuck:
            with ProgramExecutor(program, seed=1) as executor:
                if first_end(executor) == first:
                    serial.allowed = {_as_compared(program, end) for end in ends.ends}
    except UsageError:
        raise
    except TicketlabError:
        if program.serial:
            raise
        return _Serial()
    return serial


def _as_compared(program: Program, end: ProgramEnd) -> _End:
    codes, texts = dict[str, int | None](), dict[str, str]()
    for name, code, output in end.processes:
        codes[name] = code
        command = name.partition(".")[0]
        texts[command] = texts.get(command, "") + output
    numbers = map(str, range(1, 1 + len(program.commands)))
    return _End.of(program, end.files, [(codes.get(number), texts.get(number, "")) for number in numbers])


def _races(program: Program, times: int, timeout: float) -> Iterator[_Race]:
    """Yield one race after the other, while its folder is there."""
    layout = Layout(program.folder)
    with live_folder(under=fastest()) as home:
        folders = ProgramFolders.below(home)
        folders.lay_out(layout)
        with Starter([CommandLine(each) for each in program.commands], *folders) as starter:
            for _ in range(times):
                folders.lay_out(layout)
                put_back(program, folders.work)
                run = starter.run_freely(timeout)
                texts = [(folders.outputs / f"{1 + who}.out").read_bytes() for who in range(len(program.commands))]
                yield _Race(run, folders.work, [text.decode(errors="replace") for text in texts])


def _judge(program: Program, race: _Race, serial: _Serial) -> tuple[list[Anomaly], bool]:
    """Return what is wrong with a race, and whether it is known that no order one after another ends so."""
    if not race.run.is_over:
        return [], False
    found = [failure(end) for end in _failed(program, race, serial.ends)]
    end = ProgramEnd(frozenset(without_journals(files_below(str(race.folder)))), ())
    if not found and serial.is_known:
        found += files_left(end, serial.ends)
    found += broken_invariant(program, race.folder, race.outputs)
    told = [(race.run.codes[1 + who], output) for who, output in enumerate(race.outputs)]
    strange = serial.allowed is not None and _End.of(program, end.files, told) not in serial.allowed
    if strange and program.serial:
        told_of = "files, outputs and exit codes are those of no order one after another"
        found.append(Anomaly("not serializable", told_of))
    return found, strange


def _failed(program: Program, race: _Race, serial: SerialEnds) -> Iterator[ProcessEnd]:
    """Yield how a command ended that should not, or a process that it started, and that an exception ended."""
    child_may_fail = any(serial.sometimes(name, code) for name, code in serial.codes if "." in name and code)
    for who, output in enumerate(race.outputs, 1):
        code = race.run.codes[who]
        if code and code not in program.allowed and not serial.sometimes(str(who), code):
            yield ProcessEnd(str(who), code, output, runs_command=True, in_python=False, signalled_by="")
        elif not child_may_fail and 1 not in program.allowed and (raised := _CHILD_RAISED.search(output)):
            yield ProcessEnd(f"{who}.*", 1, raised[0], runs_command=False, in_python=True, signalled_by="")


def _late(program: Program, run: FreeRun) -> str:
    """Return who was not done in time."""
    late = [who for who in range(len(program.commands)) if 1 + who not in run.codes]
    if not late:
        return "a process that a command had left running"
    return f"process {1 + late[0]} ({command_title(program.commands[late[0]])})"
