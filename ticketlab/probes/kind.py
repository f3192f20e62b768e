"""Probe families: what stands in for a part of the standard library while a search goes on, and how they are installed.

Entry points in the group `ticketlab.probes` give their kinds. A family is one file: it says which objects it stands in
for (`standins`), and what it does when a participant's call begins (`begin`) and ends (`end`), if anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from ticketlab.core.errors import UsageError
from ticketlab.core.spec import Kind
from ticketlab.core.system.collecting import no_collection
from ticketlab.probes.audit import listen
from ticketlab.probes.here import HERE
from ticketlab.probes.shared.registry import Finder
from ticketlab.probes.standins import StandIn, standing_in


@dataclass(frozen=True, kw_only=True)
class ProbeKind(Kind):
    """A family by name. `standins` is asked when a search begins, so that it knows what has been imported by then.

    `find` says which objects participants share through it, and `others` lists such objects that a function need not be
    able to come to by itself, with names.
    """

    standins: Callable[[], Sequence[StandIn]]
    begin: Callable[[], None] | None = None
    end: Callable[[], None] | None = None
    find: Finder | None = None
    others: Callable[[], Iterable[tuple[Any, str]]] | None = None


@contextmanager
def installed(
    kinds: Sequence[ProbeKind], *, in_one_process: bool = False, participant: str = "process"
) -> Iterator[None]:
    """Have the families stand in for a while, for participants in one process or not, and called so.

    Raises UsageError inside another search.
    """
    if HERE.begins:
        raise UsageError("a search of a plain function cannot begin inside another one")
    with ExitStack() as undo:
        undo.enter_context(no_collection())  # it would end things at moments that the schedule does not decide
        undo.callback(HERE.begins.clear)
        undo.callback(HERE.ends.clear)
        undo.callback(HERE.shared.close)
        HERE.shared.in_one_process, HERE.shared.participant = in_one_process, participant
        HERE.shared.finders = [kind.find for kind in kinds if kind.find is not None]
        HERE.shared.others = [kind.others for kind in kinds if kind.others is not None]
        HERE.ends += [kind.end for kind in kinds if kind.end is not None]
        HERE.begins += [
            HERE.resources.renew,
            HERE.descriptors.begin,
            HERE.shared.begin,
            *(kind.begin for kind in kinds if kind.begin is not None),
        ]
        listen()
        HERE.standins = [standin for kind in kinds for standin in kind.standins()]
        undo.enter_context(standing_in(HERE.standins))
        yield
