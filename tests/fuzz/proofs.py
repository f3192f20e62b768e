"""Holds verdicts and proofs of `ticketlab check` to the second judge, on as many random histories as one likes.

    uv run python -m tests.fuzz.proofs --proofs 200000 --seed 1

Each false claim is printed with its history, made as small as it goes while it is still false of it. Exit code 1 says
that there was one, or a verdict that the second judge does not share.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from tests.fuzz.closing_claims import wrong_books
from tests.fuzz.histories import LATEST, draw
from tests.fuzz.minimise import minimise
from tests.fuzz.proof_case import UnknownSentence
from tests.fuzz.proof_evaluator import evaluate
from tests.fuzz.search_orders import TooHard
from tests.fuzz.second_judge import linearizable
from ticketlab import check
from ticketlab.core.errors import UsageError
from ticketlab.core.history import History, Operation
from ticketlab.core.verdict import Verdict
from ticketlab.lab.checking.check_file import check_file

SHRINKING: Final = 20.0  # seconds for one history
BY_FILE: Final = 8
"""One history in so many is judged as a file, and all that carry books are, since only the command reads these."""


class Finding(NamedTuple):
    """One thing that is not so: its kind, the model and the anomaly's name; what was said, and what is true."""

    kind: str
    model: str
    name: str
    sentence: str
    reason: str

    @property
    def group(self) -> tuple[str, str, str]:
        """What findings that stand for the same have in common."""
        return self.kind, self.model, self.name

    def within(self, what: str) -> Finding:
        """Return the finding as one that is known to hang on something."""
        return self._replace(kind=f"{self.kind}, by {what}")


@dataclass(slots=True)
class Tally:
    """What was judged so far."""

    histories: int = 0
    proofs: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    hard: int = 0
    verdicts: Counter[tuple[str, bool | None]] = field(default_factory=Counter)
    findings: Counter[tuple[str, str, str]] = field(default_factory=Counter)


def write(history: History, path: Path) -> Path:
    """Write the history as JSON Lines."""
    path.write_text("".join(f"{line}\n" for line in lines(history)), "utf-8")
    return path


def lines(history: History) -> Iterator[str]:
    """Yield the lines of the history's file."""
    yield json.dumps({"meta": dict(history.meta)})
    for each in history.operations:
        keys = {"process": each.process, "op": each.op, "arg": each.arg, "result": each.result}
        times = {"invoke_ns": each.invoke_ns, "return_ns": each.return_ns}
        more = {"section": each.section} if each.section else {}
        numbers = {"tickets": list(each.tickets)} if each.tickets else {}
        yield json.dumps(keys | times | more | numbers)


def read(path: Path) -> History:
    """Return the history in a file of JSON Lines, as it stands there."""
    first, *rest = (json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip())
    keys = ("process", "op", "arg", "result", "invoke_ns", "return_ns")
    operations = []
    for line in rest:
        more = {"section": line.get("section", ""), "tickets": tuple(line.get("tickets", ()))}
        operations.append(Operation(**{key: line[key] for key in keys}, **more))
    return History(first["meta"], tuple(operations))


@dataclass(frozen=True, slots=True)
class Judges:
    """Both judges, and a folder for the histories that are judged as files."""

    folder: Path

    def first(self, history: History, *, file: bool = False) -> Verdict:
        """Return what the lab says.

        Raises:
            UsageError: it refuses the history.
        """
        if file or "books" in history.meta:
            return check_file(write(history, self.folder / "history.jsonl")).verdict
        return check(history)

    def findings(self, history: History, verdict: Verdict) -> list[Finding]:
        """Return what the second judge has against the verdict and its proofs.

        Raises:
            TooHard: it gave up.
        """
        found = list(self._found(history, verdict))
        if any(each.return_ns == LATEST for each in history.operations):
            found = [each.within("the latest time") for each in found]
        return found

    def _found(self, history: History, verdict: Verdict) -> Iterator[Finding]:
        yield from self._verdict(history, verdict)
        yield from self._books(history, verdict)
        model = str(history.meta["model"])
        for anomaly in verdict.anomalies:
            try:
                falsehoods = evaluate(history, anomaly)
            except UnknownSentence as error:
                yield Finding("unknown sentence", model, anomaly.name, anomaly.sentence, str(error))
                continue
            for each in falsehoods:
                yield Finding(each.kind, model, anomaly.name, anomaly.sentence, each.reason)

    def _verdict(self, history: History, verdict: Verdict) -> Iterator[Finding]:
        by_order = [anomaly for anomaly in verdict.anomalies if "operations" in anomaly.evidence]
        said = None if verdict.valid is None else not by_order
        if said is None or said == (right := linearizable(history)):
            return
        names = ", ".join(anomaly.name for anomaly in by_order) or "valid"
        reason = "an order explains it" if right else "no order explains it"
        yield Finding("false alarm" if right else "missed", str(history.meta["model"]), "verdict", names, reason)

    def _books(self, history: History, verdict: Verdict) -> Iterator[Finding]:
        if "books" not in history.meta:
            return
        wrong, by_books = (
            wrong_books(history),
            [each for each in verdict.anomalies if "operations" not in each.evidence],
        )
        if wrong and verdict.valid:
            yield Finding("missed", "books", wrong, "valid", wrong)
        elif by_books and not wrong:
            yield Finding("false alarm", "books", by_books[0].name, by_books[0].sentence, "the books are right")

    def still(self, history: History, group: tuple[str, str, str]) -> bool:
        """Whether a finding of the same group can be made on this history."""
        try:
            return any(each.group == group for each in self.findings(history, self.first(history)))
        except (UsageError, TooHard):
            return False


