"""Stand-ins in what a function holds: its defaults, its closure, and what it can come to.

Loaded modules are looked through elsewhere (see `standins`); this reaches what a user's own modules put away.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import MethodType
from typing import Any

from ticketlab.probes.here import HERE
from ticketlab.probes.shared.places import put_everywhere
from ticketlab.probes.shared.reachable import reachable
from ticketlab.probes.standins import identity


@contextmanager
def standing_in_held(roots: Mapping[str, Any]) -> Iterator[None]:
    """Put the search's stand-ins wherever the given objects hold the originals, and at the end the originals back.

    What stands where nothing can be put, as in a tuple, is taken down in `HERE.kept`.
    """
    anywhere = [each for each in HERE.standins if each.owner is None and not each.packages]
    # A method that is bound finds what stands in for it in its class.
    substitutes = {
        identity(each.original): each.substitute for each in anywhere if not isinstance(each.original, MethodType)
    }
    with ExitStack() as undo:
        undo.callback(HERE.kept.clear)
        for reached in reachable(roots, substitutes.values()):
            if identity(reached.value) not in substitutes:
                continue
            if reached.is_fixed:
                HERE.kept.append(f"{reached.name} cannot be exchanged: what it does the lab does not see")
            undo.callback(put_everywhere, reached.places, reached.value)
            put_everywhere(reached.places, substitutes[identity(reached.value)])
        yield
