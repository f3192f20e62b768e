"""Stand-ins in what a function holds: its defaults, its closure, and what it can come to.

Loaded modules are looked through elsewhere (see `standins`); this reaches what a user's own modules put away.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from ticketlab.probes.here import HERE
from ticketlab.probes.shared.reachable import reachable


@contextmanager
def standing_in_held(roots: Mapping[str, Any]) -> Iterator[None]:
    """Put the search's stand-ins wherever the given objects hold the originals, and at the end the originals back."""
    substitutes = {id(each.original): each.substitute for each in HERE.standins if each.owner is None}
    with ExitStack() as undo:
        for _, value, put in reachable(roots, substitutes.values()):
            if put is not None and id(value) in substitutes:
                undo.callback(put, value)
                put(substitutes[id(value)])
        yield