def run(
    judges: Judges, seed: int, proofs: int, tally: Tally, seconds: float = float("inf")
) -> Iterator[tuple[History, Finding]]:
    """Yield findings, each with its history, until so many proofs were evaluated, or time is up."""
    number, last = seed * 1_000_000_000, time.monotonic() + seconds
    while tally.proofs < proofs and time.monotonic() < last:
        number += 1
        history = draw(number)
        try:
            verdict = judges.first(history, file=number % BY_FILE == 0)
        except UsageError as error:
            tally.refused["".join(each for each in str(error) if not each.isdigit())] += 1
            continue
        tally.histories += 1
        tally.verdicts[str(history.meta["model"]), verdict.valid] += 1
        tally.proofs += len(verdict.anomalies)
        try:
            found = judges.findings(history, verdict)
        except TooHard:
            tally.hard += 1
            continue
        for finding in found:
            tally.findings[finding.group] += 1
            yield history, finding


def _show(judges: Judges, history: History, finding: Finding, seen: Counter[str]) -> None:
    """Print a finding with the smallest history that it can be made on, unless that was printed before."""
    small = minimise(history, lambda each: judges.still(each, finding.group), SHRINKING)
    text = "\n".join(lines(small))
    if seen[text]:
        seen[text] += 1
        return
    seen[text] += 1
    again = next((each for each in judges.findings(small, judges.first(small)) if each.group == finding.group), finding)
    print(
        f"\n{again.kind}: {again.name}, {again.model}\n  said: {again.sentence}\n  true: {again.reason}\n{text}",
        flush=True,
    )


def _judge_files(judges: Judges, paths: list[Path]) -> int:
    wrong = 0
    for path in paths:
        history = read(path)
        found = judges.findings(history, judges.first(history, file=True))
        wrong += len(found)
        print(f"{path}: {len(found)} findings")
        for each in found:
            print(f"  {each.kind}: {each.name}\n    said: {each.sentence}\n    true: {each.reason}")
    return 1 if wrong else 0


def _summary(tally: Tally, seconds: float) -> None:
    print(f"\n{tally.histories:,} histories, {tally.proofs:,} proofs, {seconds:.0f} s; {tally.hard} too hard")
    for (model, valid), count in sorted(tally.verdicts.items(), key=str):
        print(f"  {model} {({True: 'valid', False: 'anomalous', None: 'undecided'})[valid]}: {count:,}")
    for reason, count in tally.refused.most_common():
        print(f"  refused {count:,}: {reason}")
    print(f"{tally.findings.total():,} findings")
    for group, count in tally.findings.most_common():
        print(f"  {count:,} {': '.join(group)}")


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, nargs="*", help="judge these histories instead of random ones")
    parser.add_argument("--proofs", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long")
    parser.add_argument("--each", type=int, default=10_000, help="print at most so many findings of a group")
    options = parser.parse_args()
    tally, seen, start, told = Tally(), Counter[str](), time.monotonic(), 0
    with TemporaryDirectory() as folder:
        judges = Judges(Path(folder))
        if options.file:
            return _judge_files(judges, options.file)
        for history, finding in run(judges, options.seed, options.proofs, tally, options.seconds):
            if tally.findings[finding.group] <= options.each:
                _show(judges, history, finding, seen)
            if tally.proofs - told >= 1_000:
                told = tally.proofs
                print(f"{tally.proofs:,} proofs, {tally.findings.total():,} findings", file=sys.stderr, flush=True)
    _summary(tally, time.monotonic() - start)
    return 1 if tally.findings else 0


if __name__ == "__main__":
    sys.exit(main())
