"""The published table of what isolation levels prevent; only its facts are taken over, and its source is named."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib.resources import files

from ticketlab.lab.isolation.results import Occurrence


@dataclass(frozen=True, slots=True)
class PublishedLevels:
    """What is published of one store, and where; `possible` has by level the anomalies that can occur."""

    source: str
    possible: Mapping[str, Collection[str]]

    def result(self, level: str, anomaly: str) -> Occurrence | None:
        """Return what is published of an anomaly at a level, or None if nothing is."""
        if level not in self.possible:
            return None
        return Occurrence.POSSIBLE if anomaly in self.possible[level] else Occurrence.PREVENTED


def published_levels(store: str) -> PublishedLevels:
    """Return what is published of a store, by its name."""
    text = files(__package__).joinpath("published.json").read_text(encoding="utf-8")
    return PublishedLevels(**json.loads(text)[store])
