"""The order of rows, the words and the numbers that all forms of a result share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ticketlab.core.metrics import Metric
from ticketlab.core.text import join_words


def word(valid: bool | None) -> str:
    """Return a verdict as one word."""
    return {True: "valid", False: "anomalous", None: "undecided"}[valid]


def why(row: Mapping[str, Any]) -> str:
    """Name what went wrong, or say why there is no verdict."""
    return "; ".join(dict.fromkeys(each["name"] for each in row["anomalies"])) or str(row.get("reason", ""))


def tally(verdicts: Sequence[bool | None]) -> str:
    """Say how many of several races went wrong; an undecided race never counts as right."""
    of = f"of {len(verdicts)} races"
    wrong, unsure = verdicts.count(False), verdicts.count(None)
    told = [f"{wrong} {of} went wrong"] if wrong else []
    told += [f"{unsure} {of} {'is' if unsure == 1 else 'are'} undecided"] if unsure else []
    return ", ".join(told) or f"All {len(verdicts)} races kept the books right"


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


CRASH_COLUMNS: Final = ("store", "strategy", "points", "executions", "verdict", "waited", "left_behind", "anyway")


def crash_cells(row: Mapping[str, Any]) -> list[str]:
    """Return a row of the crash matrix as `CRASH_COLUMNS` names its cells."""
    told = dict(
        row,
        verdict=row["summary"],
        left_behind=", ".join(map(str, row["left_behind"])),
        anyway=", ".join(map(str, row["anyway"])),
    )
    return [str(told.get(column, "")) for column in CRASH_COLUMNS]


_LOCKS: Final = ("lock on ", "record lock on ")


def seen_line(resource: str, reads: Mapping[Any, int], changes: Mapping[Any, int]) -> str:
    """Return in a line how often a resource was read and changed, each by process number."""
    verb = "taken" if resource.startswith(_LOCKS) else "changed"
    told = [f"{verb} {_times(counts)}" for verb, counts in (("read", reads), (verb, changes)) if counts]
    return f"{resource}: {', '.join(told)}"


def _times(counts: Mapping[Any, int]) -> str:
    return join_words([f"{count} x by process {who}" for who, count in sorted(counts.items())])
