"""Holds what a live race prints to the history and the result that its run keeps: times, counts, holders, figures.

uv run python -m tests.fuzz.race_explanations --races 50 --seed 1
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, Final

from tests.fuzz.explained import Claim, renamed
from tests.fuzz.histories import LATEST
from tests.fuzz.proofs import read
from ticketlab.core.history import History

TIME: Final = r"([\d.,]+) (ms|s|µs|us)"
TO_MS: Final = {"ms": 1.0, "s": 1_000.0, "us": 0.001, "µs": 0.001}


@dataclass(slots=True)
class Raced:
    """One race: what it printed, its result, and its history."""

    text: str
    result: Mapping[str, Any]
    history: History

    @property
    def struck(self) -> Sequence[Mapping[str, Any]]:
        """Whom faults struck."""
        found: Sequence[Mapping[str, Any]] = renamed(self.result, "injected", "struck", [])
        return found


def judge_race(run: Raced) -> list[Claim]:
    """Return everything that is claimed and is not so, each with its kind."""
    found = [*_books(run), *_struck(run), *_asked(run), *_figures(run), *_overwritten(run)]
    for anomaly in run.result["anomalies"]:
        found += _waits(run, anomaly) if anomaly["name"] == "lock never released" else []
        found += _sold(run, anomaly) if anomaly["name"] in ("oversold", "lost update") else []
    return found


def _same_time(told: str, unit: str, ms: float) -> bool:
    """Whether a time as told is that time, to the digits that are told."""
    digits = len(told.partition(".")[2])
    return bool(abs(float(told.replace(",", "")) * TO_MS[unit] - ms) <= 0.500001 * TO_MS[unit] / 10**digits)


def _books(run: Raced) -> Iterator[Claim]:
    """The line about the books: issued, left, the ledger, and how many tickets purchases returned."""
    stocks, ledger = run.result["books"].get("stocks", {}), run.result["books"].get("ledger")
    for issued, left, section in re.findall(r"(\d+) issued and (-?\d+) left in '(.*?)'", run.text):
        if (int(issued), int(left)) != (stocks[section]["issued"], stocks[section]["remaining"]):
            yield "books", f"told {issued} issued and {left} left, true is {stocks[section]}"
    if match := re.search(r"the ledger lists (\d+) tickets?", run.text):
        true = sum(len(line["tickets"]) for line in ledger or [] if not line.get("cancels"))
        if int(match[1]) != true:
            yield "ledger", f"told {match[1]}, true is {true}"
    if match := re.search(r"Purchases returned (\d+) tickets?\.", run.text):
        true = sum(each.sold for each in run.history.operations if each.result == "ok")
        if int(match[1]) != true or run.result["sold"] != true:
            yield "told", f"told {match[1]} and {run.result['sold']}, true is {true}"


def _struck(run: Raced) -> Iterator[Claim]:
    """The lines of who was struck are those of the result, and nobody killed was answered afterwards."""
    pattern = rf"^† fault injected into (\w+ \d+): (\S+) before (.*?) at {TIME}(?:, holding (.*))?$"
    lines = re.findall(pattern, run.text, re.MULTILINE)
    if len(lines) != len(run.struck):
        yield "struck", f"{len(lines)} lines, {len(run.struck)} were struck"
    for (who, fault, before, told, unit, held), true in zip(lines, run.struck, strict=False):
        said = (who, fault, before, held)
        if said != (true["who"], true["fault"], true["before"], ", ".join(true["held"])):
            yield "struck", f"told {said}, true is {true}"
        if not _same_time(told, unit, true["at_ms"]):
            yield "struck", f"told {told} {unit}, true is {true['at_ms']} ms"
    for true in run.struck:
        if true["fault"].startswith("kill") and true["who"].startswith("buyer"):
            yield from _dead(run, int(true["who"].split()[1]), true["at_ms"])


def _dead(run: Raced, buyer: int, at_ms: float) -> Iterator[Claim]:
    for each in run.history.operations:
        if each.process == buyer and (each.return_ns or 0) / 1e6 > at_ms and each.return_ns != LATEST:
            yield "struck", f"buyer {buyer} was killed at {at_ms} ms and answered at {each.return_ns} ns"


def _asked(run: Raced) -> Iterator[Claim]:
    """The lines of when purchases were invoked, what they read, wrote and returned are those of the history."""
    pattern = rf"^  buyer (\d+): invoked at {TIME}, (.*?)returned at {TIME}: (.*)$"
    for buyer, asked, unit, between, returned, returned_unit, told in re.findall(pattern, run.text, re.MULTILINE):
        own = [each for each in run.history.operations if each.process == int(buyer)]
        fits = [each for each in own if _same_time(asked, unit, each.invoke_ns / 1e6)]
        if not any(_same_time(returned, returned_unit, (each.return_ns or 0) / 1e6) for each in fits):
            yield "asked", f"buyer {buyer} did not invoke at {asked} {unit} and return at {returned} {returned_unit}"
        for number in re.findall(r"tickets? ([\d, and]+)", told):
            numbers = [int(each) for each in re.findall(r"\d+", number)]
            if not any(set(numbers) <= set(each.tickets) for each in fits):
                yield "asked", f"buyer {buyer}'s call did not return tickets {numbers}"
        yield from _accesses(run, int(buyer), between)


def _accesses(run: Raced, buyer: int, text: str) -> Iterator[Claim]:
    true = {
        (access["action"], access["remaining"], round(access["ns"] / 1e6, 2))
        for operation in _evidence(run.result)
        if _buyer(operation) == buyer
        for access in operation.get("accesses", ())
    }
    for verb, left, at, unit in re.findall(rf"(read|wrote) (-?\d+) left at {TIME}", text):
        if not any(
            (action == "read") == (verb == "read") and count == int(left) and _same_time(at, unit, ms)
            for action, count, ms in true
        ):
            yield "asked", f"buyer {buyer} {verb} {left} at {at} {unit}: the evidence has {sorted(true)}"


def _buyer(operation: Mapping[str, Any]) -> Any:
    return renamed(operation, "process", "buyer")


def _evidence(result: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for anomaly in result["anomalies"]:
        yield from anomaly["evidence"].get("operations", ())
        for group in anomaly["evidence"].get("tickets", {}).values():
            yield from group


def _overwritten(run: Raced) -> Iterator[Claim]:
    """A lost update's evidence names sales that the ledger does not have any more."""
    ledger = run.result["books"].get("ledger")
    kept = {(line["buyer"], tuple(line["tickets"])) for line in ledger or []}
    for anomaly in run.result["anomalies"]:
        if anomaly["name"] != "lost update" or ledger is None or len(kept) > anomaly["evidence"]["returned"] - 1:
            continue  # a ledger that is a table of its own keeps what the record has lost
        for each in anomaly["evidence"].get("operations", ()):
            if (_buyer(each), tuple(each["tickets"])) in kept:
                yield "overwritten", f"buyer {_buyer(each)}'s tickets {each['tickets']} stand in the ledger"


