"""What the tables of an exploration claim: rows, counts, marks, and the rows of crash points."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from tests.fuzz.explained import Claim, Explained, renamed
from tests.fuzz.explained_sentences import judge_faults, judge_sentence
from tests.fuzz.schedule_replay import Row, can_be_read, stale_writes, writes

MARK: Final = "◀"


def judge(run: Explained) -> list[Claim]:
    """Return everything that is claimed and is not so, each with its kind."""
    found = [*_headline(run), *_crash_rows(run)]
    if run.steps and run.case:  # a schedule that was right is drawn, and not printed
        found += [*_table(run), *_schedule(run), *_reads(run), *_marks(run), *judge_faults(run)]
    for anomaly in run.result["anomalies"]:
        found += judge_sentence(run, anomaly)
    return found


def _headline(run: Explained) -> Iterator[Claim]:
    """The numbers of the second line, and the names of the first."""
    result = run.result
    match = re.search(r"(\d[\d,]*) (?:anomalous )?of (\d[\d,]*) executions", run.text)
    if match and (_number(match[1]), _number(match[2])) != (result["anomalous"], result["executions"]):
        yield "headline", f"told {match[0]!r}, the result has {result['anomalous']} of {result['executions']}"
    first = run.text.splitlines()[0]
    for anomaly in result["anomalies"]:
        if anomaly["name"] not in first:
            yield "headline", f"{anomaly['name']} is not in {first!r}"
    if f"({result['buyers']} buyer" not in first or f"{result['tickets']} ticket" not in first:
        yield "headline", f"told {first!r}, there are {result['buyers']} buyers and {result['tickets']} tickets"


def _number(text: str) -> int:
    return int(text.replace(",", ""))


# The table


def printed(run: Explained) -> list[Row]:
    """Return the table's rows as they are printed: the lane is that under whose heading a cell stands."""
    lines = run.text.splitlines()
    heading = next(
        (place for place, line in enumerate(lines) if re.match(r" +(buyer|staff|server|reader) \d", line)), None
    )
    if heading is None:
        return []
    starts = [match.start() for match in re.finditer(r"\S+ \d+", lines[heading])]
    found = []
    for line in lines[heading + 1 :]:
        if not line.strip() or line.startswith((f"{MARK} ", "... ")):  # the legend
            break
        number, cell = line[: starts[0]].strip(), line[starts[0] :]
        lane = sum(start - starts[0] <= len(cell) - len(cell.lstrip()) for start in starts) - 1
        found.append(_cell(int(number) if number else None, lane, cell.strip()))
    return found


def _cell(number: int | None, lane: int, text: str) -> Row:
    marked = text.endswith(MARK)
    text = text.removesuffix(MARK).strip()
    step, _, note = text.partition(" → ")
    action, _, resource = step.partition(" ")
    if step.startswith(("fault injected: ", "struck by ")):
        action, resource = "fault injected:", step.rsplit(" ", 1)[1]
    if step.startswith("waits: "):
        action, resource = "waits:", step.removeprefix("waits: ")
    return Row(number, lane, action, resource, note, marked)


def _table(run: Explained) -> Iterator[Claim]:
    """The rows are numbered one by one, and say what the interleaving says."""
    rows = printed(run)
    numbers = [row.number for row in rows if row.number is not None]
    if numbers != list(range(1, len(numbers) + 1)):
        yield "row numbers", f"they are {numbers}"
    if len(rows) != len(run.steps):
        yield "rows", f"{len(rows)} are printed, the interleaving has {len(run.steps)}"
        return
    for row, step in zip(rows, run.rows, strict=True):
        if row.waits and step.waits:
            same = (row.lane, row.resource) == (step.lane, step.resource)
        else:
            same = (row.lane, row.step, row.learnt, row.marked) == (step.lane, step.step, step.learnt, step.marked)
        if not same:
            yield "rows", f"printed is {row}, the interleaving has {step}"


def _schedule(run: Explained) -> Iterator[Claim]:
    """The rows are steps of the case's schedule in its order, each made by who is at its head."""
    case = run.case
    made = list(zip(case["schedule"], case["steps"], strict=False))
    place = 0
    for row in run.rows:
        if row.waits:
            continue
        while place < len(made) and not _is(run, row, *made[place]):
            place += 1
        if place == len(made):
            yield "schedule", f"the schedule has no step {row.step!r} of {run.lanes[row.lane]} there"
            return
        place += 1


def _is(run: Explained, row: Row, who: int, step: str) -> bool:
    names = {f"buyer {who}", f"staff {who - run.case['scenario']['buyers']}"}
    if row.fault:
        return row.resource in step and run.lanes[row.lane] in names
    return row.step == step and (run.lanes[row.lane] in names or who < 1)


