"""A result as pages and pictures see it: checked once here, so that no renderer meets a damaged one.

Every kind of result is accepted: a race or a case (one row), a story or a comparison (several rows), a judged history
(one row without store, strategy and metrics).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, Final, TypeVar

from ticketlab.core.errors import UsageError
from ticketlab.core.json_fields import JsonField
from ticketlab.core.text import escape_all_controls, join_words
from ticketlab.report.predictions import PredictionTable, prediction_table
from ticketlab.report.read_schedule import read_schedule
from ticketlab.report.rows import seen_line, tally

T = TypeVar("T")
_FACTS: Final = (
    "processes",
    "model",
    "isolation",
    "transactions",
    "operations",
    "executions",
    "anomalous",
    "exhausted",
    "races",
    "wrong",
)
_NUMBERS: Final = (
    "race_s", "wall_s", "sales_per_s", "p50_ms", "p99_ms", "longest_ms", "fairness", "retries", "recovery_ms",
)  # fmt: skip


UNRANKED: Final = {"✗": "✗ went wrong", "?": "? undecided, or correct by luck"}
"""The marks of races whose speed is not ranked, and what they mean."""


@dataclass(frozen=True, slots=True)
class ShownAnomaly:
    """An anomaly as a renderer sees it."""

    name: str
    sentence: str
    evidence: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class InjectedFault:
    """A fault of a race: the victim, the step before which it came, when (since the start), what the victim held."""

    who: str
    fault: str
    before: str
    at_ms: float
    held: Sequence[str]

    @property
    def sentence(self) -> str:
        """The fault in one line."""
        held = f", holding {join_words(self.held)}" if self.held else ""
        return f"{self.who}: {self.fault} before {self.before} at {self.at_ms:.2f} ms{held}"


@dataclass(frozen=True, slots=True)
class FaultPointRow:
    """A fault at one point of an exploration: the step before which it came, and what came of it in how many runs."""

    who: str
    fault: str
    before: str
    executions: int
    names: Sequence[str]
    waited: float

    @property
    def outcome(self) -> str:
        """The anomalies that came of it, or that the others survive it."""
        survived = f"survives, after {self.waited:g} s" if self.waited else "survives"
        return ", ".join(self.names) or survived


@dataclass(frozen=True, slots=True)
class Row:
    """One race, case or history; `metrics` has only what was measured, `seen` what processes of a function shared.

    `ratio` is the speed as a share of the fastest correct strategy's in the same comparison, None without a rank. In an
    exploration, `fault_points` has the faults, and `injected` is empty; `fix` has a sentence and lines of source, if a
    fix was searched. `origin_ns` is time 0 in the history's clock.
    """

    store: str
    strategy: str
    launcher: str
    buyers: int
    tickets: int
    sold: int | None
    valid: bool | None
    reason: str
    findings: Sequence[ShownAnomaly]
    metrics: Mapping[str, float]
    curve: Sequence[tuple[float, float]]
    books: Mapping[str, Any]
    command: str
    ratio: float | None = None
    crash_safety: str = "not tested"
    injected: Sequence[InjectedFault] = ()
    fault_points: Sequence[FaultPointRow] = ()
    left_behind: Sequence[str] = ()
    claims_safety: bool = True
    origin_ns: int = 0
    function: str = ""
    seen: Sequence[str] = ()
    because: str = ""
    fix: Sequence[str] = ()

    @property
    def lucky(self) -> bool:
        """Whether a race went well under a strategy that claims no safety."""
        return self.valid is True and not self.claims_safety

    @property
    def kept(self) -> bool:
        """Whether the books were kept right, and not by luck."""
        return self.valid is True and self.claims_safety

    @property
    def mark(self) -> str:
        """What stands beside a speed that is not ranked: what `UNRANKED` says; empty for one that is."""
        return "" if self.kept else "✗" if self.valid is False else "?"

    @property
    def title(self) -> str:
        """The name of the row: "lock on json", or that of a function."""
        return f"{self.strategy} on {self.store}" if self.strategy else self.function or "history"

    @property
    def names(self) -> Sequence[str]:
        """The names of its anomalies, each once."""
        return list(dict.fromkeys(finding.name for finding in self.findings))

    @property
    def verdict(self) -> str:
        """The verdict in a few words; an undecided one never looks like a pass."""
        if self.valid is None:
            return f"? undecided: {self.reason}" if self.reason else "? undecided"
        if self.lucky:
            return "correct by luck"
        right = "✓ correct" if self.strategy or self.function else "✓ valid"
        return right if self.valid else "✗ " + (", ".join(self.names) or "anomalous")


@dataclass(frozen=True, slots=True)
class Document:
    """A whole result; `unsupported` has store, strategy and reason of combinations that cannot run."""

    command: str
    valid: bool | None
    rows: Sequence[Row]
    unsupported: Sequence[tuple[str, str, str]]
    environment: Mapping[str, Any]
    facts: Mapping[str, Any]
    warnings: Sequence[str] = ()
    recommendations: Sequence[Mapping[str, Any]] = ()
    predictions: PredictionTable | None = None
    schedule: Mapping[str, Any] | None = None

    @property
    def headline(self) -> str:
        """The verdict in one line."""
        if len(self.rows) == 1:
            return f"{self.rows[0].title}: {self.rows[0].verdict}"
        return tally([(row.valid, row.claims_safety) for row in self.rows])


def shown_document(value: Any) -> Document:
    """Read a result as `to_json` gave it; its texts cannot control a terminal, nor turn a line round.

    Raises:
        UsageError: it is not a result of races or explorations, or damaged; the message says what and where.
    """
    if isinstance(value, Mapping) and value.get("kind") == "power-cuts":
        raise UsageError("a table of power cuts has no page and no plots: explore --faults power-cut shows one store")
    if not isinstance(value, Mapping) or not {"valid", "anomalies"} <= value.keys():
        raise UsageError('it is not a result of ticketlab: it needs "valid" and "anomalies"')
    value = escape_all_controls(value)
    field = JsonField(value, "")
    rows = [_row(each) for each in field["rows"].items()] if "rows" in value else [_row(field)]
    if not rows:
        raise field["rows"].wrong("a row or more")
    return Document(
        command=_text(field["command"]),
        valid=_verdict(field["valid"]),
        rows=rows,
        unsupported=_list(field["unsupported"], _unsupported),
        environment=_object(field["environment"]),
        facts={**{key: value[key] for key in _FACTS if key in value}, **_how_far(field["how_far"])},
        warnings=_list(field["warnings"], JsonField.text),
        recommendations=_list(field["recommendations"], JsonField.object),
        predictions=field["predictions"].otherwise(prediction_table, None),
        schedule=field["schedule"].otherwise(lambda each: each.or_none(read_schedule), None),
    )


def _row(field: JsonField) -> Row:
    metrics = field["metrics"]
    measured = _object(metrics)
    faults = _list(field["injected"], _injected)
    return Row(
        store=_text(field["store"]),
        strategy=_text(field["strategy"]),
        launcher=_text(field["launcher"]),
        buyers=field["buyers"].otherwise(JsonField.whole, 0),
        tickets=field["tickets"].otherwise(JsonField.whole, 0),
        sold=field["sold"].otherwise(JsonField.whole, None),
        valid=_verdict(field["valid"]),
        reason=_text(field["reason"]),
        findings=_list(field["anomalies"], _anomaly),
        metrics={key: metrics[key].number() for key in _NUMBERS if key in measured},
        curve=_curve(field["curve"]),
        books=_object(field["books"]),
        command=_text(field["command"]),
        ratio=field["ratio"].otherwise(_ratio, None),
        crash_safety=field["crash_safety"].otherwise(JsonField.text, "not tested"),
        injected=[each for each in faults if isinstance(each, InjectedFault)],
        fault_points=[each for each in faults if isinstance(each, FaultPointRow)],
        left_behind=_list(field["left_behind"], JsonField.text),
        function=_text(field["function"]),
        seen=_all_seen(field),
        because=_text(field["because"]),
        fix=field["fix"].otherwise(_fix, ()),
        claims_safety=field["claims_safety"].otherwise(JsonField.flag, default=True),
        origin_ns=field["origin_ns"].otherwise(JsonField.whole, 0),
    )


def _how_far(field: JsonField) -> Mapping[str, str]:
    """Return how far an exploration came, in sentences, as a fact; none if the result does not say."""
    told = field.otherwise(lambda far: "; ".join(_list(far["sentences"], JsonField.text)), "")
    return {"how far": told} if told else {}


def _all_seen(field: JsonField) -> Sequence[str]:
    """Return what processes of a function shared, and what of it no probe told."""
    participant = field["participant"].otherwise(JsonField.text, "process")
    return [*_list(field["seen"], partial(_seen, participant)), *_list(field["untold"], JsonField.text)]


def _fix(field: JsonField) -> Sequence[str]:
    """Return what a search for a fix came to: a sentence, and the lines that a lock has to span."""
    return [field["sentence"].text(), *field["lines"].list_of(JsonField.text)]


def _seen(participant: str, field: JsonField) -> str:
    reads, changes = (field[key].dict_of(JsonField.whole) for key in ("reads", "changes"))
    return seen_line(field["resource"].text(), reads, changes, participant)


def _unsupported(field: JsonField) -> tuple[str, str, str]:
    return field["store"].text(), field["strategy"].text(), field["reason"].text()


def _anomaly(field: JsonField) -> ShownAnomaly:
    return ShownAnomaly(field["name"].text(), _text(field["sentence"]), _object(field["evidence"]))


def _injected(field: JsonField) -> InjectedFault | FaultPointRow:
    named = _text(field["who"]), _text(field["fault"]), _text(field["before"])
    at_ms = field["at_ms"].otherwise(JsonField.number, None)
    if at_ms is not None:
        return InjectedFault(*named, at_ms, _list(field["held"], JsonField.text))
    executions = field["executions"].otherwise(JsonField.whole, 0)
    waited = field["waited"].otherwise(JsonField.number, 0.0)
    return FaultPointRow(*named, executions, sorted(_object(field["names"])), waited)


def _curve(field: JsonField) -> list[tuple[float, float]]:
    points = _list(field, _point)
    if any(after[0] < before[0] or after[1] < before[1] for before, after in pairwise(points)):
        raise field.wrong("a curve that never goes down")
    return points


def _point(field: JsonField) -> tuple[float, float]:
    share, latency = field.list_of(JsonField.number, length=2)
    return share, latency


def _verdict(field: JsonField) -> bool | None:
    return field.otherwise(JsonField.verdict, None)


def _ratio(field: JsonField) -> float | None:
    return field.or_none(JsonField.number)


def _text(field: JsonField) -> str:
    return field.otherwise(JsonField.text, "")


def _list(field: JsonField, read: Callable[[JsonField], T]) -> list[T]:
    return field.otherwise(lambda values: values.list_of(read), [])


def _object(field: JsonField) -> Mapping[str, Any]:
    return field.otherwise(JsonField.object, {})
