"""`ticketlab check`: judge a history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ticketlab.cli.options import Command, Positive, Seconds, is_typed, option
from ticketlab.core.text import escape_controls, join_words, pluralize

if TYPE_CHECKING:
    from ticketlab.checker.log_mapping import LogMapping
    from ticketlab.checker.model import Model
    from ticketlab.lab.checking.check_file import CheckResult

_SHOWN = 20  # anomalies in the text; --json has all of them
_PROVING = 10  # operations or transactions of one anomaly
_ENDS = {"ok": "", "fail": ", and failed", "info": ", and its end is unknown"}


@click.command("check", cls=Command)
@click.argument("file", type=click.Path(path_type=Path))
@option("--model", metavar="NAME", help="A model by its name, or a class of yours; the history's own by default.")
@click.option("--map", "maps", multiple=True, metavar="MAP", help="What a log of your own calls its parts; see above.")
@click.option("--stock", type=click.IntRange(min=0), help="Tickets of a counter; the history's own by default.")
@option("--isolation", metavar="LEVEL", help="Level of transactions; the history's own, or serializable, by default.")
@option("--budget-seconds", type=Seconds(), default=60.0, help="Limit of the search, in seconds.")
@option("--budget-mb", type=Positive(1e6, "megabytes"), default=2000.0, help="Limit of memory, in megabytes.")
@click.option("--html", type=click.Path(path_type=Path), metavar="PAGE", help="Write a page that opens offline.")
@click.option("--force", is_flag=True, help="Replace the --html file if it exists.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(
    file: Path,
    model: str | None,
    maps: tuple[str, ...],
    stock: int | None,
    isolation: str | None,
    budget_seconds: float,
    budget_mb: float,
    html: Path | None,
    force: bool,
    as_json: bool,
) -> int:
    """Judge the history in FILE: JSON Lines, gzipped or not, or Jepsen's EDN.

    A history is valid if every operation can have taken effect at one instant between its invocation and its return.
    If it is not, the operations that contradict each other are listed. When a budget is spent, the verdict is
    "undecided".

    Models are counter, holds, seats, cas-register and transactions; and lock, queue, set, dict, increments, stack,
    semaphore, rate-limiter, log and job-queue, with parameters as in semaphore:permits=3. A class of your own with a
    method for each operation is a model by its import path: shop.models:Till, or path/to/file.py:Till.

    A MAP such as process=worker,op=event,op.acquire=lock says what a log calls the parts of a history: to the left
    process, op, arg, result, section, invoke and return, or time and phase if invocation and return are two lines; to
    the right the log's field (request.worker; arg=key+value). op.NAME=WORD, result.VALUE=WORD and phase.NAME=WORD
    (invoke, return, fail, info) say its words; result.ok= that a line without a result means ok; unit=ns, us, ms, s or
    iso in what times are.

    A history of transactions is valid if an execution under the isolation LEVEL explains what they read:
    read-uncommitted, read-committed, snapshot-isolation, repeatable-read, serializable, strong-session-serializable or
    strict-serializable.
    """
    from ticketlab.cli.command_lines import check_line
    from ticketlab.cli.terminal import ProgressLine
    from ticketlab.lab.artifacts.files import refuse_existing
    from ticketlab.lab.checking.check_file import check_file

    mapping = _mapping(maps)
    said = [
        value if is_typed(f"budget_{key}") else None for key, value in (("seconds", budget_seconds), ("mb", budget_mb))
    ]
    if html is not None:
        refuse_existing(html, force=force)
    with ProgressLine() as progress:
        checked = check_file(
            file,
            _model(model),
            mapping=mapping,
            stock=stock,
            isolation=isolation,
            seconds=budget_seconds,
            megabytes=budget_mb,
            progress=lambda lines, share: progress.say(f"{lines:,} lines, {share:.0%}"),
            command=check_line(file, model, stock, *said, isolation=isolation, maps=maps),
        )
    _print(checked, as_json=as_json)
    if html is not None:
        _write_page(checked, html, force=force)
    return checked.verdict.exit_code


def _mapping(maps: Sequence[str]) -> LogMapping | None:
    from ticketlab.checker.log_mapping import read_mapping

    return read_mapping(maps) if maps else None


def _model(text: str | None) -> Model | str | None:
    """Return the model of a class by its import path; what is none as it is."""
    if text is None or ":" not in text:
        return text
    from ticketlab.lab.plain.loading import imported_model

    return imported_model(text)


def _print(checked: CheckResult, *, as_json: bool) -> None:
    from ticketlab.cli.terminal import print_json

    if as_json:
        print_json(checked.result)
    else:
        click.echo(escape_controls(_text(checked), lines=True))


def _write_page(checked: CheckResult, html: Path, *, force: bool) -> None:
    from ticketlab.cli.report import write_page

    timeline = checked.timeline()
    write_page(html, checked.result, [timeline] if timeline else [], force=force)


def _text(checked: CheckResult) -> str:
    result, verdict = checked.result, checked.verdict
    if "isolation" in result:
        about = f"{pluralize(result['transactions'], 'transaction')} judged for isolation {result['isolation']}"
    else:
        judged = f"{result['operations']:,} operations" if result["operations"] is not None else "history"
        about = f"{judged} judged by model {result['model']}"
    lines = [f"{_word(verdict.valid)}: {about}"]
    for anomaly in verdict.anomalies[:_SHOWN]:
        lines.append(f"  {anomaly.name}: {anomaly.sentence}")
        lines.extend(f"    {each}" for each in _proof(anomaly.evidence))
    if len(verdict.anomalies) > _SHOWN:
        lines.append(f"  and {len(verdict.anomalies) - _SHOWN:,} more anomalies: --json lists them all")
    if verdict.reason and not result.get("budget_spent", "isolation" not in result):
        lines.append(f"  reason: {verdict.reason}")
    elif verdict.reason:
        lines.append(f"  not finished: {verdict.reason}; --budget-seconds and --budget-mb give it more")
    if "isolation" in result:
        lines.append(f"  {_levels(result)}")
    return "\n".join(lines)


def _word(valid: bool | None) -> str:
    return {True: "valid", False: "anomalous", None: "undecided"}[valid]


def _levels(result: Mapping[str, Any]) -> str:
    """Say which levels the history does not contradict: the strongest, and whether there is a proof of each."""
    told = [f"{each} ({'proved' if result['levels'][each] else 'not proved'})" for each in result["strongest"]]
    if not told:
        return "the history contradicts every level"
    return f"not contradicted: {join_words(told)}"


def _proof(evidence: Mapping[str, Any]) -> Iterator[str]:
    """Yield the proof of an anomaly: the dependencies of a cycle, the transactions, and where they stand."""
    for edge in evidence.get("cycle", ()):
        yield f"{edge['from']} -{edge['dependency']}-> {edge['to']}: {edge['why']}"
    transactions = evidence.get("transactions", ())
    for each in transactions[:_PROVING]:
        yield f"{each['name']}: {each['text']}{_ENDS[each['type']]}"
    operations = evidence.get("operations", transactions)
    if "operations" in evidence or transactions:  # otherwise the books are the proof, and the sentence says how
        yield f"proof: {_places(operations, evidence)}"


def _places(operations: Sequence[Mapping[str, Any]], evidence: Mapping[str, Any]) -> str:
    size = evidence.get("size", 0)
    kind = next((each for each in ("line", "event") if operations and each in operations[0]), "row")
    places = [operation[kind] for operation in operations[:_PROVING]]
    shown = ", ".join(map(str, sorted(places) if "cycle" in evidence else places))
    more = f" and {size - _PROVING:,} more" if size > _PROVING else ""
    least = "shortest cycle" if "cycle" in evidence else "smallest set"
    whole = "" if evidence.get("minimal", True) else f" (not the {least}: the budget ended first)"
    return f"{kind}{'s' if size > 1 else ''} {shown}{more}{whole}"
