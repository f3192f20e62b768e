"""A dependency cycle as a picture: its transactions stand on a circle, and its dependencies are arcs of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import cos, pi, sin
from typing import Any, Final

_MOST: Final = 16
"""The most transactions of a cycle that is drawn; a longer one is told by its table alone."""
_ROOM: Final = 26.0  # from the middle of a transaction's name to where an arrow begins or ends
_MARGIN: Final = 44.0


@dataclass(frozen=True, slots=True)
class CyclePicture:
    """The names with their places, and the arrows: a path, the kind of dependency, and the place for that word."""

    size: float
    names: list[tuple[str, float, float]]
    arrows: list[tuple[str, str, float, float]]


def cycle_picture(evidence: Mapping[str, Any]) -> CyclePicture | None:
    """Return the picture of an anomaly's cycle; None if it has none, or one that is too long to draw."""
    edges = evidence.get("cycle")
    if not isinstance(edges, list) or not 2 <= len(edges) <= _MOST or not all(isinstance(e, Mapping) for e in edges):
        return None
    radius = max(62.0, len(edges) * 17.0)
    size = 2 * (radius + _MARGIN)
    turn, gap = 2 * pi / len(edges), _ROOM / radius

    def place(angle: float, distance: float = radius) -> tuple[float, float]:
        return round(size / 2 + distance * sin(angle), 1), round(size / 2 - distance * cos(angle), 1)

    names, arrows = [], []
    for number, edge in enumerate(edges):
        angle = number * turn - pi / 2
        names.append((str(edge.get("from", "?")), *place(angle)))
        (x1, y1), (x2, y2) = place(angle + gap), place(angle + turn - gap)
        path = f"M {x1} {y1} A {radius} {radius} 0 0 1 {x2} {y2}"
        arrows.append((path, str(edge.get("dependency", "?")), *place(angle + turn / 2, radius + 22)))
    return CyclePicture(size, names, arrows)