def _figures(run: Raced) -> Iterator[Claim]:
    """Shares lie between 0 and 1, percentiles grow, and the longest latency is that of the history."""
    figures = renamed(run.result, "metrics", "figures", {})
    for key in ("fairness", "waiting_share"):
        if not 0 <= figures[key] <= 1:
            yield "figures", f"{key} is {figures[key]}"
    if not figures["p50_ms"] <= figures["p99_ms"] <= figures["longest_ms"]:
        yield "figures", f"percentiles {figures['p50_ms']}, {figures['p99_ms']}, {figures['longest_ms']}"
    answered = [each for each in run.history.operations if not each.unknown and each.result != "failed"]
    longest = max(((each.return_ns or 0) - each.invoke_ns for each in answered), default=0) / 1e6
    if answered and abs(longest - figures["longest_ms"]) > 1e-3:
        yield "figures", f"longest is {figures['longest_ms']} ms, by the history {longest} ms"


def _waits(run: Raced, anomaly: Mapping[str, Any]) -> Iterator[Claim]:
    pattern = r"(\w+ \d+) waits for (.*?), held by (\w+ \d+), which .*?(?: \((\d+) more wait for .*\))?"
    match = re.fullmatch(pattern, anomaly["sentence"])
    if match is None:
        yield "unknown sentence", anomaly["sentence"]
        return
    waiting = [each["who"] for each in anomaly["evidence"]["participants"] if each["waits"] == match[2]]
    if match[1] not in waiting or int(match[4] or 0) != len(waiting) - 1:
        yield "waits", f"told {match[1]} and {match[4] or 0} more, true is {waiting}"
    if match[3] not in [each["who"] for each in run.struck if match[2] in each["held"]]:
        yield "holder", f"{match[3]} did not hold {match[2]} when it was struck: {run.struck}"


