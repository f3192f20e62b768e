"""How every benchmark measures: both sides in turn, round after round, and medians of what was seen.

A benchmark lists its measurements; `main` measures them. In each round both sides take one sample, one right after the
other, and the side that goes first changes from round to round: a machine whose speed drifts harms neither. Printed are
the median of our samples and the median of the rounds' ratios, each with the least and the greatest that were seen.

`--against PATH` puts another checkout in place of the named alternatives: both checkouts' own copies of the benchmark
run in processes of their own, each by the interpreter of its checkout's environment, and take turns as above.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

ROOT: Final = Path(__file__).resolve().parents[2]
Sample = Callable[[], float]
Side = Callable[[], AbstractContextManager[Sample]]
"""Makes ready and warms up what is measured; yields what takes one sample of it."""
Speeds = Callable[[argparse.Namespace], "Iterable[Measurement]"]
Check = Callable[[argparse.Namespace], bool]


class UnavailableError(Exception):
    """An alternative that cannot be measured here; the text says why."""


@dataclass(frozen=True)
class Measurement:
    """One figure of ours, and the alternative that it is measured beside.

    `bar` is what the median must reach, `ratio_bar` what the median ratio (ours / the alternative's) must reach; of
    rates (`/s`) more is better, of everything else less. A bar of the median is not asked for where there is a ratio
    to judge by.
    """

    name: str
    ours: Side
    unit: str = "/s"
    beside: str = ""
    other: Side | None = None
    bar: float | None = None
    ratio_bar: float | None = None

    @property
    def more_is_better(self) -> bool:
        """Whether this is a rate."""
        return self.unit == "/s"

    def keeps(self, value: float, bar: float) -> bool:
        """Whether a median, or a ratio, keeps its bar."""
        return value >= bar if self.more_is_better else value <= bar


def report(kept: bool, text: str) -> bool:
    """Print one bar and whether it is kept, and return that."""
    print(f"{'ok  ' if kept else 'MISS'} {text}", flush=True)
    return kept


def sampled(measurement: Measurement, rounds: int) -> tuple[list[float], list[float]]:
    """Return the samples of both sides; those of the alternative are none if there is none, or not here."""
    with ExitStack() as stack:
        sides = [stack.enter_context(measurement.ours())]
        try:
            if measurement.other is not None:
                sides.append(stack.enter_context(measurement.other()))
        except UnavailableError as reason:
            print(f"     {measurement.beside}: {reason}", flush=True)
        samples: list[list[float]] = [[] for _ in sides]
        for number in range(rounds):
            for side in range(len(sides))[:: -1 if number % 2 else 1]:
                samples[side].append(sides[side]())
    return samples[0], samples[1] if len(samples) > 1 else []


def shown(samples: Sequence[float], unit: str) -> str:
    """Return a median with its spread."""
    digits = ",.0f" if min(samples) >= 100 else ",.1f" if min(samples) >= 10 else ",.3f"
    median, least, most = (f"{each:{digits}}" for each in (statistics.median(samples), min(samples), max(samples)))
    return f"{median} {unit} ({least} to {most})"


def judged(measurement: Measurement, rounds: int) -> bool:
    """Measure, print one line, and return False if its bar was missed.

    A ratio misses its bar if the median does, and three quarters of the rounds: otherwise the miss is within the noise,
    and the line begins with a question mark.
    """
    ours, theirs = sampled(measurement, rounds)
    line = f"{measurement.name:<62} {shown(ours, measurement.unit):<34}"
    value, bar, what, sure = statistics.median(ours), measurement.bar, "", True
    if theirs:
        ratios = sorted(one / other for one, other in zip(ours, theirs, strict=True))
        ratio, spread = statistics.median(ratios), f"{ratios[0]:.2f} to {ratios[-1]:.2f}"
        line += f"  {ratio:.2f} ({spread}) x {measurement.beside}, {shown(theirs, measurement.unit)}"
        if measurement.ratio_bar is not None:
            value, bar, what = ratio, measurement.ratio_bar, " x"
            sure = sum(not measurement.keeps(each, bar) for each in ratios) >= 0.75 * len(ratios)
    if bar is None:
        print(f"     {line}", flush=True)
        return True
    line += f"  bar {bar:,g}{what}"
    if not measurement.keeps(value, bar) and not sure:
        print(f"?    {line}", flush=True)
        return True
    return report(measurement.keeps(value, bar), line)


class Checkout:
    """The same benchmark in another process, by the interpreter of a checkout; it answers one sample at a time."""

    def __init__(self, root: Path, python: Path, words: Sequence[str]) -> None:
        name = f"scripts.benchmarks.{Path(sys.argv[0]).stem}"
        self._process = subprocess.Popen(
            [str(python), "-P", "-m", name, *words, "--serve"],
            env=os.environ | {"PYTHONPATH": str(root)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    @classmethod
    def at(cls, root: Path, words: Sequence[str]) -> Checkout:
        """Start the benchmark of the checkout at a path, which has an environment of its own."""
        python, script = root / ".venv/bin/python", root / "scripts/benchmarks" / Path(sys.argv[0]).name
        for missing, fix in ((python, "run `uv sync` there"), (script, "copy scripts/benchmarks there")):
            if not missing.exists():
                raise SystemExit(f"--against {root}: there is no {missing}; {fix}")
        return cls(root, python, words)

    def ask(self, name: str) -> float:
        """Take one sample of a measurement."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{name}\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline() or '{"error": "the process ended"}')
        if "error" in answer:
            raise UnavailableError(answer["error"])
        return float(answer["value"])

    def side(self, name: str) -> Side:
        """Return a measurement of this checkout's as a side; its first sample warms up, and does not count."""

        @contextmanager
        def opened() -> Iterator[Sample]:
            self.ask(name)
            yield lambda: self.ask(name)
            self.ask("")

        return opened

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


def serve(measurements: Iterable[Measurement]) -> int:
    """Take a sample of each measurement whose name is read, a line each; an empty name closes what is open."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sides = {each.name: each.ours for each in measurements}
    opened, sample, stack = "", None, ExitStack()
    for line in sys.stdin:
        answer: dict[str, Any] = {"value": 0}
        try:
            if (name := line.rstrip("\n")) != opened:
                stack.close()
                opened, sample = name, stack.enter_context(sides[name]()) if name else None
            if sample is not None:
                answer = {"value": sample()}
        except KeyError:
            opened, sample, answer = "", None, {"error": f"has no measurement {name!r}"}
        except UnavailableError as reason:
            answer = {"error": str(reason)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    stack.close()
    return 0


def compared(measurements: Iterable[Measurement], given: argparse.Namespace, words: Sequence[str]) -> bool:
    """Measure both checkouts in turn, and return whether none of ours is worse than theirs by more than was allowed."""
    kept = True
    with Checkout.at(given.against, words) as theirs, Checkout(ROOT, Path(sys.executable), words) as ours:
        for each in measurements:
            bar = 1 - given.worse / 100 if each.more_is_better else 1 + given.worse / 100
            both = replace(each, ours=ours.side(each.name), other=theirs.side(each.name), beside=str(given.against))
            kept &= judged(replace(both, bar=None, ratio_bar=bar), given.rounds)
    return kept


@contextmanager
def kept_awake() -> Iterator[None]:
    """Keep every core busy with what gives way to anything else.

    A virtual machine gives an idle core back to its host, and waking it can cost more than what is measured.
    """
    spinners = [multiprocessing.Process(target=_spin, daemon=True) for _ in os.sched_getaffinity(0)]
    for each in spinners:
        each.start()
    try:
        yield
    finally:
        for each in spinners:
            each.kill()


def _spin() -> None:
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    while True:
        pass


def parser(doc: str | None, rounds: int) -> argparse.ArgumentParser:
    """Return a parser of the options that all benchmarks share."""
    made = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--rounds", type=int, default=rounds, help=f"samples of each side, {rounds} unless given")
    made.add_argument("--only", default="", help="one part, or the measurements whose names contain this")
    made.add_argument(
        "--against", type=lambda text: Path(text).resolve(), metavar="PATH", help="compare with another checkout"
    )
    made.add_argument("--worse", type=float, default=5, help="how many percent worse than --against is allowed")
    made.add_argument("--awake", action="store_true", help="keep cores from going idle, by spinning at idle priority")
    made.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    return made


def main(
    options: argparse.ArgumentParser, speeds: Mapping[str, Speeds], checks: Mapping[str, Check] | None = None
) -> int:
    """Measure, then check, in a folder of its own; return 1 if a bar was missed.

    `speeds` and `checks` are by the name of their part, and may share names. A comparison with another checkout
    leaves the checks out.
    """
    given, checks = options.parse_args(), checks or {}
    names = dict.fromkeys([*speeds, *checks])
    wanted = [given.only] if given.only in names else list(names)
    found = [each for name in wanted if name in speeds for each in speeds[name](given)]
    if given.only not in names:
        found, checks = [each for each in found if given.only in each.name], {} if given.only else checks
    if given.serve:
        with _scratch():
            return serve(found)
    if not found and not any(name in checks for name in wanted):
        options.error(f"--only {given.only}: no part and no measurement has this name; parts are {', '.join(names)}")
    with kept_awake() if given.awake else nullcontext(), _scratch():
        if given.against:
            return 0 if compared(found, given, _without_against(sys.argv[1:])) else 1
        kept = [judged(each, given.rounds) for each in found]
        kept += [checks[name](given) for name in wanted if name in checks]
    return 0 if all(kept) else 1


@contextmanager
def _scratch() -> Iterator[None]:
    """Work in a folder that is thrown away, below the current one: its file system is the one that is meant."""
    home = Path.cwd()
    with tempfile.TemporaryDirectory(dir=home, prefix=".benchmark-") as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(home)


def _without_against(words: Sequence[str]) -> list[str]:
    left = list(words)
    at = next(number for number, word in enumerate(left) if word.startswith("--against"))
    del left[at : at + (1 if "=" in left[at] else 2)]
    return left
