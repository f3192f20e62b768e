"""What loses power: a program of the user's, or a store of the lab's that sells a few tickets."""

from __future__ import annotations

from dataclasses import dataclass

from ticketlab.core.spec import Spec
from ticketlab.lab.programs.program import Program


@dataclass(frozen=True, slots=True)
class PowerCutSubject:
    """A store or a program, by its title; `recover` is a command that is run after a cut, before the invariant."""

    title: str
    store: Spec | None = None
    program: Program | None = None
    recover: tuple[str, ...] = ()
