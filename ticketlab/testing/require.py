"""What a law demands, raised rather than asserted: `python -O` drops assertions, and pytest adds to their sentences."""

from __future__ import annotations

from typing import Any


def require(holds: object, sentence: str) -> None:
    """Raise AssertionError with the sentence unless it holds."""
    if not holds:
        raise AssertionError(sentence)


def same(what: str, found: Any, expected: Any) -> None:
    """Raise AssertionError unless what was found is what was expected."""
    require(found == expected, f"{what}: found {found}, expected {expected}")