def _sold(run: Raced, anomaly: Mapping[str, Any]) -> Iterator[Claim]:
    sentence = anomaly["sentence"]
    if match := re.fullmatch(r"(\d+) tickets? of section '(.*)' (?:is|are) sold, and it has only (\d+)", sentence):
        told = sum(each.sold for each in run.history.operations if each.section == match[2] and each.result == "ok")
        if int(match[1]) != told or int(match[3]) != run.result["books"]["stocks"][match[2]]["tickets"]:
            yield "sum", f"{sentence}: true is {told}"
    pattern = r"purchases returned (\d+) sold tickets? of section '(.*)', the books count (\d+): (\d+) overwritten"
    if match := re.fullmatch(pattern, sentence):
        told = sum(each.sold for each in run.history.operations if each.section == match[2] and each.result == "ok")
        true = (told, run.result["books"]["stocks"][match[2]]["issued"])
        if (int(match[1]), int(match[3])) != true or int(match[1]) - int(match[3]) != int(match[4]):
            yield "sum", f"{sentence}: true is {true}"
        if anomaly["evidence"].get("counted") != true[1]:
            yield "fields", f"the evidence has no counted: {sorted(anomaly['evidence'])}"


RACES: Final = (
    ("json", "none"),
    ("json:rename", "none"),
    ("manager", "none"),
    ("sqlite", "none"),
    ("json:rename", "flock"),
    ("json:rename", "lock"),
    ("sqlite", "atomic"),
    ("json:rename", "filelock"),
    ("manager", "lock"),
)


def race(folder: Path, *words: str) -> Raced | None:
    """Run one race in a folder; None where the lab refuses it."""
    command = [sys.executable, "-m", "ticketlab", "race", *words]
    environment = {**os.environ, "COLUMNS": "240"}
    ended = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    if ended.returncode not in (0, 1, 3):
        return None
    run = max(folder.glob(".ticketlab/runs/2*"))
    result = json.loads((run / "result.json").read_text("utf-8"))
    return Raced(ended.stdout, result, read(run / "history.jsonl"))


def words_of(rng: Random) -> list[str]:
    """Return a random race's command line."""
    store, strategy = rng.choice(RACES)
    words = ["--store", store, "--strategy", strategy, "--buyers", str(rng.randint(2, 10))]
    words += ["--tickets", str(rng.randint(1, 5)), "--seed", str(rng.randrange(10_000))]
    if rng.random() < 0.6:
        words += [
            "--faults",
            rng.choice(("kill:0.4", "kill:0.2,pause:0.3:50ms", "pause:0.5:50ms")),
            "--stall-timeout",
            "1",
        ]
    return words


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--races", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng, wrong, ran = Random(options.seed), 0, 0
    for number in range(options.races):
        words = words_of(rng)
        with TemporaryDirectory() as folder:
            run = race(Path(folder), *words)
        if run is None:
            print(f"refused: ticketlab race {' '.join(words)}", file=sys.stderr)
            continue
        ran += 1
        found = judge_race(run)
        wrong += bool(found)
        print(f"{number + 1} races", file=sys.stderr, flush=True)
        if found:
            print(f"\nticketlab race {' '.join(words)}")
            print("\n".join(f"  {kind}: {reason}" for kind, reason in found), flush=True)
    print(f"{ran} races, {wrong} with a false claim")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
