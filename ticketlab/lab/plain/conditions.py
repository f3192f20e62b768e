"""The user's own conditions on the end of a run: on the folder, and on what the participants returned."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ticketlab.core.errors import UsageError
from ticketlab.core.verdict import Anomaly
from ticketlab.lab.plain.function import PlainFunction, bound, raised_text, source_of


def broken_conditions(plain: PlainFunction, folder: Path, returned: list[Any]) -> Iterator[Anomaly]:
    """Yield which conditions do not hold of a folder and of what the participants returned.

    The evidence of a condition that raised anything but AssertionError says what, under `raised`.
    """
    if plain.returned is not None:
        what = f"the {'tasks' if plain.in_tasks else 'processes'} returned {returned!r}"
        yield from broken_condition("wrong results", "returned", what, partial(plain.returned, returned))
    if plain.invariant is not None:
        call = bound(plain.invariant, {"folder": folder, "returned": returned, **plain.fixtures})
        yield from broken_condition("invariant broken", "invariant", "afterwards the invariant is false", call)


def refuse_failing(broken: Iterable[Anomaly]) -> None:
    """Raise UsageError if a condition itself failed on a run one after another: it cannot say what it shall say."""
    for anomaly in broken:
        if said := anomaly.evidence.get("raised"):
            raise UsageError(
                f"{anomaly.evidence['call']} raises {said}, though all went one after another: it has to return False, "
                "or to raise AssertionError, if the end is wrong"
            )


def broken_condition(name: str, call: str, is_false: str, holds: Callable[[], object]) -> Iterator[Anomaly]:
    """Yield the anomaly of that name if a condition is false or raises; `call` says which of the user's calls it is."""
    try:
        held = holds()
    except AssertionError as error:
        said = str(error).partition("\n")[0] or source_of(error)
        yield Anomaly(name, f"afterwards the {call} fails: {said}" if call == "invariant" else f"{is_false}: {said}")
    except Exception as error:
        said = raised_text(error)
        yield Anomaly(name, f"afterwards the {call} raises {said}", {"call": call, "raised": said})
    else:
        if held is False:
            yield Anomaly(name, is_false)
