"""Policies: what chooses who moves next, and how they are had by name.

Entry points in the group `ticketlab.policies` give their kinds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ticketlab.core.spec import Kind, Spec
from ticketlab.explorer.engine.state import ExecutionState


class Policy(Protocol):
    """What chooses who moves next.

    `begin` runs between executions, in the process that leads the exploration: it may look at all of the execution
    before (still in the state), keep what it likes in itself, and says whether there is another one to try. `choose`
    runs in whichever process yields the turn: what it needs must be in the state, where `own`, `plan` and `marks` are
    the policy's, or have been in the policy when it was installed.
    """

    clocked: bool  # whether sleeping and virtual time order the steps

    def begin(self, state: ExecutionState) -> bool:
        """Prepare the next execution; False where every one has been explored."""

    def choose(self, enabled: Sequence[int], state: ExecutionState) -> int:
        """Return one of `enabled` (ascending, never empty), or NOBODY where a plan can not be followed."""


@dataclass(frozen=True, kw_only=True)
class PolicyKind(Kind):
    """A policy by name; `build(variant, seed, **options)` makes one.

    `ends` says that it comes to an end, and `exhausts` that by then everything has been explored.
    """

    build: Callable[..., Policy]
    ends: bool = False
    exhausts: bool = False

    def make(self, spec: Spec, seed: int = 0) -> Policy:
        """Build the policy that a spec names."""
        return self.build(self.variant(spec), seed, **self.settings(spec))
