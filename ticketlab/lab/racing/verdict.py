"""The result of a race: its verdict by two oracles, its metrics, its timeline."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ticketlab.checker import Budget, check
from ticketlab.checker.books import judge_books
from ticketlab.core.errors import TicketlabError
from ticketlab.core.history import History, Operation
from ticketlab.core.inventory import Books, Stock
from ticketlab.core.plugin import Store
from ticketlab.core.result import Result
from ticketlab.core.scenario import Scenario
from ticketlab.core.text import pluralize
from ticketlab.core.timeline import Timeline
from ticketlab.core.verdict import Anomaly, Verdict
from ticketlab.lab.books import read_books
from ticketlab.lab.plugins.registry import launcher_kind, strategy_kind
from ticketlab.lab.racing.explained import because
from ticketlab.lab.racing.fault_effects import FaultEffects
from ticketlab.lab.racing.metrics import SHARES, curve, measure
from ticketlab.lab.racing.timeline import race_timeline
from ticketlab.launch.launcher import Exit
from ticketlab.launch.recorder import CrashReason
from ticketlab.launch.track import Track, moves

if TYPE_CHECKING:
    from ticketlab.lab.racing.options import RaceOptions

_JUDGING_SECONDS: Final = 5.0
"""How long the search for an order of the operations may take; after that, the verdict is undecided."""

_CLOCK_ERROR_NS: Final = 1_000
"""By how much a store's clock, which counts seconds in floating point, and that of the history may disagree."""

_STILL_SERVED: Final = 0.9
"""If an answer came after this share of the time-out, the race was still going on when the time-out stopped it."""


class RaceRecord(NamedTuple):
    """The record of a race: each participant's track (the buyers' first), the exits, and the seconds to start."""

    tracks: Sequence[Track]
    exits: Sequence[Exit]
    start_s: float
    environment: Mapping[str, Any]
    notes: Sequence[str] = ()


def judge_race(
    scenario: Scenario, options: RaceOptions, record: RaceRecord, store: Store, *, began_s: float, command: str
) -> Result:
    """Read the books afresh, and return the race's result; it began at `began_s` by the monotonic clock.

    Raises:
        TicketlabError: the disk was full.
    """
    tracks = record.tracks
    buyers, services = tracks[: scenario.buyers], tracks[scenario.buyers :]
    effects = FaultEffects(tracks, scenario.buyers, record.exits)
    if not options.faults:
        _refuse_full_disk(tracks)
    books, unreadable = _read_books(store, effects)
    operations = _merged(buyers)
    history = History(_meta(scenario, books, several_clocks=any(track.error_ns for track in buyers)), operations)
    too_long = unfinished(effects.unexplained, buyers, options.timeout)
    bad = [each for each in effects.unexplained if not too_long or each.how != "hung"]
    observed = [*unreadable, *effects.anomalies(), *_bad_exits(bad, tracks, scenario.buyers)]
    verdict = _judge(scenario, history, books, observed, too_long)
    seconds = time.monotonic() - began_s
    return Result(
        command=command,
        store=str(scenario.store),
        strategy=str(scenario.strategy),
        launcher=str(options.launcher),
        buyers=scenario.buyers,
        tickets=scenario.inventory.tickets,
        sold=sum(operation.sold for operation in operations),
        verdict=verdict,
        metrics=measure(buyers, seconds, services=services, start_s=record.start_s, recovery_ns=effects.recovery_ns()),
        books=_books_json(books),
        environment=record.environment,
        history=history,
        timeline=_timeline(scenario, options, tracks, verdict, operations) if options.timeline else None,
        curve=tuple(zip(SHARES, curve(operations), strict=True)),
        injected=[victim.to_json() for victim in effects.victims],
        claims_safety=strategy_kind(scenario.strategy).claims_safety(scenario.strategy),
        moves=moves(tracks),
        because=because(scenario, verdict.valid),
        notes=record.notes,
    )


def _timeline(
    scenario: Scenario,
    options: RaceOptions,
    tracks: Sequence[Track],
    verdict: Verdict,
    operations: Sequence[Operation],
) -> Timeline:
    title, pooled = f"{scenario.strategy} on {scenario.store}", launcher_kind(options.launcher).pooled
    return race_timeline(title, tracks, scenario.buyers, verdict.anomalies, operations, workers=pooled)


def _read_books(store: Store, effects: FaultEffects) -> tuple[Books | None, list[Anomaly]]:
    """Read the books; unreadable ones are no anomaly if the lab may have damaged them by stopping a writing buyer."""
    books, unreadable = read_books(store, any_error=bool(effects.victims))
    hung = any(each.how == "hung" for each in effects.exits)
    return books, [] if hung and not (effects.victims and not effects.interrupted) else unreadable


