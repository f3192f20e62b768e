"""The order of rows, the words and the numbers that all forms of a result share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ticketlab.core.metrics import Metric
from ticketlab.core.text import join_some, pluralize


def word(valid: bool | None) -> str:
    """Return a verdict as one word."""
    return {True: "valid", False: "anomalous", None: "undecided"}[valid]


def why(row: Mapping[str, Any]) -> str:
    """Name what went wrong, or say why there is no verdict."""
    return "; ".join(dict.fromkeys(each["name"] for each in row["anomalies"])) or str(row.get("reason", ""))


def tally(verdicts: Sequence[tuple[bool | None, bool]]) -> str:
    """Say how many of several races went wrong; an undecided race never counts as right.

    Each has a verdict, and whether its strategy claims safety. What claims none is counted apart: it is raced to be
    found out.
    """
    claiming = [valid for valid, claims in verdicts if claims]
    others = [valid for valid, claims in verdicts if not claims]
    told = _tally(claiming, " that claim safety" if others else "") if claiming else ""
    found = f"{others.count(False)} of {_races(len(others), ' that claim none')} went wrong" if others else ""
    return "; ".join(filter(None, (told, found)))


def _tally(verdicts: Sequence[bool | None], which: str) -> str:
    races = _races(len(verdicts), which)
    wrong, unsure = verdicts.count(False), verdicts.count(None)
    told = [f"{wrong} of {races} went wrong"] if wrong else []
    told += [f"{unsure} of {races} {'is' if unsure == 1 else 'are'} undecided"] if unsure else []
    return (
        ", ".join(told)
        or f"{'All' if len(verdicts) > 1 else '1 of'} {races} {'are' if len(verdicts) > 1 else 'is'} correct"
    )


def _races(count: int, which: str) -> str:
    return f"{pluralize(count, 'race')}{which.replace('claim', 'claims') if count == 1 else which}"


def in_order(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the rows sorted by store, number of buyers and rank; rows without a rank come last."""
    stores = {row["store"]: number for number, row in reversed(list(enumerate(rows)))}
    return sorted(rows, key=lambda row: (stores[row["store"]], row["buyers"], row["rank"] is None, row["rank"] or 0))


def value(amount: float, metric: Metric) -> str:
    """Return the value of a metric without its unit, to three digits."""
    if metric.field == "fairness":
        return f"{amount:.2f}"
    if metric.unit == "%":
        return f"{amount:.0%}"
    return f"{amount:,.0f}" if abs(amount) >= 100 else f"{amount:.3g}"


def number_text(value: object) -> str:
    """Return a number to three digits, or with all digits before the point if these are more."""
    if not isinstance(value, int | float):
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


_MOST_NAMED: Final = 6  # processes
_LOCKS: Final = ("lock on ", "record lock on ")


def seen_line(resource: str, reads: Mapping[Any, int], changes: Mapping[Any, int], participant: str) -> str:
    """Return in a line how often a resource was read and changed, each by participant; it says how people call one."""
    verb = "taken" if resource.startswith(_LOCKS) else "changed"
    told = [f"{verb} {_times(counts, participant)}" for verb, counts in (("read", reads), (verb, changes)) if counts]
    return f"{resource}: {', '.join(told)}"


def _times(counts: Mapping[Any, int], participant: str) -> str:
    return join_some([f"{count} x by {participant} {who}" for who, count in sorted(counts.items())], _MOST_NAMED)
