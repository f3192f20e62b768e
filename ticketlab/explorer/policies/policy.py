"""Policies: what chooses who moves next, and how a policy is found by its name.

Entry points in the group `ticketlab.policies` give their kinds.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import floor
from typing import Any, NamedTuple

from ticketlab.core.spec import Kind, Spec
from ticketlab.core.text import pluralize
from ticketlab.explorer.engine.policy_columns import Declaring
from ticketlab.explorer.engine.state import ExecutionState


class Policy(Declaring, ABC):
    """Chooses who moves next: `begin` prepares an execution, and `choose` picks a participant for each of its steps.

    The two run in different places. `begin` runs between executions, in the process that leads the exploration. It may
    look at the whole execution before, which is still in the state, and keep anything in attributes of its own.
    `choose` runs in whichever process yields the turn, on a copy of the policy that was made as it was installed. So it
    may read the policy's attributes but must keep what it notes in columns that the class declares (see
    `policy_columns`): those are in memory that all processes share. A column holds what earlier executions and other
    policies left there, so `begin` sets all that `choose` reads.
    """

    clocked = False
    """Whether sleeping and virtual time order the steps."""
    proves = False
    """Whether every schedule is covered when there is no further execution, if the program repeats itself."""
    repeated = 0
    """With how many steps of earlier executions the present one has to begin."""
    redundant = 0
    """How many executions so far were found to repeat others up to the order of steps that commute."""
    by = ""
    """The name of the policy that draws the present execution, if several take turns."""
    ready: bool | None = None
    """Whether there is a next execution, once it has been prepared; None before."""

    def prepare(self, state: ExecutionState) -> bool:
        """Prepare the next execution unless that has been done, and return whether there is one; executors call it."""
        if self.ready is None:
            self.ready = self.begin(state)
        return self.ready

    @abstractmethod
    def begin(self, state: ExecutionState) -> bool:
        """Prepare the next execution, and return whether there is one; the search is over if there is none."""

    @abstractmethod
    def choose(self, enabled: Sequence[int], state: ExecutionState) -> int:
        """Return one of `enabled` (ascending, never empty), or NOBODY if a plan cannot be followed."""

    def awake_since(self, length: int) -> Sequence[int]:
        """Return for each step of the last execution before which step its participant was awake to make it.

        It is empty unless the policy keeps a queue of those who are ready.
        """
        return ()

    def promise(self) -> Promise | None:
        """Return what the executions so far would have found, with known odds; None if the policy promises nothing."""
        return None


class Promise(NamedTuple):
    """What would have been found, with what odds, by how many executions of which policy, and within how many steps."""

    what: str
    odds: float
    executions: int
    policy: str
    steps: int

    def __str__(self) -> str:
        tried, least = pluralize(self.executions, "execution"), min(99, floor(100 * self.odds)) / 100  # never certain
        return (
            f"{self.what} would have been found with a probability of at least {least:.2f} "
            f"({tried} by {self.policy}, if none can have more than {pluralize(self.steps, 'step')})"
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as it stands in results."""
        return self._asdict()


@dataclass(frozen=True, kw_only=True)
class PolicyKind(Kind):
    """A policy by name; `build(variant, seed, **options)` makes one.

    `ends` says that there is a last execution, and `exhausts` that after it every schedule has been covered.
    """

    build: Callable[..., Policy]
    ends: bool = False
    exhausts: bool = False

    def make(self, spec: Spec, seed: int = 0) -> Policy:
        """Build the policy that a spec names."""
        return self.build(self.variant(spec), seed, **self.settings(spec))
