"""Holds what explorations explain to an own replay of their schedules: tables, marks, holders, faults, crash rows.

    uv run python -m tests.fuzz.explanations                    # every store with every strategy, with faults too
    uv run python -m tests.fuzz.explanations --faults kill --stores json --strategies flock

Each command runs in a folder of its own. Its text is parsed as a person reads it; beside it stand the result and the
interleaving that the run keeps as JSON. Exit code 1 says that something was claimed that is not so.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.fuzz.explained import Explained, UnknownSentence
from tests.fuzz.explained_tables import judge

SECONDS: Final = 120
FILES: Final = ("json:truncate", "json:in-place", "json:rename", "json:durable", "json:journal")
STORES: Final = (*FILES, "sqlite", "manager", "memory", "private")
LOCKS: Final = ("lock", "manager-lock", "check-then-lock", "filelock", "filelock:soft", "filelock:stale-age", "flock")
LEASES: Final = ("lease:fenced", "lease:unfenced", "lease:fenced-writes")
CLERKS: Final = ("clerk", "clerk:socket", "clerk:retry")
WHOLE: Final = ("transaction:deferred", "transaction:immediate", "optimistic", "atomic")
STRATEGIES: Final = ("none", *LOCKS, *LEASES, *CLERKS, *WHOLE)
FAULTS: Final = ("", "kill", "pause", "kill-service", "io-error", "short-write", "terminate")


def explore(folder: Path, *words: str, seconds: float = SECONDS) -> Explained | None:
    """Run one exploration in a folder; None where the lab refuses it, or it takes too long.

    Raises:
        UnknownSentence: it ended otherwise than by a verdict.
    """
    command = [sys.executable, "-m", "ticketlab", "explore", *words]
    environment = {**os.environ, "COLUMNS": "240"}
    try:
        ended = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return None
    if ended.returncode == 2:
        return None
    if ended.returncode not in (0, 1, 3):
        raise UnknownSentence(f"exit code {ended.returncode}: {ended.stderr.strip()}")
    return kept(folder, ended.stdout)


def kept(folder: Path, text: str) -> Explained:
    """Return what the newest run in a folder has kept, beside what it printed."""
    run = max(folder.glob(".ticketlab/runs/2*"))
    result = json.loads((run / "result.json").read_text("utf-8"))
    path = run / "timeline.json"
    drawn = json.loads(path.read_text("utf-8"))["timelines"][0] if path.exists() else {"steps": [], "lanes": []}
    return Explained(text, result, drawn["steps"], drawn["lanes"])


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stores", nargs="*", default=STORES)
    parser.add_argument("--strategies", nargs="*", default=STRATEGIES)
    parser.add_argument("--faults", nargs="*", default=FAULTS)
    parser.add_argument("--executions", default="400")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    options = parser.parse_args()
    tally: Counter[str] = Counter()
    for store in options.stores:
        for strategy in options.strategies:
            for fault in options.faults:
                words = ["--store", store, "--strategy", strategy, "--buyers", "2", "--executions", options.executions]
                words += ["--faults", fault, "--exhaust"] if fault else []
                _one(words, options.seconds, tally)
    print(f"{tally['runs']} explorations, {tally['tables']} tables; {tally['not run']} were refused or took too long")
    for kind, count in tally.most_common():
        if kind.startswith("false "):
            print(f"  {count} {kind.removeprefix('false ')}")
    return 1 if any(kind.startswith("false ") for kind in tally) else 0


def _one(words: Sequence[str], seconds: float, tally: Counter[str]) -> None:
    """Run one exploration and print what is not so."""
    with TemporaryDirectory() as folder:
        try:
            run = explore(Path(folder), *words, seconds=seconds)
        except UnknownSentence as error:
            tally["false end"] += 1
            print(f"\nticketlab explore {' '.join(words)}\n  end: {error}", flush=True)
            return
    if run is None:
        tally["not run"] += 1
        return
    tally["runs"] += 1
    tally["tables"] += bool(run.steps)
    print(f"{tally['runs']} runs: {' '.join(words)}", file=sys.stderr, flush=True)
    found = judge(run)
    for kind, _ in found:
        tally[f"false {kind}"] += 1
    if found:
        print(f"\nticketlab explore {' '.join(words)}", flush=True)
        for kind, reason in found:
            print(f"  {kind}: {reason}")
        print("\n".join(f"    {line}" for line in run.text.splitlines()))


if __name__ == "__main__":
    sys.exit(main())
