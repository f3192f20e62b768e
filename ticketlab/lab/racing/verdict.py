"""What a race comes to: its verdict by two oracles, its metrics, its timeline."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ticketlab.checker import Budget, check
from ticketlab.checker.books import judge_books
from ticketlab.core.errors import TicketlabError, TornRead
from ticketlab.core.history import History, Operation
from ticketlab.core.inventory import Books, Stock
from ticketlab.core.plugin import Store
from ticketlab.core.result import Result
from ticketlab.core.scenario import Scenario
from ticketlab.core.text import pluralize
from ticketlab.core.verdict import Anomaly, Verdict
from ticketlab.lab.racing.fault_effects import FaultEffects
from ticketlab.lab.racing.metrics import SHARES, curve, measured
from ticketlab.lab.racing.timeline import timeline
from ticketlab.launch.job import STOPPED
from ticketlab.launch.launcher import Exit
from ticketlab.launch.track import Track

if TYPE_CHECKING:
    from ticketlab.lab.racing.options import RaceOptions

JUDGING_SECONDS: Final = 5.0
"""How long the search for an order of the operations may take; what is not decided by then is said to be undecided."""

_STILL_SERVED: Final = 0.9
"""An answer after this share of the time-out says that the race was still going on when that stopped it."""

_DISK_FULL: Final = ("[Errno 28]", "[Errno 122]", "[Errno 27]", "database or disk is full")


class RaceRecord(NamedTuple):
    """What a race left behind: everybody's tracks (the buyers' first) and endings; seconds to start; where it was."""

    tracks: Sequence[Track]
    exits: Sequence[Exit]
    start_s: float
    environment: Mapping[str, Any]


def judged(
    scenario: Scenario, live: RaceOptions, raced: RaceRecord, store: Store, *, began_s: float, command: str
) -> Result:
    """Read the books afresh, and return the race's result; `began_s` is when it began, by the monotonic clock.

    Raises:
        TicketlabError: the disk was full.
    """
    tracks, exits = raced.tracks, raced.exits
    buyers, services = tracks[: scenario.buyers], tracks[scenario.buyers :]
    after = FaultEffects(tracks, scenario.buyers, exits)
    if not live.faults:
        _refuse_full_disk(tracks)
    books, torn = _read_books(store, struck=bool(after.victims))
    if any(ending.how == "hung" for ending in exits) and not (after.victims and not after.interrupted):
        torn = []  # it may have been the lab that tore them, when it stopped a buyer
    operations = _merged(buyers)
    history = History(_meta(scenario, books), operations)
    too_long = unfinished(after.unexplained, buyers, live.timeout)
    bad = [ending for ending in after.unexplained if not too_long or ending.how != "hung"]
    verdict = _judge(scenario, history, books, [*torn, *after.anomalies(), *_bad_exits(bad, tracks)], too_long)
    return Result(
        command=command,
        store=str(scenario.store),
        strategy=str(scenario.strategy),
        launcher=str(live.launcher),
        buyers=scenario.buyers,
        tickets=scenario.inventory.tickets,
        sold=sum(operation.sold for operation in operations),
        verdict=verdict,
        metrics=measured(
            buyers,
            time.monotonic() - began_s,
            services=services,
            start_s=raced.start_s,
            recovery_ns=after.recovery_ns(),
        ),
        books=_books_json(books),
        environment=raced.environment,
        history=history,
        timeline=timeline(
            f"{scenario.strategy} on {scenario.store}", tracks, scenario.buyers, verdict.anomalies, operations
        )
        if live.timeline
        else None,
        curve=tuple(zip(SHARES, curve(operations), strict=True)),
        injected=[one.to_json() for one in after.victims],
    )


def _judge(
    scenario: Scenario, history: History, books: Books | None, seen: Sequence[Anomaly], too_long: str
) -> Verdict:
    """Hold the receipts against the books, then against the order in which they were given."""
    told = judge_books(scenario.inventory, history.operations, books)
    ordered = check(history, budget=Budget(JUDGING_SECONDS, clock=time.monotonic))
    # Sums and times often prove the same thing; the sums' proof is the one that names tickets.
    late = [anomaly for anomaly in ordered.anomalies if anomaly.name not in {each.name for each in told}]
    return Verdict([*told, *late, *seen], "; ".join(filter(None, (too_long, ordered.reason))))


def _merged(tracks: Sequence[Track]) -> tuple[Operation, ...]:
    """Merge the buyers' operations in the order of their invocations."""
    return tuple(sorted((each for track in tracks for each in track.operations), key=lambda each: each.invoke_ns))


