"""`ticketlab report`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ticketlab.cli.options import Command
from ticketlab.core.errors import UsageError

if TYPE_CHECKING:
    from ticketlab.core.timeline import Diagram

_file = click.Path(path_type=Path)


@click.command("report", cls=Command)
@click.argument("path", type=_file, default=Path(".ticketlab/runs/latest"))
@click.option("--html", type=_file, metavar="FILE", help="The page; report.html if no other form is asked for.")
@click.option("--svg", type=_file, metavar="FILE", help="The main plots as a picture for slides and papers.")
@click.option("--timeline", type=_file, metavar="FILE", help="The timeline, or the steps of a schedule, as a picture.")
@click.option("--race", metavar="TEXT", help="The race whose timeline --timeline draws: a part of its title.")
@click.option("--trace", type=_file, metavar="FILE", help="The timeline as trace events, for ui.perfetto.dev.")
@click.option("--markdown", type=_file, metavar="FILE", help="The table for an issue or a README.")
@click.option("--force", is_flag=True, help="Replace files that exist.")
def command(
    path: Path,
    html: Path | None,
    svg: Path | None,
    timeline: Path | None,
    race: str | None,
    trace: Path | None,
    markdown: Path | None,
    force: bool,
) -> int:
    """Draw a saved run, race or case: PATH is a result, a case, or a run by its name or its folder (the latest).

    The page is one file that opens offline: verdict, matrix, curves, and the timeline where the run has one.
    """
    from ticketlab.lab.artifacts.case_files import is_case
    from ticketlab.lab.artifacts.files import refuse_existing
    from ticketlab.lab.artifacts.result_files import read_document
    from ticketlab.lab.artifacts.runs import named
    from ticketlab.lab.artifacts.timeline_files import read_diagrams

    if race and not timeline:
        raise UsageError("--race says which race --timeline FILE draws: add --timeline, or leave it out")
    if not (html or svg or timeline or trace or markdown):
        html = Path("report.html")
    for each in filter(None, (html, svg, timeline, trace, markdown)):
        refuse_existing(each, force=force)
    path = named(path)
    result, diagrams = _replayed(path) if is_case(path) else (read_document(path), read_diagrams(path))
    if html:
        write_page(html, result, diagrams, force=force, source=path)
    if svg:
        from ticketlab.report.exports.plots import plots

        _write(svg, _drawn(lambda: plots(result), path), force=force)
    if timeline:
        from ticketlab.report.exports.drawings import drawing

        _write(timeline, _drawn(lambda: drawing(diagrams, race or ""), path), force=force)
    if trace:
        from ticketlab.report.exports.perfetto import trace_events

        if not diagrams:
            raise UsageError(
                f"{path} has no timeline, so there is nothing to trace: races keep theirs in their run's folder"
            )
        _write(trace, trace_events(diagrams), force=force)
    if markdown:
        from ticketlab.report.exports.markdown import as_markdown

        _write(markdown, _drawn(lambda: as_markdown(result), path), force=force)
    return 0


def _replayed(path: Path) -> tuple[dict[str, Any], list[Diagram]]:
    """Run a case again, since it holds the schedule and not what happened; return the result and its diagram."""
    from ticketlab.lab.plain.cases import is_plain_case, load_plain_case
    from ticketlab.lab.powercuts.case import is_power_cut_case, load_power_cut_case
    from ticketlab.lab.programs.cases import is_program_case, load_program_case

    if is_power_cut_case(path):
        from ticketlab.cli.power_cuts import power_cut_again

        return power_cut_again(load_power_cut_case(path), path).to_json(), []
    if is_program_case(path):
        from ticketlab.cli.programs import program_diagrams, program_played_again

        again = program_played_again(load_program_case(path), path)
        return again.to_json(), list(program_diagrams(again))
    if is_plain_case(path):
        from ticketlab.cli.functions import played_again, replay_diagrams

        played = played_again(load_plain_case(path), path)
        return played.to_json(), list(replay_diagrams(played))
    return _replayed_purchases(path)


def _replayed_purchases(path: Path) -> tuple[dict[str, Any], list[Diagram]]:
    from ticketlab.cli.command_lines import replay_line
    from ticketlab.cli.explore import scenario_diagram
    from ticketlab.lab.artifacts.case_files import load_case
    from ticketlab.lab.exploring.replay import replay_case

    replayed = replay_case(load_case(path), command=replay_line(path))
    scenario = replayed.case.scenario
    title = f"{scenario.strategy} on {scenario.store}"
    return replayed.to_json(), [scenario_diagram(title, scenario, replayed.execution, replayed.anomalies)]


def write_page(
    path: Path, result: Mapping[str, Any], diagrams: Sequence[Diagram], *, force: bool, source: object = "the result"
) -> None:
    """Write the page of a result and its timelines, and say where; an error names `source`."""
    from ticketlab.report.page import render

    _write(path, _drawn(lambda: render(result, diagrams), source), force=force)


def _drawn(draw: Callable[[], str], source: object) -> str:
    try:
        return draw()
    except UsageError as error:
        raise UsageError(f"cannot draw {source}: {error}") from None


def _write(path: Path, text: str, *, force: bool) -> None:
    from ticketlab.lab.artifacts.files import write_text

    write_text(path, text, force=force)
    click.echo(f"wrote {path} ({len(text.encode()) / 1000:,.0f} kB)", err=True)
