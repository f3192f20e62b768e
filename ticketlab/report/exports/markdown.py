"""Results as Markdown, for an issue or a README; speeds of strategies that went wrong are struck through."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ticketlab.core.metrics import METRICS
from ticketlab.core.text import escape_all_controls
from ticketlab.report.comparison import answers, headlines
from ticketlab.report.crashes import CORRECT, MARKS, crash_counts, crash_headline, crash_outcome, crash_setting
from ticketlab.report.document import Document, Row, shown_document
from ticketlab.report.rows import in_order, number_text, value, why

STRUCK: Final = (
    "A speed that is struck through is not ranked: the books went wrong, or were correct by luck or undecided."
)
_SHOWN: Final = ("sales/s", "p50", "p99", "p99.9", "max", "fairness")


def as_markdown(result: Mapping[str, Any]) -> str:
    """Return any result as Markdown.

    Raises:
        UsageError: the result is damaged.
    """
    form = {"comparison": _comparison, "crashes": _crashes}.get(str(result.get("kind")))
    lines = form(escape_all_controls(result)) if form else _races(result)
    return "\n".join(lines) + "\n"


def _races(result: Mapping[str, Any]) -> Iterator[str]:
    """Yield the verdict, a table of the races with metrics, and what went wrong in each."""
    found = shown_document(result)
    yield f"**{_text(found.headline)}**"
    measured = [row for row in found.rows if row.metrics]
    if measured:
        yield ""
        yield "| strategy | store | buyers | books | sales/s | p50 ms | p99 ms | fairness |"
        yield "|---|---|---:|---|---:|---:|---:|---:|"
        yield from map(_race, measured)
        if not all(row.kept for row in measured):
            yield ""
            yield STRUCK
    told = [f"- {_text(each.name)}: {_text(each.sentence)}" for row in found.rows for each in row.findings]
    told += [f"- fault: {_text(each.sentence)}" for row in found.rows for each in row.injected]
    told += [
        f"- fault: {_text(f'{each.who}: {each.fault} before {each.before}: {each.outcome}')}"
        for row in found.rows
        for each in row.fault_points
        if each.names
    ]
    told += [f"- left behind: {_text(', '.join(row.left_behind))}" for row in found.rows if row.left_behind]
    if told:
        yield ""
        yield from told
    if found.command:
        yield ""
        yield f"Run again with {_code(found.command)}."


def _race(row: Row) -> str:
    numbers = [number_text(row.metrics.get(key)) for key in ("sales_per_s", "p50_ms", "p99_ms", "fairness")]
    if not row.kept:
        numbers[0] = f"~~{numbers[0]}~~"
    return _line([_code(row.strategy), _code(row.store), str(row.buyers), _text(row.verdict), *numbers])


def _comparison(result: Mapping[str, Any]) -> Iterator[str]:
    """Yield the table, the fastest correct strategies first, and where it was measured."""
    found = shown_document(result)  # which finds what is damaged
    for number, (headline, _) in enumerate(headlines(result)):
        yield f"{_text(headline)}." if number else f"**{_text(headline)}**"
        yield ""
    metrics = [metric for metric in METRICS if metric.name in _SHOWN]
    heads = [f"{each.name}{f' ({each.unit})' if each.unit else ''}" for each in metrics]
    several = len({row["launcher"] for row in result["rows"]}) > 1
    names = ["store", "strategy", *(["launcher"] if several else []), "buyers", "books"]
    yield _line([*names, heads[0], "spread", "ratio", *heads[1:]])
    yield _line(["---"] * len(names) + ["---:"] * (len(heads) + 2))
    for row in in_order(result["rows"]):
        values = [value(row["metrics"][each.field], each) for each in metrics]
        low, high = (value(each, metrics[0]) for each in row["spread"]["sales_per_s"])
        ratio = "" if row["rank"] is None else f"{row['ratio']:.2f}"
        speed = values[0] if row["rank"] is not None else f"~~{values[0]}~~"
        named = [_text(row["store"]), _code(row["strategy"]), *([_code(row["launcher"])] if several else [])]
        yield _line([*named, str(row["buyers"]), _books(row), speed, f"{low} to {high}", ratio, *values[1:]])
    for each in result["unsupported"]:
        named = [_text(each["store"]), _code(each["strategy"]), *[""] * (len(names) - 3)]
        yield _line([*named, f"unsupported: {_text(each['reason'])}", *[""] * (len(heads) + 2)])
    if any(row["rank"] is None for row in result["rows"]):
        yield ""
        yield STRUCK
    yield from _predictions(found)
    for number, (_, sentence) in enumerate(answers(result)):
        yield from [] if number else [""]
        yield f"- {_text(sentence)}"
    about = result["environment"].get
    yield ""
    yield (
        f"Medians of {result['rounds']} rounds on {about('processor')}, {about('cores')} cores, "
        f"{about('file_system')}, Python {about('python')}, SQLite {about('sqlite')}; "
        f"load {about('load_1min')} at the start. Measured by {_code(result['command'])}."
    )
    for warning in result["warnings"]:
        yield ""
        yield f"Note: {_text(warning)}."


def _predictions(found: Document) -> Iterator[str]:
    table = found.predictions
    if table is None:
        return
    yield from ("", f"**{_text(table.title)}**", "")
    yield _line(["store", "strategy", "launcher", "by", "metric", "error", *table.columns])
    yield _line(["---"] * 5 + ["---:"] * (1 + len(table.columns)))
    for row in table.rows:
        said = row.ranges or [f"no prediction: {_text(row.reason)}", *[""] * (len(table.columns) - 1)]
        yield _line(
            [
                _text(row.store),
                _code(row.strategy),
                _text(row.launcher),
                row.method,
                _text(row.metric),
                row.error,
                *said,
            ]
        )
    yield from ("", f"{_text(table.note)}.")


def _books(row: Mapping[str, Any]) -> str:
    if row["valid"] and row["rank"] is None:
        return "correct by luck"
    mark = {True: "✓ correct", False: "✗", None: "? undecided:"}[row["valid"]]
    return f"{mark} {_text(why(row))}".rstrip()


def _crashes(result: Mapping[str, Any]) -> Iterator[str]:
    """Yield the verdict of a crash matrix, its table, a sentence for each anomaly, and what runs it again."""
    rows = result["rows"]
    yield f"**{_text(crash_headline(rows))}**"
    yield ""
    yield _text(f"{crash_counts(rows)}. {crash_setting(result)}.")
    yield ""
    yield _line(["store", "strategy", "points", "executions", "outcome", "left behind"])
    yield _line(["---", "---", "---:", "---:", "---", "---"])
    for row in rows:
        outcome = f"{MARKS[row['valid']]} {_text(crash_outcome(row))}"
        counts = [f"{row['points']:,}", f"{row['executions']:,}"]
        yield _line(
            [_text(row["store"]), _code(row["strategy"]), *counts, outcome, _text(", ".join(row["left_behind"]))]
        )
    for each in result.get("unsupported", ()):
        outcome = f"not explored: {_text(each['reason'])}"
        yield _line([_text(each["store"]), _code(each["strategy"]), "", "", outcome, ""])
    yield ""
    if any(row["valid"] for row in rows):
        yield f"{CORRECT.capitalize()}."
        yield ""
    told = [(row, each) for row in rows for each in row["anomalies"]]
    for row, each in told:
        yield f"- {_code(row['strategy'])} on {_text(row['store'])}, {_text(each['name'])}: {_text(each['sentence'])}"
    if told:
        yield ""
    yield f"Run again with {_code(result['command'])}."


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _text(text: object) -> str:
    """Keep other people's names from becoming markup, or a line of their own."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(str(text).split()))


def _code(text: object) -> str:
    return "`" + " ".join(str(text).replace("`", "").split()).replace("|", "\\|") + "`"
