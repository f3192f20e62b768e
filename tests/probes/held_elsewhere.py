"""A module of the user's that holds what another module shares."""

from __future__ import annotations

from typing import Any

guard: Any = None
number: Any = None
