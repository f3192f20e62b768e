"""Soak: every command is interrupted, or killed, at random moments, and nothing may be left behind.

    uv run python -m tests.soak.interrupts                                # 1,000 interrupts and 500 kills
    uv run python -m tests.soak.interrupts --interrupts 100 --kills 50 --seed 7
    uv run python -m tests.soak.interrupts --only program                 # the commands that have this in their name

What is done to which command follows from the seed and the number; the moment is a share of the time that the command
takes undisturbed, start and end included. After an interrupt the exit code is 130 or the command's own, one line says
so, and nobody and nothing is left: no process, race folder, shared memory or temporary file. After kill -9 no process
and no shared memory is left, and the next lab removes the race folder.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from tests.cli.command_line import ENVIRONMENT
from tests.cli.whole_lab import DEADLINE, WholeLab
from ticketlab.lab.artifacts.race_folder import LIVE, fastest, live_folder

INTERRUPTED: Final = 130
LINES: Final = (
    "ticketlab: interrupted: all processes were stopped, and nothing is left behind",
    "ticketlab: interrupted: nothing was begun, and nothing is left behind",
)
_RACE: Final = ("race", "--store", "json", "--strategy", "lock", "--buyers", "4", "--latency", "none")
_EXPLORE: Final = ("explore", "--buyers", "3", "--strategy", "lock")

COMMANDS: Final[Mapping[str, Sequence[str]]] = {
    "help": ("--help",),
    "race": _RACE,
    "race, forkserver": (*_RACE, "--launcher", "process:forkserver"),
    "race, spawn": (*_RACE, "--launcher", "process:spawn"),
    "race, pool": (*_RACE, "--launcher", "pool:3"),
    "race, threads": ("race", "--store", "json", "--strategy", "clerk", "--launcher", "threads", "--latency", "none"),
    "race, manager": ("race", "--store", "manager", "--strategy", "manager-lock", "--buyers", "4", "--latency", "none"),
    "race, clerk": ("race", "--store", "sqlite", "--strategy", "clerk:socket", "--buyers", "4", "--latency", "none"),
    "race, faults": (*_RACE, "--faults", "kill:0.3", "--stall-timeout", "1"),
    "race, page": (*_RACE, "--html", "page.html"),
    "tour": ("race", "--buyers", "4", "--latency", "none"),
    "explore": ("explore", "--buyers", "3"),
    "explore, processes": (*_EXPLORE, "--executor", "processes"),
    "explore, manager": ("explore", "--store", "manager", "--strategy", "manager-lock", "--executor", "processes"),
    "explore, faults": (*_EXPLORE, "--buyers", "2", "--faults", "kill"),
    "compare": ("compare", "--stores", "json", "--strategies", "lock,flock", "--seconds", "0.2", "--rounds", "1"),
    "compare, faults": ("compare", "--faults", "--stores", "json:rename", "--strategies", "lock,flock"),
    "explore, program": ("explore", "shop.py", "2"),
    "explore, program with a manager": ("explore", "shop.py", "2", "manager"),
    "explore, program, faults": ("explore", "--faults", "kill", "shop.py", "2"),
    "explore, program in the shell": (
        "explore",
        "--copies",
        "2",
        "--in",
        ".",
        "--",
        "sh",
        "-c",
        "echo >> log; cat log",
    ),
    "race, program": ("race", "shop.py", "2", "--times", "20"),
    "check": ("check", "history.jsonl"),
    "replay": ("replay", "case.json"),
    "report": ("report", ".ticketlab/runs/latest", "--html", "report.html"),
    "runs": ("runs",),
    "strategies": ("strategies",),
}


SHOP: Final = """
import json, sys, time
from multiprocessing import Manager, Process

def buy(stock=None):
    left = json.load(open("db"))["count"] if stock is None else stock["count"]
    time.sleep(0.1)
    if stock is None:
        json.dump({"count": left - 1}, open("db", "w"))
    else:
        stock["count"] = left - 1

if __name__ == "__main__":
    stock = Manager().dict(count=1) if sys.argv[2:] else None
    buyers = [Process(target=buy, args=(stock,)) for _ in range(int(sys.argv[1]))]
    for each in buyers:
        each.start()
    for each in buyers:
        each.join()
