"""What pytest loads in the process in which tests meet a mutant: it installs that, and says which test noticed."""

from __future__ import annotations

import json
import os
from typing import Any, Final

from ticketlab.core.mutants import mutated_by
from ticketlab.lab.mutating.guards import Mutant
from ticketlab.lab.mutating.mutator import GuardMutator

SETTING: Final = "TICKETLAB_MUTANT"
"""The environment variable that says what is installed: a JSON object of `notes`, `failed` and `mutant`."""


class _MutantPlugin:
    """Has a mutant in place while tests run."""

    def __init__(self, given: dict[str, str]) -> None:
        self._failed = given["failed"]
        self._notes = open(given["notes"], "ab")  # noqa: SIM115 - participants write to it as long as tests run
        mutant = Mutant.from_text(given["mutant"]) if given["mutant"] else None
        self._mutated = mutated_by(GuardMutator(self._notes, mutant))
        self._mutated.__enter__()

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Say which test failed."""
        if report.failed:
            with open(self._failed, "a", encoding="utf-8") as file:
                file.write(f"{report.nodeid}\n")

    def pytest_unconfigure(self) -> None:
        """Take the mutant away."""
        self._mutated.__exit__(None, None, None)
        self._notes.close()


def pytest_addhooks(pluginmanager: Any) -> None:
    """Install what the environment asks for."""
    pluginmanager.register(_MutantPlugin(json.loads(os.environ[SETTING])), "ticketlab-mutant")
