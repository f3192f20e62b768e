"""Comparisons for other programs and for people's own pages: CSV, and Markdown for an issue or a README."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ticketlab.core.measures import MEASURES, Measure

_NAMES: Final = ("store", "strategy", "launcher", "buyers", "orders", "tickets", "sold")
_PLACE: Final = ("rank", "ratio")
_SHOWN: Final = ("sales/s", "p50", "p99", "p99.9", "max", "fairness")


def as_csv(document: Mapping[str, Any]) -> str:
    """Return a comparison as CSV: one line a strategy, and for each figure its median, lowest and highest value.

    Columns are named by the fields of results, with `_min` and `_max`; `verdict` is valid, anomalous, undecided or
    unsupported, and `why` names the anomalies, or says why there is no verdict.
    """
    out = io.StringIO()
    fields = [each.field for each in MEASURES]
    columns = [f"{field}{end}" for field in fields for end in ("", "_min", "_max")]
    writer = csv.DictWriter(out, [*_NAMES, "verdict", "why", *_PLACE, *columns], lineterminator="\n", restval="")
    writer.writeheader()
    for row in document["rows"]:
        line = {key: row.get(key) for key in (*_NAMES, *_PLACE)} | {"verdict": word(row["valid"]), "why": why(row)}
        for field in fields:
            if field in row["figures"]:
                low, high = row["spread"].get(field, ("", ""))
                line |= {field: row["figures"][field], f"{field}_min": low, f"{field}_max": high}
        writer.writerow(line)
    for each in document["unsupported"]:
        named = {"store": each["store"], "strategy": each["strategy"]}
        writer.writerow(named | {"verdict": "unsupported", "why": each["reason"]})
    return out.getvalue()


def as_markdown(document: Mapping[str, Any]) -> str:
    """Return a comparison as Markdown: a table, the fastest correct strategies first, speeds of wrong ones struck."""
    return "\n".join(_markdown(document)) + "\n"


def word(valid: bool | None) -> str:
    """Return a verdict as one word."""
    return {True: "valid", False: "anomalous", None: "undecided"}[valid]


def why(row: Mapping[str, Any]) -> str:
    """Name what went wrong, or say why there is no verdict."""
    return "; ".join(dict.fromkeys(each["name"] for each in row["anomalies"])) or str(row.get("reason", ""))


def in_order(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the rows by store and number of buyers, and there by rank; unranked ones come last."""
    stores = {row["store"]: number for number, row in reversed(list(enumerate(rows)))}
    return sorted(rows, key=lambda row: (stores[row["store"]], row["buyers"], row["rank"] is None, row["rank"] or 0))


def value(amount: float, measure: Measure) -> str:
    """Return a figure without its unit, to three digits."""
    if measure.field == "fairness":
        return f"{amount:.2f}"
    if measure.unit == "%":
        return f"{amount:.0%}"
    return f"{amount:,.0f}" if abs(amount) >= 100 else f"{amount:.3g}"


def _markdown(document: Mapping[str, Any]) -> Iterator[str]:
    measures = [measure for measure in MEASURES if measure.name in _SHOWN]
    heads = [f"{each.name}{f' ({each.unit})' if each.unit else ''}" for each in measures]
    several = len({row["launcher"] for row in document["rows"]}) > 1
    names = ["store", "strategy", *(["launcher"] if several else []), "buyers", "books"]
    yield _line([*names, heads[0], "spread", "ratio", *heads[1:]])
    yield _line(["---"] * len(names) + ["---:"] * (len(heads) + 2))
    for row in in_order(document["rows"]):
        figures = [value(row["figures"][each.field], each) for each in measures]
        low, high = (value(each, measures[0]) for each in row["spread"]["sales_per_s"])
        ratio = "" if row["rank"] is None else f"{row['ratio']:.2f}"
        speed = figures[0] if row["rank"] is not None else f"~~{figures[0]}~~"
        named = [row["store"], f"`{row['strategy']}`", *([f"`{row['launcher']}`"] if several else [])]
        yield _line([*named, str(row["buyers"]), _books(row), speed, f"{low} to {high}", ratio, *figures[1:]])
    for each in document["unsupported"]:
        named = [each["store"], f"`{each['strategy']}`", *[""] * (len(names) - 3)]
        yield _line([*named, f"unsupported: {each['reason']}", *[""] * (len(heads) + 2)])
    about = document["environment"].get
    yield ""
    yield (
        f"Medians of {document['rounds']} rounds on {about('processor')}, {about('cores')} cores, "
        f"{about('file_system')}, Python {about('python')}, SQLite {about('sqlite')}; "
        f"load {about('load_1min')} at the start. Measured by `{document['command']}`."
    )
    for warning in document["warnings"]:
        yield ""
        yield f"Note: {warning}."


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _books(row: Mapping[str, Any]) -> str:
    if row["valid"] and row["rank"] is None:
        return "right by luck"
    mark = {True: "✓ right", False: "✗", None: "? undecided:"}[row["valid"]]
    return f"{mark} {why(row)}".rstrip()
