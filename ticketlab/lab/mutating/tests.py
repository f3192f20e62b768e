"""Mutants of what tests run: pytest runs the tests again with each mutant in place, and one of them has to fail."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from ticketlab.core.errors import UsageError
from ticketlab.explorer.results import DoneOf
from ticketlab.lab.mutating.functions import survived
from ticketlab.lab.mutating.guards import (
    CHANGED,
    Mutant,
    MutantOutcome,
    MutationResult,
    mutants_of,
    numbered,
    read_notes,
)
from ticketlab.lab.mutating.pytest_mutant import SETTING

_PASSED, _FAILED, _NONE = 0, 1, 5
_PLUGIN: Final = "ticketlab.lab.mutating.pytest_mutant"
_UNNOTICED: Final = "no test fails"


def mutate_tests(
    tests: Sequence[str], *, command: str = "", progress: DoneOf = lambda _done, _all: None
) -> MutationResult:
    """Take each guard away in turn that tests use, weaken it and move it, and run the tests again.

    Raises UsageError if the tests fail, or there are none, before anything is changed.
    """
    began = time.monotonic()
    with TemporaryDirectory() as folder:
        first = _Run(tests, None, Path(folder))
        if first.ended != _PASSED:
            why = "there are no tests" if first.ended == _NONE else "they do not pass before anything is changed"
            raise UsageError(f"{' '.join(tests)}: {why} ({first.told})")
        outcomes = [
            _outcome(_Run(tests, mutant, Path(folder)), mutant)
            for mutant in numbered(mutants_of(first.notes), progress)
        ]
    return MutationResult(command, " ".join(tests), outcomes, time.monotonic() - began)


def _outcome(run: _Run, mutant: Mutant) -> MutantOutcome:
    if run.ended == _FAILED:
        return MutantOutcome(mutant, True, run.told)
    if run.ended != _PASSED:
        return MutantOutcome(mutant, None, f"pytest could not do its work: {run.told}")
    outcome = survived(mutant, "", changed=any(each.event == CHANGED for each in run.notes))
    return outcome if outcome.convicted is None else replace(outcome, why=_UNNOTICED)


class _Run:
    """One run of pytest: how it `ended`, the `notes` of participants, and the first test that failed, if one did."""

    def __init__(self, tests: Sequence[str], mutant: Mutant | None, folder: Path) -> None:
        notes, failed = folder / "notes", folder / "failed"
        notes.write_bytes(b"")
        failed.write_text("")
        given = {"notes": str(notes), "failed": str(failed), "mutant": mutant.to_text() if mutant else ""}
        ran = subprocess.run(  # noqa: S603 - the user names the tests
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", _PLUGIN, *tests],
            env=os.environ | {SETTING: json.dumps(given)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        self.ended = ran.returncode
        with notes.open("rb") as file:
            self.notes = read_notes(file)
        said = (ran.stdout + ran.stderr).strip().splitlines()
        self.told = (failed.read_text().splitlines() or said[-1:] or ["pytest said nothing"])[0]
