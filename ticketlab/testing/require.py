"""What laws require, raised and not asserted: `python -O` drops assertions, and pytest changes their messages."""

from __future__ import annotations

from typing import Any


def require(holds: object, sentence: str) -> None:
    """Raise AssertionError with the sentence, unless `holds` is true."""
    if not holds:
        raise AssertionError(sentence)


def same(what: str, found: Any, expected: Any) -> None:
    """Raise AssertionError unless the value found is the one expected; `what` names it."""
    require(found == expected, f"{what}: found {found}, expected {expected}")
