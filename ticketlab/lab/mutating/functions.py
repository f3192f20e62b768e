"""Mutants of a plain function: its own exploration has to notice each."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from tempfile import TemporaryFile
from typing import Final, Protocol

from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.core.mutants import mutated_by
from ticketlab.core.spec import Spec
from ticketlab.core.verdict import Verdict
from ticketlab.explorer.results import DoneOf, ExploreOptions
from ticketlab.lab.mutating.guards import (
    CHANGED,
    Mutant,
    MutantOutcome,
    MutationResult,
    Weakening,
    mutants_of,
    numbered,
    read_notes,
)
from ticketlab.lab.mutating.mutator import GuardMutator
from ticketlab.lab.plain.explore import explore_plain
from ticketlab.lab.plain.function import PlainFunction

NOT_NEEDED: Final = "every schedule is right without it: this test does not need the guard"
NO_DIFFERENCE: Final = "in no schedule did anybody have to wait there"
NOT_MOVED: Final = "the step to which it would have to be moved did not come"


class MutantExploration(Protocol):
    """What the exploration of a mutant came to."""

    @property
    def valid(self) -> bool | None:
        """Whether every schedule went right."""

    @property
    def executions(self) -> int:
        """How many schedules were tried."""

    @property
    def verdict(self) -> Verdict:
        """What is decided."""


def mutate_function(
    plain: PlainFunction, how: ExploreOptions, *, command: str = "", progress: DoneOf = lambda _done, _all: None
) -> MutationResult:
    """Take each guard of a function away in turn, weaken it and move it, and explore what is left.

    Raises:
        UsageError: the function is not right as it stands.
        TicketlabError: the lab could not do its work.
    """
    if Spec.parse(how.executor).name == "inline":
        how = replace(how, executor="processes")
    return explored_mutants(plain.title, lambda: explore_plain(plain, how), command, progress)


def explored_mutants(
    subject: str, explore: Callable[[], MutantExploration], command: str, progress: DoneOf
) -> MutationResult:
    """Explore a subject with all its guards, and once with each of its mutants.

    Raises UsageError if it is not right as it stands.
    """
    began = time.monotonic()
    with TemporaryFile() as notes:
        with mutated_by(GuardMutator(notes)):
            found = explore()
        if found.valid is not True:
            why = found.verdict.reason or ", ".join(each.name for each in found.verdict.anomalies)
            raise UsageError(f"{subject} has to be right before anything is changed: {why}")
        mutants = mutants_of(read_notes(notes))
    outcomes = [_outcome(mutant, explore) for mutant in numbered(mutants, progress)]
    return MutationResult(command, subject, outcomes, time.monotonic() - began)


def _outcome(mutant: Mutant, explore: Callable[[], MutantExploration]) -> MutantOutcome:
    with TemporaryFile() as notes:
        try:
            with mutated_by(GuardMutator(notes, mutant)):
                found = explore()
        except TicketlabError as error:
            return MutantOutcome(mutant, None, str(error))
        changed = any(each.event == CHANGED for each in read_notes(notes))
    if found.valid is False:
        return MutantOutcome(mutant, True, ", ".join(anomaly.name for anomaly in found.verdict.anomalies))
    return survived(mutant, found.verdict.reason, changed=changed)


def survived(mutant: Mutant, undecided: str, *, changed: bool) -> MutantOutcome:
    """Return that nothing went wrong with a mutant, and what that proves; `undecided` says why it may prove nothing."""
    if not changed and mutant.weakening in (Weakening.LATER, Weakening.EARLIER):
        return MutantOutcome(mutant, None, NOT_MOVED)
    if undecided:
        return MutantOutcome(mutant, False, f"nothing went wrong, and nothing is proved: {undecided}")
    return MutantOutcome(mutant, False, NOT_NEEDED if changed else NO_DIFFERENCE)
