"""All known-wrong structures, each with its right twin."""

from __future__ import annotations

from tests.testing.machines.structures import contents, memory, names

PAIRS = [*contents.PAIRS, *names.PAIRS, *memory.PAIRS]