def _judge(
    scenario: Scenario, history: History, books: Books | None, observed: Sequence[Anomaly], too_long: str
) -> Verdict:
    """Compare the receipts with the books, and the operations with the order in which they were answered.

    `observed` are the anomalies that were seen already; `too_long` is the reason why a race that was cut short is
    undecided.
    """
    by_sums = judge_books(scenario.inventory, history.operations, books)
    by_times = check(history, budget=Budget(_JUDGING_SECONDS, clock=time.monotonic))
    # Sums and times often prove the same anomaly; the proof by sums names the tickets.
    only_by_times = [each for each in by_times.anomalies if each.name not in {other.name for other in by_sums}]
    return Verdict([*by_sums, *only_by_times, *observed], "; ".join(filter(None, (too_long, by_times.reason))))


def _merged(tracks: Sequence[Track]) -> tuple[Operation, ...]:
    """Return all buyers' operations in the order of their invocations, each as long as it may have been."""
    operations = (each.widened(track.error_ns) for track in tracks for each in track.operations)
    return tuple(sorted(operations, key=lambda each: each.invoke_ns))


def unfinished(exits: Sequence[Exit], buyers: Sequence[Track], timeout: float) -> str:
    """Return a sentence if the race was too long for its time-out: answers still came then, so nobody hung."""
    stopped = [each for each in exits if each.how == "hung"]
    last = max((each.return_ns or 0 for track in buyers for each in track.operations), default=0)
    if not stopped or last < _STILL_SERVED * timeout * 1e9:
        return ""
    were = "was" if len(stopped) == 1 else "were"
    return (
        f"answers still came when {pluralize(len(stopped), 'buyer')} {were} stopped after {timeout:g} s (see --timeout)"
    )


def _bad_exits(exits: Sequence[Exit], tracks: Sequence[Track], buyers: int) -> list[Anomaly]:
    """Return one anomaly for all participants that crashed, and one for all that hung."""
    found = []
    for how, name in (("crashed", "crashed"), ("hung", "hung")):
        bad = [each for each in exits if each.how == how]
        if bad:
            first, track = bad[0], tracks[bad[0].participant]
            others = f"; so did {len(bad) - 1} more" if len(bad) > 1 else ""
            cause = _cause(first, track)
            what = f"was {cause}" if track.crash_reason is CrashReason.LIMIT else f"{how} ({cause})"
            sentence = f"{first.who} {what}; it {track.last}{others}"
            ended = [(each, tracks[each.participant]) for each in bad]
            evidence = [{"who": each.who, "detail": _cause(each, its), "last": its.last} for each, its in ended]
            kind = "buyer" if first.participant < buyers else "clerk"
            found.append(Anomaly(f"{kind} {name}", sentence, {"participants": evidence}))
    return found


def _cause(each: Exit, its: Track) -> str:
    """Say why a participant ended."""
    stopped = its.crash_reason is CrashReason.LIMIT
    return f"stopped: {its.crash}" if stopped else its.crash or each.detail


def _refuse_full_disk(tracks: Sequence[Track]) -> None:
    """Raise TicketlabError if a write failed for lack of space, which says nothing about the strategy."""
    if any(each.no_space for each in tracks):
        raise TicketlabError("the disk is full: the race could not go on (free some space, or name another --folder)")


def _books_json(books: Books | None) -> dict[str, Any]:
    if books is None:
        return {}
    stocks = {name: _stock_json(stock) for name, stock in books.stocks.items()}
    return {"stocks": stocks, "ledger": None if books.ledger is None else [entry._asdict() for entry in books.ledger]}


def _stock_json(stock: Stock) -> dict[str, Any]:
    fields = stock._asdict()
    holds = fields.pop("holds")
    return fields | ({"holds": [hold._asdict() for hold in holds]} if holds else {})


def _meta(scenario: Scenario, books: Books | None, *, several_clocks: bool) -> dict[str, Any]:
    sections = dict(scenario.inventory.sections)
    stock: Any = next(iter(sections.values())) if len(sections) == 1 else sections
    return {
        "model": scenario.model,
        "stock": stock,
        "store": str(scenario.store),
        "strategy": str(scenario.strategy),
        "buyers": scenario.buyers,
        "seed": scenario.seed,
        **({"clock_error_ns": _CLOCK_ERROR_NS} if scenario.model == "holds" else {}),
        **({"several_clocks": True} if several_clocks else {}),
    } | ({} if books is None else {"books": _books_json(books)})
