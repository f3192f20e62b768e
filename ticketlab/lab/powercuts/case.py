"""Cases of power cuts: everything needed to lay one disk state out again.

A case is a JSON object: what lost power, the steps before the cut, and which of the states was on the disk.

    {"ticketlab": "case", "version": 1,
     "power_cut": {"store": "", "program": {"commands": ["python shop.py"], "in": "shop", ...}, "recover": ""},
     "model": "ext4", "family": 0, "chosen": [1, 0], "steps": ["create new", ...], "seed": 0,
     "anomalies": ["invariant broken"], "versions": {...}}

`family` and `chosen` count as the model does (`powercut.choices`).
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ticketlab.core.errors import UsageError
from ticketlab.core.json_fields import JsonField, read_version
from ticketlab.core.spec import Spec
from ticketlab.lab.artifacts.case_files import CASES, write_case
from ticketlab.lab.artifacts.files import read_json
from ticketlab.lab.powercuts.search import MODELS
from ticketlab.lab.powercuts.subject import PowerCutSubject
from ticketlab.lab.programs.case import program_from_json, program_to_json
from ticketlab.lab.programs.program import command_words

POWER_CUT_CASE_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class PowerCutCase:
    """One disk state after a power cut: `chosen` in the model's family of that number, after the steps."""

    subject: PowerCutSubject
    model: str
    family: int
    chosen: tuple[int, ...]
    steps: tuple[str, ...]
    seed: int = 0
    anomalies: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the case as a JSON object."""
        subject = self.subject
        return {
            "ticketlab": "case",
            "version": POWER_CUT_CASE_VERSION,
            "power_cut": {
                "store": str(subject.store or ""),
                "program": program_to_json(subject.program) if subject.program else None,
                "recover": shlex.join(subject.recover),
            },
            "model": self.model,
            "family": self.family,
            "chosen": list(self.chosen),
            "steps": list(self.steps),
            "seed": self.seed,
            "anomalies": list(self.anomalies),
            "versions": dict(self.versions),
        }

    @classmethod
    def from_json(cls, data: object, source: str = "this case") -> PowerCutCase:
        """Read a case back; raises UsageError if it is misshapen, or of another version."""
        fields = JsonField(data, source)
        read_version(fields, "ticketlab", "case", "a case of ticketlab", (POWER_CUT_CASE_VERSION,))
        return cls(
            subject=_subject(fields["power_cut"]),
            model=fields["model"].one_of(tuple(MODELS)),
            family=fields["family"].whole(least=0),
            chosen=tuple(fields["chosen"].list_of(lambda way: way.whole(least=0))),
            steps=tuple(fields["steps"].list_of(JsonField.text)),
            seed=fields["seed"].whole(),
            anomalies=tuple(fields["anomalies"].list_of(JsonField.text)),
            versions=fields["versions"].dict_of(JsonField.text),
        )


def _subject(fields: JsonField) -> PowerCutSubject:
    if store := fields["store"].text():
        return PowerCutSubject(store, store=Spec.parse(store))
    program = program_from_json(fields["program"])
    return PowerCutSubject(program.title, program=program, recover=command_words(fields["recover"].text()))


def save_power_cut_case(case: PowerCutCase, folder: Path = CASES) -> Path:
    """Write a case into a folder; the same state of the same program gets the same name again."""
    data = case.to_json()
    identity = [data[key] for key in ("power_cut", "model", "family", "chosen", "steps")]
    return write_case(data, Path(case.subject.title.split()[0]).stem, json.dumps(identity, sort_keys=True), folder)


def is_power_cut_case(path: Path) -> bool:
    """Whether a file is a case of a power cut; raises UsageError if it cannot be read."""
    data = read_json(path, "case")
    return isinstance(data, dict) and "power_cut" in data


def load_power_cut_case(path: Path) -> PowerCutCase:
    """Read a case file; raises UsageError if it cannot be read, or holds no case of a power cut."""
    try:
        return PowerCutCase.from_json(read_json(path, "case"))
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None