def _read_books(store: Store, *, struck: bool) -> tuple[Books | None, list[Anomaly]]:
    """Read the books afresh; where nobody can, say so: after a fault, whatever the store's reason is."""
    try:
        return store.books(), []
    except Exception as error:
        if not struck and not isinstance(error, TornRead):
            raise
        reason = str(error) if isinstance(error, TornRead) else f"{type(error).__name__}: {error}"
        return None, [Anomaly("torn books", f"nobody can read the books any more: {reason}")]


def unfinished(exits: Sequence[Exit], buyers: Sequence[Track], timeout: float) -> str:
    """Say that the race was too long for its time-out, if answers still came when that stopped it: nobody hung then."""
    stopped = [ending for ending in exits if ending.how == "hung"]
    last = max((each.return_ns or 0 for track in buyers for each in track.operations), default=0)
    if not stopped or last < _STILL_SERVED * timeout * 1e9:
        return ""
    were = "was" if len(stopped) == 1 else "were"
    return (
        f"answers still came when {pluralize(len(stopped), 'buyer')} {were} stopped after {timeout:g} s (see --timeout)"
    )


def _bad_exits(exits: Sequence[Exit], tracks: Sequence[Track]) -> list[Anomaly]:
    """One anomaly for all that crashed and one for all that hung, each with what it last did."""
    found = []
    for how, name in (("crashed", "crashed"), ("hung", "hung")):
        bad = [ending for ending in exits if ending.how == how]
        if bad:
            first, part = bad[0], tracks[bad[0].participant]
            others = f"; so did {len(bad) - 1} more" if len(bad) > 1 else ""
            cause = part.crash or first.detail
            what = f"was {cause}" if cause.startswith(STOPPED) else f"{how} ({cause})"
            sentence = f"{first.who} {what}; it {part.last}{others}"
            evidence = [
                {
                    "who": ending.who,
                    "detail": tracks[ending.participant].crash or ending.detail,
                    "last": tracks[ending.participant].last,
                }
                for ending in bad
            ]
            kind = "clerk" if first.who.startswith("clerk") else "buyer"
            found.append(Anomaly(f"{kind} {name}", sentence, {"participants": evidence}))
    return found


def _refuse_full_disk(tracks: Sequence[Track]) -> None:
    """A full disk says nothing about the strategy."""
    for each in tracks:
        if any(sign in text for sign in _DISK_FULL for text in (each.crash, each.failed_access)):
            raise TicketlabError(
                "the disk is full: the race could not go on (free some space, or name another --folder)"
            )


def _books_json(books: Books | None) -> dict[str, Any]:
    if books is None:
        return {}
    stocks = {name: _stock_json(stock) for name, stock in books.stocks.items()}
    return {"stocks": stocks, "ledger": None if books.ledger is None else [entry._asdict() for entry in books.ledger]}


def _stock_json(stock: Stock) -> dict[str, Any]:
    fields = stock._asdict()
    holds = fields.pop("holds")
    return fields | ({"holds": [hold._asdict() for hold in holds]} if holds else {})


def _meta(scenario: Scenario, books: Books | None) -> dict[str, Any]:
    sections = dict(scenario.inventory.sections)
    stock: Any = next(iter(sections.values())) if len(sections) == 1 else sections
    return {
        "model": scenario.model,
        "stock": stock,
        "store": str(scenario.store),
        "strategy": str(scenario.strategy),
        "buyers": scenario.buyers,
        "seed": scenario.seed,
    } | ({} if books is None else {"books": _books_json(books)})