def _reads(run: Explained) -> Iterator[Claim]:
    """Each read finds what the last write left, or one that is under way."""
    rows = run.rows
    if run.case["scenario"]["store"].startswith("private"):
        return
    for place, row in enumerate(rows):
        if row.action == "read" and row.left is not None:
            can_be = can_be_read(rows, place, run.opening)
            if row.left not in can_be and not run.holds:
                yield "read", f"row {place + 1} reads {row.left}, the record can say {sorted(can_be)}"


# The marks


def _marks(run: Explained) -> Iterator[Claim]:
    rows = run.rows
    marked = {place for place, row in enumerate(rows) if row.marked and not row.waits}
    names = {anomaly["name"] for anomaly in run.result["anomalies"]}
    lost = bool(names & {"lost update", "ticket sold twice", "oversold"})
    torn = bool(names & {"torn read", "corrupted file"})
    if lost and not torn:
        yield from _marks_of_lost_update(rows, marked)
    elif torn:
        yield from _marks_of_torn(rows, marked)
    elif marked and not names & {"undersold", "stale read", "ghost sale", "vanished sale", "resold hold"}:
        yield "marks", f"rows {_told(marked)} are marked, and {sorted(names)} hangs on none"


def _told(places: set[int]) -> list[int]:
    return sorted(place + 1 for place in places)


def _marks_of_lost_update(rows: Sequence[Row], marked: set[int]) -> Iterator[Claim]:
    """Marked are the stale read, the change and the overwriting, and nothing else."""
    stale = list(stale_writes(rows))
    if not marked:
        if stale:
            yield "marks", f"none, though row {stale[0][0] + 1} is a stale read"
        return
    for read, change, over in stale:
        if read in marked <= {read, *change.rows, *over.rows} and marked & {*change.rows} and marked & {*over.rows}:
            return
    yield "marks", f"rows {_told(marked)} are no stale read, change and overwriting; these are {_shown(stale)}"


def _shown(stale: Sequence[tuple[int, Any, Any]]) -> list[list[int]]:
    return [[read + 1, change.last + 1, over.last + 1] for read, change, over in stale]


def _marks_of_torn(rows: Sequence[Row], marked: set[int]) -> Iterator[Claim]:
    """Marked are a write in parts and what came between its parts, or two writes that overlap."""
    overlaps = [
        (first, place, last)
        for first, last in _in_parts(rows)
        for place in range(first + 1, last)
        if rows[place].lane != rows[first].lane and rows[place].resource == rows[first].resource
    ]
    if not marked:
        if overlaps:
            yield "marks", f"none, though row {overlaps[0][1] + 1} falls into a write"
        return
    if not any({*overlap} <= marked for overlap in overlaps):
        yield "marks", f"rows {_told(marked)} are no write and what fell into it"
    for place in sorted(marked):
        if rows[place].resource not in {rows[first].resource for first, _, _ in overlaps}:
            yield "marks", f"row {place + 1} is of another resource"


def _in_parts(rows: Sequence[Row]) -> Iterator[tuple[int, int]]:
    """Yield the first and the last row of each write that has several to one resource."""
    for write in writes(rows):
        for resource in {rows[place].resource for place in write.rows}:
            places = [place for place in write.rows if rows[place].resource == resource]
            yield places[0], places[-1]


def _crash_rows(run: Explained) -> Iterator[Claim]:
    """The rows of what was struck say what the result has, and their schedules add up."""
    injected = renamed(run.result, "injected", "struck", [])
    lines = re.findall(r"^ *(\d+)  (.*?) {2,}(\d[\d,]*)  (\S.*?) *$", run.text, re.MULTILINE)
    if injected and "struck before" in run.text and len(lines) != len(injected):
        yield "crash rows", f"{len(lines)} are printed, {len(injected)} points were struck"
        return
    for (point, label, schedules, outcome), row in zip(lines, injected, strict=False):
        names = ", ".join(row["names"]) or "survives"
        told = (int(point), label.strip(), _number(schedules))
        if told != (row["point"], row["before"], row["executions"]):
            yield "crash rows", f"told {told}, the result has {row}"
        if sorted(outcome.split(", after")[0].split(", ")) != sorted(names.split(", ")):
            yield "crash rows", f"told {outcome!r} before {label!r}, the result has {names!r}"
    for row in injected:
        if not row["before"]:
            yield "crash rows", f"point {row['point']} of {row['who']} has no name"
    struck = sum(row["executions"] for row in injected)
    if injected and struck > run.result["executions"]:
        yield "crash rows", f"{struck} schedules in {run.result['executions']} executions"
    if run.result.get("exhausted") and injected and struck >= run.result["executions"]:
        yield "crash rows", f"{struck} of {run.result['executions']} executions were struck: none ran without a fault"
