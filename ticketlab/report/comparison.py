"""A comparison as text for a terminal: the verdict first, then the table, recommendations, and what to type next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from ticketlab.core.metrics import metric
from ticketlab.core.text import join_words, pluralize
from ticketlab.report.crashes import STYLES, store_heading
from ticketlab.report.predictions_text import shown_predictions
from ticketlab.report.rows import in_order, value, why
from ticketlab.report.sections import Section, TableCell, TableColumn, sectioned
from ticketlab.report.text import next_steps

_Row = Mapping[str, Any]
_Document = Mapping[str, Any]

_WIDE: Final = 110
_ROOMY: Final = 132
_PLAINEST: Final = ("lost update", "oversold")
"""The anomalies that are best known are named first."""
_UNRANKED: Final = {False: ("✗", "red"), None: ("?", "yellow"), True: ("-", "dim")}
_RATE: Final = metric("sales/s")


def print_comparison(document: _Document, following: Mapping[str, str], console: Console) -> None:
    """Print a comparison and the commands to type next; a narrow terminal leaves out some columns, and nothing else."""
    for part in _parts(document, console.width):
        console.print(part)
    console.print(next_steps(following))


def _parts(document: _Document, width: int) -> Iterator[RenderableType]:
    for headline, style in headlines(document):
        yield Text(headline, style=f"bold {style}" if style else "")
    yield _setting(document)
    yield Text()
    yield from _ranks(document, width)
    if any(row["unsettled"] for row in document["rows"]):
        yield Text("≈ too close to the next one to call", style="dim")
    yield from _not_ranked(document)
    if len(_crowds(document)) > 1:
        for name in ("sales/s", "p99", "fair"):
            yield Text()
            yield from _growth(document, width, name)
    yield Text()
    yield from _recommendations(document, width)
    yield _recommendation_note(document, width)
    yield from shown_predictions(document, _gap(width), width)
    if "against" in document:
        yield Text()
        yield from _changes(document["against"])
    for held, sentence in answers(document):
        yield Text(sentence, style="" if sentence.startswith("≈") else STYLES[held])
    yield Text()
    for warning in document["warnings"]:
        yield Text.assemble(("! ", "bold yellow"), (warning, "yellow"))


def headlines(document: _Document) -> list[tuple[str, str]]:
    """Say what the exit code says, in its colour, and then which strategies are the fastest."""
    lines = document.get("lines", ())
    missed, unsure = ([line["line"] for line in lines if line["met"] is met] for met in (False, None))
    fastest = _fastest(document)
    if document["valid"] is False:
        broken = [row for row in document["rows"] if row["valid"] is False and row["claims_safety"]]
        named = dict.fromkeys(f"{_pair(row)} ({why(row)})" for row in broken)
        return [(f"✗ claims to be safe, and went wrong: {'; '.join(named)}", "red"), (fastest, "")]
    if missed:
        return [(f"✗ missed: {join_words(missed)}", "red"), (fastest, "")]
    if document["valid"] is None:
        return [(f"? {_undecided(document)}", "yellow"), (fastest, "")]
    if unsure:
        return [(f"? undecided: {join_words(unsure)}", "yellow"), (fastest, "")]
    return [(fastest, "green")]


def _undecided(document: _Document) -> str:
    rows = document["rows"]
    unsure = dict.fromkeys(
        f"{_pair(row)} ({why(row)})" for row in rows if row["valid"] is None and row["claims_safety"]
    )
    if unsure:
        return f"could not be decided: {'; '.join(unsure)}"
    return "nothing is shown: none of these strategies claims to be safe, and none went wrong"


def _fastest(document: _Document) -> str:
    """Name the fastest correct strategy on each store, or say why there is none."""
    rows = document["rows"]
    best = dict.fromkeys(_pair(row) for row in rows if row["rank"] == 1 and row["buyers"] == _crowds(document)[-1])
    if best:
        return f"Fastest correct strategy: {', '.join(best)}"
    if any(row["claims_safety"] for row in rows):
        return "No strategy was ranked"
    wrong = dict.fromkeys(f"{_pair(row)} ({why(row)})" for row in rows if row["valid"] is False)
    return f"Found out: {'; '.join(wrong)}; no other was compared" if wrong else "No strategy was ranked"


def _setting(document: _Document) -> Text:
    crowds, rounds = _crowds(document), document["rounds"]
    parts = [f"{join_words(list(map(str, crowds)))} buyer{'' if crowds == [1] else 's'}"]
    parts.append(f"medians of {pluralize(rounds, 'round')}")
    if document["rounds"] < document["rounds_wanted"]:
        parts.append(f"interrupted before round {rounds + 1} of {document['rounds_wanted']} was finished")
    wrong: dict[str, list[str]] = {}
    for row in document["rows"]:
        if row["valid"] is False and row["store"] not in wrong.setdefault(row["strategy"], []):
            wrong[row["strategy"]].append(row["store"])
    parts += [f"{name!r} went wrong on {join_words(stores)}" for name, stores in wrong.items() if stores]
    lucky = dict.fromkeys(_pair(row) for row in document["rows"] if row["valid"] and not row["claims_safety"])
    parts += [f"{join_words(list(lucky))} {'was' if len(lucky) == 1 else 'were'} correct by luck"] if lucky else []
    return Text("; ".join(parts), style="dim")


def _ranks(document: _Document, width: int) -> Iterator[RenderableType]:
    """Show ranks, speeds and latencies by store and number of buyers; strategies without a rank come last."""
    several = _several(document)
    extra = ("p50", "p99", "p99.9", "max", "fair", "waits", "cpu/sale", "MB") if width >= _WIDE else ("p99", "fair")
    extra = (*extra, "start") if several else extra
    columns = [TableColumn("", number=True), TableColumn("strategy"), *([TableColumn("launcher")] if several else [])]
    columns += [TableColumn(name, number=True) for name in ("sales/s", "spread", "ratio", *extra)]
    sections = []
    for (store, buyers), rows in groupby(in_order(document["rows"]), key=lambda row: (row["store"], row["buyers"])):
        title = store_heading(store)
        title += f", {pluralize(buyers, 'buyer')}" if len(_crowds(document)) > 1 else ""
        named = [(row, [row["launcher"]] if several else []) for row in rows]
        cells = [
            [_rank(row), row["strategy"], *launcher, *_speed(row), *_metrics(row, extra), _books(row)]
            for row, launcher in named
        ]
        sections.append(Section(title, cells))
    yield from sectioned([*columns, TableColumn("books")], sections, _gap(width), width)


def _rank(row: _Row) -> Text:
    if row["rank"] is not None:
        return Text(f"{row['rank']}{'≈' if row['unsettled'] else ' '}", style="bold" if row["rank"] == 1 else "")
    mark, style = _UNRANKED[row["valid"]]
    return Text(f"{mark} ", style=style)


def _speed(row: _Row) -> list[Text]:
    """Return rate, spread and ratio; a rate is struck through if the strategy has no rank: then it says nothing."""
    low, high = map(_short, row["spread"]["sales_per_s"])
    style = "" if row["rank"] is not None else "dim strike"
    ratio = "" if row["rank"] is None else f"{row['ratio']:.2f}"
    return [Text(_rate(row["metrics"]), style=style), Text(f"{low}..{high}", style="dim"), Text(ratio)]


def _short(rate: float) -> str:
    """Return a rate in few characters, as a spread needs it: "840", "1.2k", "15k"."""
    if rate >= 10_000:
        return f"{rate / 1000:.0f}k"
    return f"{rate / 1000:.1f}k" if rate >= 1000 else f"{rate:.0f}"


def _metrics(row: _Row, names: Sequence[str]) -> list[Text]:
    style = "" if row["rank"] is not None else "dim"
    return [Text(_metric(row["metrics"], name), style=style) for name in names]


def _metric(metrics: Mapping[str, float], name: str) -> str:
    if name == "fair":
        return f"{metrics['fairness']:.2f}"
    if name == "waits":
        return f"{metrics['waiting_share']:.0%}"
    if name == "MB":
        return f"{metrics['peak_mb']:.0f}"
    if name == "start":
        return time_text(metrics["start_s"] * 1000)
    return time_text(metrics[{"cpu/sale": "processor_ms_per_sale"}.get(name) or metric(name).field])


def time_text(ms: float) -> str:
    """Return a time to two digits (three from 100), in the unit that keeps it short."""
    amount, unit = (ms / 1000, "s") if ms >= 1000 else (ms, "ms") if ms >= 1 else (ms * 1000, "µs")
    return f"{amount:.0f} {unit}" if amount >= 10 or not amount else f"{amount:.1f} {unit}"


def _books(row: _Row) -> Text:
    if row["valid"]:
        metrics = row["metrics"]
        failed = f", {metrics['failed']:,.0f} orders failed" if metrics.get("failed") else ""
        return (
            Text(f"✓ correct{failed}", style="green") if row["claims_safety"] else Text("correct by luck", style="dim")
        )
    if row["valid"] is None:
        return Text("? undecided", style="yellow")
    names = sorted({anomaly["name"] for anomaly in row["anomalies"]}, key=lambda name: (name not in _PLAINEST, name))
    return Text(f"✗ {names[0]}{f' +{len(names) - 1}' if len(names) > 1 else ''}", style="red")


def _not_ranked(document: _Document) -> Iterator[RenderableType]:
    """Say why each speed is struck through, and why a combination was not measured."""
    for row in document["rows"]:
        where = [_pair(row), *([row["launcher"]] if _several(document) else [])]
        where += [pluralize(row["buyers"], "buyer")] if len(_crowds(document)) > 1 else []
        if row["valid"] is False:
            races = f"{row['wrong_races']} of {row['races']} races"
            yield Text.assemble(("✗ ", "red"), (f"{', '.join(where)}: wrong in {races}: {why(row)}", "dim"))
        elif row["valid"] is None:
            yield Text.assemble(("? ", "yellow"), (f"{', '.join(where)}: {why(row)}", "dim"))
    for each in document["unsupported"]:
        yield Text.assemble("- ", (f"{_pair(each)}: {each['reason']}", "dim"))


def _growth(document: _Document, width: int, name: str) -> Iterator[RenderableType]:
    """Show how a metric changes with the number of buyers."""
    crowds, several = _crowds(document), _several(document)
    lines: dict[str, dict[tuple[str, str], dict[int, _Row]]] = {}
    for row in document["rows"]:
        ways = lines.setdefault(row["store"], {})
        ways.setdefault((row["strategy"], row["launcher"]), {})[row["buyers"]] = row
    sections = []
    for store, ways in lines.items():
        cells: list[list[TableCell]] = [
            [f"  {_taker(*way, several=several)}", *(_at(rows.get(crowd), name) for crowd in crowds), ""]
            for way, rows in ways.items()
        ]
        sections.append(Section(store_heading(store), cells))
    heads = [TableColumn(f"{crowd}", number=True) for crowd in crowds]
    yield from sectioned(
        [TableColumn(f"{name} by buyers", most=36), *heads, TableColumn("")], sections, _gap(width), width
    )


def _at(row: _Row | None, name: str) -> Text:
    if row is None:
        return Text("")
    metrics = row["metrics"]
    shown = _rate(metrics) if name == "sales/s" else _metric(metrics, name)
    if row["rank"] is None:
        mark, style = _UNRANKED[row["valid"]]
        return Text.assemble((f"{mark} ", style), (shown, "dim strike"))
    return Text(shown)


def _rate(metrics: Mapping[str, float]) -> str:
    return value(metrics["sales_per_s"], _RATE)


def _recommendations(document: _Document, width: int) -> Iterator[RenderableType]:
    """Show the picks for each store at the largest number of buyers, with their metrics and their needs."""
    most, wide, several = _crowds(document)[-1], width >= _WIDE, _several(document)
    columns = [TableColumn("recommendation"), TableColumn("take", style="bold", most=36)]
    columns += [TableColumn(name, number=True) for name in ("sales/s", "speed", "p99", "fair")]
    columns += [TableColumn("survives a crash", style="dim")] if wide else []
    picks = [each for each in document["recommendations"] if each["buyers"] == most]
    sections = []
    for store, group in groupby(picks, key=lambda each: each["store"]):
        rows: list[list[TableCell]] = []
        for pick in group:
            metrics = [value(pick["sales_per_s"], _RATE), f"{pick['ratio']:.0%}", time_text(pick["p99_ms"])]
            crash = [pick["crash_safety"]] if wide else []
            name = _taker(pick["strategy"], pick["launcher"], several=several)
            rows.append([f"  {pick['pick']}", name, *metrics, f"{pick['fairness']:.2f}", *crash, _price(pick)])
        sections.append(Section(store_heading(store), rows))
    yield from sectioned([*columns, TableColumn("it needs")], sections, _gap(width), width)


def _recommendation_note(document: _Document, width: int) -> Text:
    crowds = _crowds(document)
    about = [f"recommendations are for {pluralize(crowds[-1], 'buyer')}"] if len(crowds) > 1 else []
    about += ["speed: share of the fastest's"]
    if width >= _WIDE and any(pick["crash_safety"] == "not tested" for pick in document["recommendations"]):
        about.append("ticketlab compare --faults tells what survives a crash")
    return Text("; ".join(about), style="dim")


def _price(pick: Mapping[str, Any]) -> str:
    if pick["parts"] is None:
        return "not said by its author"
    return ", ".join(pick["parts"]) or "nothing beside the store"


def _changes(against: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Show how metrics have changed since a baseline."""
    if not against["same_machine"]:
        said = "; ".join(against["differences"])
        told = f"baseline {against['name']} is of another machine ({said}): only ratios to its fastest are compared"
        yield Text.assemble(("! ", "bold yellow"), (told, "yellow"))
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column(f"against {against['name']}", overflow="fold")
    names = ("sales/s", "p99", "max", "fairness")
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    crowds, starters = ({row[key] for row in against["rows"]} for key in ("buyers", "launcher"))
    for row in against["rows"]:
        more = [pluralize(row["buyers"], "buyer")] if len(crowds) > 1 else []
        more += [row["launcher"]] if len(starters) > 1 else []
        table.add_row(", ".join([_pair(row), *more]), *(_change(row["changes"], name) for name in names))
    for row in against["references"]:
        more = [pluralize(row["buyers"], "buyer")] if len(crowds) > 1 else []
        named = ", ".join([f"the machine ({_pair(row)})", *more])
        table.add_row(Text(named, style="dim"), *(_change(row["changes"], name) for name in names))
    for row in against["left_out"]:
        table.add_row(Text(f"{_pair(row)}: {row['reason']}", style="dim"))
    yield table


