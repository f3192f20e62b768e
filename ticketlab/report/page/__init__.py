"""The report page: one HTML file that needs no other file and no network.

Reading order: `render` here, the templates `templates/frame.html` (every page) and `templates/page.html`, then the
modules that prepare its data: `view` (tables), `evidence` (proofs) and `charts`. A crash matrix, a table of
isolation levels and schedules have pages of their own (`crashes`, `isolation`, `schedule`).

Texts (verdict, matrix, comparison, evidence) are in the HTML and need no script. Charts and timelines are drawn by
scripts in the page from data in the page. The timelines are JSON, deflated and in base64: that shrinks their columns of
numbers to a third, and no text in them can end the script element that holds them.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from ticketlab.core.text import escape_all_controls, pluralize
from ticketlab.core.timeline import Diagram, Interleaving, Move, StateChange, Timeline, timelines_to_json
from ticketlab.report.comparison import answers, headlines
from ticketlab.report.document import Document, shown_document
from ticketlab.report.page.charts import charts, series_names, within
from ticketlab.report.page.crashes import crashes_page
from ticketlab.report.page.cycle import cycle_picture
from ticketlab.report.page.evidence import came_of_faults, proved
from ticketlab.report.page.isolation import isolation_page
from ticketlab.report.page.schedule import chart_view, schedule_page
from ticketlab.report.page.template import filled
from ticketlab.report.page.view import matrix_view, race_lines

MOST_SPANS: Final = 400_000
"""How many spans a page holds over all its timelines; the page says what it leaves out."""
MOST_MOVES: Final = 1_000
"""How many steps of one interleaving a page holds."""


def render(result: Mapping[str, Any], diagrams: Sequence[Diagram] = ()) -> str:
    """Return the page of a result, as `to_json` gave it, and of the timelines that belong to it.

    Raises:
        UsageError: the result is damaged; the message says where.
    """
    from markupsafe import Markup

    if result.get("kind") == "crashes":
        return crashes_page(result)
    if result.get("kind") == "isolation":
        return isolation_page(result)
    if result.get("kind") == "schedule":
        return schedule_page(result)
    found = shown_document(result)
    shown = [_escaped(each) for each in trimmed(diagrams)]
    timelines = [each for each in shown if isinstance(each, Timeline)]
    compared = escape_all_controls(result) if result.get("kind") == "comparison" else None
    told = headlines(compared) if compared else [(found.headline, "")]
    return filled(
        "page.html",
        headline=told[0][0],
        setting=" · ".join([*(headline for headline, _ in told[1:]), _setting(found)]),
        answers=list(answers(compared or {})),
        command=found.command,
        environment=found.environment,
        where="Where this was measured",
        document=found,
        lines=race_lines(found),
        names=series_names(found.rows),
        ranked=any(row.ratio is not None for row in found.rows),
        matrix=matrix_view(found),
        schedule=chart_view(found.schedule) if found.schedule else None,
        within=within,
        proved=proved,
        came_of_faults=came_of_faults,
        cycle_picture=cycle_picture,
        charts=charts(found),
        charts_json=Markup(_script_safe(charts(found))),  # noqa: S704 - escaped by _script_safe
        timelines=timelines,
        timelines_packed=_packed(escape_all_controls(timelines_to_json(timelines)["timelines"])) if timelines else "",
        interleavings=[each for each in shown if isinstance(each, Interleaving)],
        facts=_facts,
    )


def _escaped(each: Diagram) -> Diagram:
    """Return a diagram whose texts cannot control a terminal; a timeline's many labels are escaped as it is packed."""
    named: dict[str, Any] = escape_all_controls({"title": each.title, "left_out": each.left_out, "lanes": each.lanes})
    if isinstance(each, Interleaving):
        return replace(each, moves=[_escaped_move(move) for move in each.moves], **named)
    return replace(each, **named)


def _escaped_move(move: Move) -> Move:
    state = tuple(StateChange(kind, *escape_all_controls(told)) for kind, *told in move.state)
    return Move(*escape_all_controls(move._replace(state=())))._replace(state=state)


def _facts(move: Move) -> str:
    return json.dumps([[kind.value, name, text] for kind, name, text in move.state], ensure_ascii=False)


def _setting(found: Document) -> str:
    """Say in a few words what all rows have in common: buyers, tickets, launcher."""
    buyers, tickets = {row.buyers for row in found.rows}, {row.tickets for row in found.rows}
    said = (
        [f"{min(buyers)} to {max(buyers)} buyers" if len(buyers) > 1 else f"{min(buyers)} buyers"]
        if any(buyers)
        else []
    )
    said += [f"{min(tickets):,} tickets"] if len(tickets) == 1 and any(buyers) else []
    launchers = {row.launcher for row in found.rows if row.launcher}
    said += [f"launcher {launchers.pop()}"] if len(launchers) == 1 else []
    said += [
        f"{key}: {'yes' if value is True else 'no' if value is False else value}" for key, value in found.facts.items()
    ]
    if origin := found.rows[0].origin_ns:
        said.append(f"times count from the first operation, at {origin:,} ns of the history")
    return " · ".join(said)


def trimmed(diagrams: Sequence[Diagram]) -> list[Diagram]:
    """Return the diagrams cut down to what a page can hold; each says what was left out of it."""
    room = MOST_SPANS
    found: list[Diagram] = []
    for each in diagrams:
        if isinstance(each, Timeline):
            found.append(_cut_spans(each, room))
            room -= min(room, len(each.spans))
        else:
            found.append(_cut_moves(each))
    return found


def _cut_spans(each: Timeline, room: int) -> Timeline:
    if len(each.spans) <= room:
        return each
    # Cut by time: the picture then shows every lane up to one moment.
    until = sorted(span.start_ns for span in each.spans)[room]
    spans = [span for span in each.spans if span.start_ns < until]
    kinds = (each.markers, each.faults, each.retries)
    marks, faults, retries = ([mark for mark in kind if mark.ns <= until] for kind in kinds)
    fewer = sum(map(len, kinds)) - len(marks) - len(faults) - len(retries)
    said = (
        f"Left out: {len(each.spans) - len(spans):,} of {len(each.spans):,} spans and "
        f"{pluralize(fewer, 'mark')}, all after {until / 1e6:,.1f} ms."
    )
    left_out = f"{each.left_out} {said}".strip()
    return replace(each, spans=spans, markers=marks, faults=faults, retries=retries, left_out=left_out)


def _cut_moves(each: Interleaving) -> Interleaving:
    if len(each.moves) <= MOST_MOVES:
        return each
    said = f"Left out: the steps after the first {MOST_MOVES:,} of {len(each.moves):,}."
    return Interleaving(each.title, each.lanes, each.moves[:MOST_MOVES], each.row, f"{each.left_out} {said}".strip())


def _packed(value: Any) -> str:
    data = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
    return base64.b64encode(zlib.compress(data, 9)).decode("ascii")


def _script_safe(value: Any) -> str:
    """Return JSON that a script element can hold, whatever names there are in it."""
    text = json.dumps(value, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
