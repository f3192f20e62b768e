"""Guards by where they stand in the source, what can be done to each, and what came of it."""

from __future__ import annotations

import json
import linecache
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import IO, Any, NamedTuple

from ticketlab.core.verdict import Verdict
from ticketlab.explorer.results import DoneOf


class Weakening(Enum):
    """What is done to a guard."""

    TAKEN_AWAY = "taken away"
    ADMITS_TWO = "lets a second one in"
    LATER = "taken one step later"
    EARLIER = "given back one step earlier"


class GuardPlace(NamedTuple):
    """A guard by its kind and the line that uses it."""

    kind: str
    file: str
    line: int

    @property
    def shown(self) -> str:
        """Where it stands, as people write it."""
        return f"{Path(self.file).name}:{self.line}"

    @property
    def source(self) -> str:
        """The line itself."""
        return linecache.getline(self.file, self.line).strip()


class Mutant(NamedTuple):
    """A guard and what is done to it.

    `contested` names what one participant changes and another one uses; only steps that concern it count. `steps` is
    the number of such steps under the guard, before the last of which it is given back if that is done early.
    """

    place: GuardPlace
    weakening: Weakening
    steps: int = 0
    contested: frozenset[str] = frozenset()

    def to_text(self) -> str:
        """Return it in a form that `from_text` reads."""
        return json.dumps([*self.place, self.weakening.value, self.steps, sorted(self.contested)])

    @classmethod
    def from_text(cls, text: str) -> Mutant:
        """Read what `to_text` wrote."""
        kind, file, line, weakening, steps, contested = json.loads(text)
        return cls(GuardPlace(kind, file, line), Weakening(weakening), steps, frozenset(contested))


class GuardNote(NamedTuple):
    """What a participant noted: that it used a guard, or changed one, or what its steps under one were about.

    A step that it made has no place of a guard; `about` is then who made it and what it was about, and what it changed.
    """

    event: str
    place: GuardPlace
    about: Sequence[Any] = ()


USED, MOVABLE, HELD, CHANGED, STEP = "used", "movable", "held", "changed", "step"


def read_notes(file: IO[bytes]) -> list[GuardNote]:
    """Return what participants noted in a file."""
    file.seek(0)
    return [GuardNote(event, GuardPlace(*place), about) for event, place, about in map(json.loads, file)]


def mutants_of(notes: Sequence[GuardNote]) -> list[Mutant]:
    """Return the mutants of all guards that were used, in the order of their lines."""
    contested = _contested(notes)
    places = {each.place for each in notes if each.event in (USED, MOVABLE)}
    movable = {each.place for each in notes if each.event == MOVABLE}
    found = []
    for place in sorted(places, key=lambda each: (each.file, each.line, each.kind)):
        found.append(Mutant(place, Weakening.TAKEN_AWAY))
        if place in movable:
            found.append(Mutant(place, Weakening.ADMITS_TWO))
            held = [each.about for each in notes if each.event == HELD and each.place == place]
            steps = max((sum(one in contested for one in about) for about in held), default=0)
            if steps > 1:
                found.append(Mutant(place, Weakening.LATER, contested=contested))
                found.append(Mutant(place, Weakening.EARLIER, steps, contested))
    return found


def _contested(notes: Sequence[GuardNote]) -> frozenset[str]:
    """Return what one participant changed and another one used."""
    users: dict[str, set[int]] = {}
    changed: set[str] = set()
    for who, resources, changes in (each.about for each in notes if each.event == STEP):
        for one in resources:
            users.setdefault(one, set()).add(who)
        changed |= set(changes)
    return frozenset(one for one in changed if len(users[one]) > 1)


@dataclass(frozen=True, slots=True)
class MutantOutcome:
    """What came of a mutant: True if a test failed, False if none did, None if that is undecided; and why."""

    mutant: Mutant
    convicted: bool | None
    why: str

    def to_json(self) -> dict[str, Any]:
        """Return it as it stands in results."""
        place = self.mutant.place
        return {
            "guard": place.kind,
            "file": place.file,
            "line": place.line,
            "source": place.source,
            "change": self.mutant.weakening.value,
            "convicted": self.convicted,
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class MutationResult:
    """What came of all mutants of a test's subject."""

    command: str
    subject: str
    outcomes: Sequence[MutantOutcome]
    seconds: float

    @property
    def survivors(self) -> Sequence[MutantOutcome]:
        """The mutants that no test convicts."""
        return [each for each in self.outcomes if each.convicted is False]

    @property
    def valid(self) -> bool | None:
        """Whether each mutant is convicted; None if that is undecided, or there are no mutants."""
        if self.survivors:
            return False
        return True if self.outcomes and all(each.convicted for each in self.outcomes) else None

    @property
    def exit_code(self) -> int:
        """0 if each mutant is convicted, 1 if one survives, 3 if that is undecided."""
        return {True: 0, False: 1, None: Verdict(reason="undecided").exit_code}[self.valid]

    def to_json(self) -> dict[str, Any]:
        """Return it as it is printed and saved."""
        return {
            "command": self.command,
            "subject": self.subject,
            "valid": self.valid,
            "mutants": [each.to_json() for each in self.outcomes],
            "survivors": len(self.survivors),
            "seconds": self.seconds,
        }


def numbered(mutants: Sequence[Mutant], progress: DoneOf) -> Iterator[Mutant]:
    """Yield mutants one after another; `progress` is told how many there were, and of how many."""
    for number, mutant in enumerate(mutants):
        progress(number, len(mutants))
        yield mutant
