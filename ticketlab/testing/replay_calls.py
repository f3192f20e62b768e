"""The Python line that replays a saved case of a function, as it can be typed where the function is at hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ticketlab.testing.functions import FunctionRace
    from ticketlab.testing.plain_functions import PlainRace


def replay_call(replay: str, function: Callable[..., Any], path: Path, race: FunctionRace | PlainRace) -> str:
    """Return the call of a function of `ticketlab.testing`; it has what was set of the race."""
    defaults = type(race)()
    settings = [
        f"{field.name}={_typed(getattr(race, field.name))}"
        for field in fields(race)
        if getattr(race, field.name) != getattr(defaults, field.name)
    ]
    words = [_typed(function), repr(str(path))]
    words += [f"ticketlab.testing.{type(race).__name__}({', '.join(settings)})"] if settings else []
    return f"ticketlab.testing.{replay}({', '.join(words)})"


def _typed(value: object) -> str:
    return str(getattr(value, "__name__", repr(value))) if callable(value) else repr(value)
