"""Policies by name, as entry points in the group `ticketlab.policies` give them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ticketlab.core.spec import Kind, Spec
from ticketlab.explore.schedule import Policy


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