def _change(changes: Mapping[str, Any], name: str) -> Text:
    found = changes.get(metric(name).field)
    if found is None:
        return Text("")
    if found["change"] is None:
        return Text("from 0")
    return Text(f"{found['change']:+.0%}", style="dim" if _may_be_chance(found["interval"]) else "bold")


def _may_be_chance(interval: Sequence[float | None]) -> bool:
    """Whether the rounds leave it possible that nothing has changed."""
    low, high = interval
    return (low is None or low <= 0) and (high is None or high >= 0)


def answers(document: _Document) -> Iterator[tuple[bool | None, str]]:
    """Yield what became of each line that was to be held: whether it was, and the sentence; a doubt is no miss."""
    for line in document.get("lines", ()):
        if line["met"] is None:
            yield None, f"? {line['line']}: undecided, {line['reason']}"
        yield from ((False, f"✗ {miss}") for miss in line["misses"])
        yield from ((True, f"≈ {doubt}") for doubt in line.get("doubts", ()))
        yield from ((True, f"✓ {sentence}") for sentence in line.get("closest", ()))


def _several(document: _Document) -> bool:
    """Whether there are several launchers to tell apart."""
    return len({row["launcher"] for row in document["rows"]}) > 1


def _taker(strategy: str, launcher: str, *, several: bool) -> str:
    return f"{strategy} ({launcher})" if several else strategy


def _gap(width: int) -> int:
    return 2 if width >= _ROOMY else 1


def _crowds(document: _Document) -> list[int]:
    return sorted({row["buyers"] for row in document["rows"]})


def _pair(row: Mapping[str, Any]) -> str:
    return f"{row['strategy']} on {row['store']}"
