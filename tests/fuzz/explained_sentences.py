"""What the sentences and fault rows of an exploration claim, held to its schedule."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from tests.fuzz.explained import Claim, Explained, renamed
from tests.fuzz.schedule_replay import Row, holders, writes


def judge_faults(run: Explained) -> Iterator[Claim]:
    """Each fault strikes whom the case says, before as many of its steps as the case says."""
    case, buyers = run.case, run.case["scenario"]["buyers"]
    struck = [row for row in run.rows if row.fault]
    by_itself = [fault for fault in case["faults"] if _takes_one_access(fault["fault"])]
    if len(struck) + len(by_itself) != len(case["faults"]) and len(struck) != len(case["faults"]):
        yield "faults", f"{len(struck)} rows strike, the case has {len(case['faults'])} faults"
    for fault in case["faults"]:
        name = f"buyer {fault['who']}" if fault["who"] <= buyers else f"staff {fault['who'] - buyers}"
        if not _takes_one_access(fault["fault"]) and name not in [run.lanes[row.lane] for row in struck]:
            yield "faults", f"{fault} strikes {name}, the table strikes {[run.lanes[row.lane] for row in struck]}"
    for place, row in enumerate(run.rows):
        if row.fault and row.resource.startswith("kill"):
            later = [each for each in run.rows[place + 1 :] if each.lane == row.lane]
            if later:
                yield "faults", f"{run.lanes[row.lane]} was killed in row {place + 1} and moves on"
        elif row.fault and row.note.startswith("before "):
            yield from _comes_next(run, place, row)


def _takes_one_access(fault: str) -> bool:
    return fault.split(":")[0] in ("disk-full", "short-write", "io-error", "no-files", "locked")


def _comes_next(run: Explained, place: int, row: Row) -> Iterator[Claim]:
    """Who was paused or told to end goes on with the step that it was struck before, if it goes on."""
    made = [(who, step) for who, step in zip(run.case["schedule"], run.case["steps"], strict=False)]
    name = run.lanes[row.lane]
    own = [step for who, step in made if f"buyer {who}" == name]
    at = next((at for at, step in enumerate(own) if row.resource in step and "fault" in step), None)
    if at is None or at + 1 == len(own) or row.resource.startswith("terminate"):
        return
    if own[at + 1] != row.note.removeprefix("before "):
        yield "faults", f"row {place + 1} strikes {row.note!r}, and the next step is {own[at + 1]!r}"


Claims = Callable[[Explained, Mapping[str, Any], re.Match[str]], Iterator[Claim]]


def judge_sentence(run: Explained, anomaly: Mapping[str, Any]) -> list[Claim]:
    for pattern, claims in SENTENCES.items():
        if match := re.fullmatch(pattern, anomaly["sentence"]):
            found = list(claims(run, anomaly, match))
            if not _printed_whole(run, anomaly["sentence"]):
                found.append(("sentence", f"the text has not {anomaly['sentence']!r}"))
            return found
    return [("unknown sentence", anomaly["sentence"])]


def _printed_whole(run: Explained, sentence: str) -> bool:
    return "".join(sentence.split()) in "".join(run.text.split())


def _held_by(run: Explained, anomaly: Mapping[str, Any], told: re.Match[str]) -> Iterator[Claim]:
    """A ticket was sold to these buyers: each purchase returned it."""
    receipts = anomaly["evidence"]["tickets"][told["ticket"]]
    true = [renamed(receipt, "process", "buyer") for receipt in receipts]
    buyers = [int(number) for number in re.findall(r"\d+", told["whom"])]
    if not set(buyers) <= set(true) or len(buyers) + int(told["more"] or 0) != len(true):
        yield "who", f"told {buyers} and {told['more'] or 0} more, true is {true}"
    if any(int(told["ticket"]) not in receipt["tickets"] for receipt in receipts):
        yield "who", "a receipt among the evidence has another number"


def _overwritten(run: Explained, anomaly: Mapping[str, Any], told: re.Match[str]) -> Iterator[Claim]:
    evidence = anomaly["evidence"]
    returned, counted, by = int(told["returned"]), int(told["counted"]), int(told["by"])
    if evidence.get("returned") != returned or evidence.get("counted") != counted:
        yield "fields", f"told {returned} and {counted}, the evidence has {dict(evidence, operations=None)}"
    if returned - counted != by:
        yield "sum", f"{returned} - {counted} is not {by}"
    final = _final(run)
    if final is not None and run.opening - final != counted and not run.holds:
        yield "counted", f"told {counted}, the last write leaves {final} of {run.opening}"


def _final(run: Explained) -> int | None:
    """Return how many tickets the last write leaves, where writes do not overlap."""
    found = writes(run.rows)
    if not found or any(one.first < other.first < one.last for one in found for other in found):
        return None
    return found[-1].left


def _too_many(run: Explained, anomaly: Mapping[str, Any], told: re.Match[str]) -> Iterator[Claim]:
    stock = run.case["scenario"]["inventory"][told["section"]]
    if int(told["there"]) != stock:
        yield "stock", f"told {told['there']}, true is {stock}"
    if int(told["sold"]) <= stock:
        yield "sum", f"{told['sold']} are not more than {stock}"


def _left_behind(run: Explained, anomaly: Mapping[str, Any], told: re.Match[str]) -> Iterator[Claim]:
    """Who waits does, and who is said to hold does hold it, by the schedule."""
    rows = run.rows
    waiting = [run.lanes[row.lane] for row in rows if row.waits and row.resource.endswith(told["what"])]
    if told["who"] not in waiting:
        yield "waits", f"told that {told['who']} waits for {told['what']}, true of {waiting}"
    true = [run.lanes[lane] for lane in holders(rows, told["what"], len(rows))]
    if told["holder"] not in true:
        yield "holder", f"told that {told['holder']} holds {told['what']}, true of {true}"
    killed = [run.lanes[row.lane] for row in rows if row.fault]
    if told["fate"] and told["holder"] not in killed:
        yield "holder", f"{told['holder']} was not struck"


def _blocked(run: Explained, anomaly: Mapping[str, Any], told: re.Match[str]) -> Iterator[Claim]:
    waiting = [f"{run.lanes[row.lane]} waits to {row.resource}" for row in run.rows if row.waits]
    if f"{told['who']} waits to {told['what']}" not in waiting:
        yield "waits", f"told {told['who']} waits to {told['what']}, true is {waiting}"
    struck = [run.lanes[row.lane] for row in run.rows if row.fault]
    if told["dead"] and told["dead"] not in struck:
        yield "waits", f"{told['dead']} was not struck, {struck} were"


def _torn_read(run: Explained, anomaly: Mapping[str, Any], told: re.Match[str]) -> Iterator[Claim]:
    """That buyer read while another wrote, or after one had died in a write."""
    rows = run.rows
    reads = [place for place, row in enumerate(rows) if row.action == "read" and run.lanes[row.lane] == told["who"]]
    if not any(
        write.first < place and run.lanes[write.lane] != told["who"] for write in writes(rows) for place in reads
    ):
        yield "torn read", f"{told['who']} read nothing while another wrote"
    elif reads and rows[reads[-1]].left is not None:
        yield "torn read", f"{told['who']} read {rows[reads[-1]].left}"


def _anything(run: Explained, anomaly: Mapping[str, Any], told: re.Match[str]) -> Iterator[Claim]:
    """What nothing but the store itself can say: the bytes of a file that nobody can read."""
    yield from ()


_S = r"section '(?P<section>.*?)'"
SENTENCES: Final[dict[str, Claims]] = {
    rf"ticket (?P<ticket>\d+) of {_S} was sold to buyers (?P<whom>[\d, and]+?)(?: and (?P<more>\d+) more)?": _held_by,
    rf"purchases returned (?P<returned>\d+) sold tickets? of {_S}, the books count (?P<counted>-?\d+): (?P<by>\d+)"
    r" (?:was |were )?overwritten": _overwritten,
    rf"(?P<sold>\d+) tickets? of {_S} (?:are|is) sold, and it has only (?P<there>\d+)": _too_many,
    rf"the books know of (?P<sold>\d+) tickets? of {_S}, and there (?:are|is) only (?P<there>\d+): what was sold is"
    r" held, or for sale, as well": _too_many,
    r"(?P<who>\w+ \d+) waits for (?P<what>.+?), held by (?P<holder>\w+ \d+), which (?P<fate>.+?) while holding it:"
    r" nobody can ever have it again": _left_behind,
    r"(?P<who>\w+ \d+) waits to (?P<what>.+?), and nobody is left to make that possible(?:: (?P<dead>\w+ \d+) was"
    r" .+)?": _blocked,
    r"(?P<who>buyer \d+) met a half-written record: .*": _torn_read,
    r"nobody can read the books any more: .*": _anything,
}