"""


@dataclass(frozen=True)
class Blow:
    """What is done to one command: at which share of its usual time, to whom, and how often."""

    number: int
    command: str
    kill: bool
    share: float
    to_all: bool
    twice: bool

    @classmethod
    def of(cls, seed: int, number: int, commands: Sequence[str], *, kill: bool) -> Blow:
        """Draw the blow with this number, at one of the commands."""
        draw = Random(f"interrupts/{seed}/{kill}/{number}")
        command = commands[number % len(commands)]
        return cls(number, command, kill, draw.uniform(0, 1.05), draw.random() < 0.5, draw.random() < 0.3)

    def __str__(self) -> str:
        how = "kill -9" if self.kill else f"{'two interrupts' if self.twice else 'an interrupt'}"
        whom = "the lab" if self.kill or not self.to_all else "everybody"
        return f"{how} of {whom} at {self.share:.3f} of `ticketlab {' '.join(COMMANDS[self.command])}`"


@dataclass
class Usual:
    """How a command ends undisturbed, and in how many seconds."""

    seconds: float
    code: int


@dataclass
class Soak:
    """What was done, and what went wrong."""

    seed: int
    template: Path
    usual: dict[str, Usual] = field(default_factory=dict)
    ends: Counter[str] = field(default_factory=Counter)
    troubles: list[str] = field(default_factory=list)
    sweeping: threading.Lock = field(default_factory=threading.Lock)  # the working folder belongs to all threads

    def measure(self, commands: Sequence[str]) -> None:
        """Run every command undisturbed, once."""
        for name in commands:
            words = COMMANDS[name]
            with self._folder() as folder:
                began = time.monotonic()
                done = subprocess.run(
                    [sys.executable, "-m", "ticketlab", *words], cwd=folder, env=ENVIRONMENT, capture_output=True,
                    text=True, check=False,
                )  # fmt: skip
                self.usual[name] = Usual(time.monotonic() - began, done.returncode)
                if done.returncode not in (0, 1, 3):
                    self.troubles.append(f"undisturbed, `ticketlab {' '.join(words)}`: {done.stderr}")

    def strike(self, blow: Blow) -> None:
        """Start a command, interrupt or kill it, and look for what is wrong."""
        with self._folder() as folder, WholeLab(COMMANDS[blow.command], folder) as lab:
            time.sleep(blow.share * self.usual[blow.command].seconds)
            lab.note_shared_memory()
            begun = _has_begun(lab)
            self._send(blow, lab)
            try:
                output, errors = lab.await_end()
            except AssertionError:
                living = [_command_of(each) for each in lab.living()]
                self._trouble(blow, f"still there after {DEADLINE:g} s: {living}; shared: {lab.shared}")
                return
            if not begun and not blow.kill:
                self.ends["interrupted before the first line of the lab ran"] += 1
                return
            self.ends[f"{'killed' if blow.kill else 'interrupted'}, exit {lab.command.returncode}"] += 1
            for wrong in self._wrong(blow, lab, folder, output, errors):
                self._trouble(blow, wrong)

    def _send(self, blow: Blow, lab: WholeLab) -> None:
        if lab.command.poll() is not None:
            return
        if blow.kill:
            lab.command.kill()
            return
        for _ in range(1 + blow.twice):
            if blow.to_all:
                lab.interrupt()
            else:
                lab.command.send_signal(signal.SIGINT)

    def _wrong(self, blow: Blow, lab: WholeLab, folder: Path, output: str, errors: str) -> Iterator[str]:
        code, usual = lab.command.returncode, self.usual[blow.command].code
        if "Traceback" in output + errors:
            yield f"a traceback: {errors}"
        if blow.kill:
            if code not in (-signal.SIGKILL, usual):
                yield f"exit code {code}: {errors}"
            with self.sweeping:
                yield from _unswept(folder, lab.command.pid)
            return
        if code not in (INTERRUPTED, usual) and not (code in (0, 1) and blow.command.startswith(("race", "tour"))):
            yield f"exit code {code}, not 130 or {usual}: {errors}"
        if code == INTERRUPTED and errors.strip().splitlines()[-1:] not in [[line] for line in LINES]:
            yield f"it does not say that it was interrupted: {errors!r}"
        below = [*(folder / LIVE).glob("race-*"), *fastest().glob(f"race-{lab.command.pid}-*")]
        if left := [*below, *lab.left, *folder.rglob(".new-*")]:
            yield f"left behind: {[str(each) for each in left]}"

    def _trouble(self, blow: Blow, what: str) -> None:
        self.troubles.append(f"{blow.number}: {blow}: {what}")
        print(self.troubles[-1], file=sys.stderr)

    def _folder(self) -> _Copy:
        return _Copy(self.template)


class _Copy(tempfile.TemporaryDirectory[str]):
    """A new folder with what the commands read, which is removed again."""

    def __init__(self, template: Path) -> None:
        super().__init__(prefix="interrupts-", ignore_cleanup_errors=True)
        shutil.copytree(template, self.name, dirs_exist_ok=True, symlinks=True)

    def __enter__(self) -> Path:  # type: ignore[override]  # a path is what everybody needs
        return Path(self.name)


def _has_begun(lab: WholeLab) -> bool:
    """Whether the lab had its own handlers before it was interrupted: Python itself handles no SIGTERM."""
    try:
        status = Path(f"/proc/{lab.command.pid}/status").read_text()
    except OSError:
        return True
    caught = next((int(line.split()[1], 16) for line in status.splitlines() if line.startswith("SigCgt")), -1)
    return bool(caught >> (signal.SIGTERM - 1) & 1) or lab.command.poll() is not None


def _unswept(folder: Path, lab: int) -> Iterator[str]:
    """Yield the folders of a lab that has been killed, and that the next one leaves."""
    home = Path.cwd()
    os.chdir(folder)
    try:
        with live_folder(), live_folder(under=fastest()):
            pass
        left = sorted(map(str, [*LIVE.glob("race-*"), *fastest().glob(f"race-{lab}-*")]))
    finally:
        os.chdir(home)
    if left:
        yield f"the next lab does not remove {left}"


def _command_of(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return str(process)


def lay_out(template: Path) -> None:
    """Make what the commands read: a history, a case and a run."""
    for words in (_RACE, ("explore", "--buyers", "2")):
        subprocess.run(
            [sys.executable, "-m", "ticketlab", *words], cwd=template, env=ENVIRONMENT, capture_output=True, check=False
        )
    (case,) = (template / ".ticketlab" / "cases").iterdir()
    case.rename(template / "case.json")
    operation = '{{"process": {0}, "op": "buy", "arg": 1, "result": "ok", "invoke_ns": {1}, "return_ns": {2}}}'
    lines = ['{"meta": {"model": "counter", "stock": 50000}}']
    lines += [operation.format(number % 7, 10 * number, 10 * number + 5) for number in range(50_000)]
    (template / "shop.py").write_text(SHOP)
    (template / "db").write_text('{"count": 1}')
    (template / "history.jsonl").write_text("\n".join(lines) + "\n")


def soak(interrupts: int, kills: int, seed: int, jobs: int, only: str = "") -> Soak:
    """Interrupt and kill the commands that have `only` in their name, `jobs` at a time."""
    commands = [name for name in COMMANDS if only in name]
    with tempfile.TemporaryDirectory(prefix="interrupts-") as template:
        lay_out(Path(template))
        found = Soak(seed, Path(template))
        found.measure(commands)
        blows = [Blow.of(seed, number, commands, kill=False) for number in range(interrupts)]
        blows += [Blow.of(seed, number, commands, kill=True) for number in range(kills)]
        Random(seed).shuffle(blows)
        with ThreadPoolExecutor(jobs) as pool:
            for _ in pool.map(found.strike, blows):
                pass
    return found


def main() -> int:
    """Soak, and print the counts; 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--interrupts", type=int, default=1_000)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2, help="how many commands run at a time")
    parser.add_argument("--only", default="", help="the commands that have this in their name")
    given = parser.parse_args()
    began = time.monotonic()
    found = soak(given.interrupts, given.kills, given.seed, given.jobs, given.only)
    print(f"{given.interrupts} interrupts and {given.kills} kills in {time.monotonic() - began:.0f} s")
    print(", ".join(f"{end}: {count}" for end, count in sorted(found.ends.items())))
    print(f"troubles: {len(found.troubles)}")
    print("\n".join(found.troubles))
    return 1 if found.troubles else 0


if __name__ == "__main__":
    sys.exit(main())
