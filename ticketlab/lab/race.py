"""Live races: real processes, real files, and a verdict from two oracles."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ticketlab.core.errors import TicketlabError, TornRead, UsageError
from ticketlab.core.history import History, Operation
from ticketlab.core.inventory import Books
from ticketlab.core.plugin import Setting, Store, Strategy
from ticketlab.core.result import Result
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.core.verdict import Anomaly, Verdict
from ticketlab.lab.environment import environment
from ticketlab.lab.figures import SHARES, curve, figures
from ticketlab.lab.folders import live_folder
from ticketlab.lab.registry import launcher_kind, store_kind, strategy_kind
from ticketlab.lab.timeline import timeline
from ticketlab.launch.gate import Gate
from ticketlab.launch.limits import allow_open_files
from ticketlab.launch.log import Log
from ticketlab.launch.party import STOPPED, Ending, Launcher, Party
from ticketlab.launch.track import Track, track
from ticketlab.timings.latency import Latency

_DISK_FULL = ("[Errno 28]", "[Errno 122]", "[Errno 27]", "database or disk is full")

MEMORY_MB = 1024
"""Far more than any purchase needs, and far less than what 100 buyers could take together."""
JUDGING_SECONDS = 5.0
"""How long the search for an order of the operations may take; what is not decided by then is said to be undecided."""


@dataclass(frozen=True, slots=True)
class Live:
    """How a scenario is raced.

    `timeout` is in seconds; `trace` says whether steps are recorded beside requests; a `folder` that is named is kept.
    `meanwhile` is called when all buyers have been started, and may prepare what is needed after the race.
    `timeline` asks for the timeline, which needs the steps. `memory_mb` is how much memory a buyer in a process of its
    own may take, in MiB, beyond what it had at the start; 0 sets no limit.
    """

    launcher: Spec = field(default_factory=lambda: Spec("process"))
    latency: Latency = field(default_factory=lambda: Latency({}))
    timeout: float = 60.0
    trace: bool = True
    folder: Path | None = None
    meanwhile: Callable[[], None] = lambda: None
    timeline: bool = False
    memory_mb: int = MEMORY_MB


def race(scenario: Scenario, live: Live | None = None, *, command: str = "") -> Result:
    """Race a scenario and judge it.

    Raises:
        UsageError: the store, strategy or launcher is unknown, or they do not go together.
        TicketlabError: the race could not be run at all.
    """
    live = live or Live()
    began = time.monotonic()
    surroundings: dict[str, Any] = {}

    def meanwhile() -> None:
        import ticketlab.check.books  # noqa: F401 - forked buyers are the faster for not having it

        surroundings.update(environment(folder))
        live.meanwhile()

    with _prepared(scenario, live) as (store, strategy, launcher, folder):
        tracks, endings, start_s = _run(scenario, live, store, strategy, launcher, meanwhile)
        _refuse_full_disk(tracks)
        books, torn = _read_books(store)
        if any(ending.how == "hung" for ending in endings):
            torn = []  # it may have been the lab that tore them, when it stopped a buyer
    operations = _merged(tracks[: scenario.buyers])
    history = History(_meta(scenario, books), operations)
    verdict = _judge(scenario, history, books, [*torn, *_bad_endings(endings, tracks)])
    return Result(
        command=command,
        store=str(scenario.store),
        strategy=str(scenario.strategy),
        launcher=str(live.launcher),
        buyers=scenario.buyers,
        tickets=scenario.inventory.tickets,
        sold=sum(len(operation.tickets) for operation in operations if operation.op == "buy"),
        verdict=verdict,
        figures=figures(
            tracks[: scenario.buyers], time.monotonic() - began, staff=tracks[scenario.buyers :], start_s=start_s
        ),
        books=_books_json(books),
        environment=surroundings,
        history=history,
        timeline=timeline(
            f"{scenario.strategy} on {scenario.store}", tracks, scenario.buyers, verdict.anomalies, operations
        )
        if live.timeline
        else None,
        curve=tuple(zip(SHARES, curve(operations), strict=True)),
    )


def check_combination(scenario: Scenario) -> None:
    """Raise UsageError where the scenario's strategy cannot run on its store."""
    store = store_kind(scenario.store)
    if store.in_process:
        raise UsageError(f"{store.name} cannot be raced for: its books never leave one process (explore it instead)")
    reason = strategy_kind(scenario.strategy).unsupported_on(store)
    if reason:
        raise UsageError(f"{scenario.strategy} does not run on {scenario.store}: {reason} (see ticketlab strategies)")


@contextmanager
def _prepared(scenario: Scenario, live: Live) -> Iterator[tuple[Store, Strategy, Launcher, Path]]:
    """Build and set up all that the race needs, and take it down again."""
    check_combination(scenario)
    allow_open_files(scenario.buyers)
    launcher = launcher_kind(live.launcher)
    starter = launcher.build(
        launcher.variant(live.launcher) or live.launcher.variant, **launcher.settings(live.launcher)
    )
    strategy = strategy_kind(scenario.strategy).make(scenario.strategy)
    with ExitStack() as stack:
        folder = stack.enter_context(live_folder(live.folder))
        store = store_kind(scenario.store).make(scenario.store, folder)
        try:
            stack.callback(store.close)
            store.create(scenario.inventory, ledger=scenario.ledger)
            strategy.prepare(Setting(starter.context(), folder, store, scenario.buyers))
        except OSError as error:
            raise TicketlabError(f"cannot set up the race in {folder}: {error.strerror or error}") from error
        stack.callback(strategy.close)
        yield store, strategy, starter, folder


def _run(
    scenario: Scenario,
    live: Live,
    store: Store,
    strategy: Strategy,
    launcher: Launcher,
    meanwhile: Callable[[], None],
) -> tuple[list[Track], list[Ending], float]:
    """Let everybody race; return what they recorded (buyers' tracks first), how they ended, and seconds to start."""
    began_ns = time.monotonic_ns()
    gate, log = Gate(), Log(scenario.buyers + len(strategy.staff()))
    try:
        pace = partial(live.latency.pace, scenario.seed)
        party = Party(scenario, store, strategy, log, gate, pace, live.timeout, live.trace, live.memory_mb)
        endings = launcher.run(party, meanwhile)
        people = range(log.participants)
        tracks = [track(each + 1, log.records(each), gate.fired_ns, keep=live.timeline) for each in people]
        return tracks, endings, (gate.fired_ns - began_ns) / 1e9
    finally:
        gate.close()
        log.close()


def _judge(scenario: Scenario, history: History, books: Books | None, seen: Sequence[Anomaly]) -> Verdict:
    """Hold the receipts against the books, then against the order in which they were given."""
    from ticketlab.check import Budget, check
    from ticketlab.check.books import judge_books

    told = judge_books(scenario.inventory, history.operations, books)
    ordered = check(history, budget=Budget(JUDGING_SECONDS, clock=time.monotonic))
    # Sums and times often prove the same thing; the sums' proof is the one that names tickets.
    late = [anomaly for anomaly in ordered.anomalies if anomaly.name not in {each.name for each in told}]
    return Verdict([*told, *late, *seen], ordered.reason)


def _merged(tracks: Sequence[Track]) -> tuple[Operation, ...]:
    """Merge the buyers' operations in the order of their invocations."""
    return tuple(sorted((each for track in tracks for each in track.operations), key=lambda each: each.invoke_ns))


def _read_books(store: Store) -> tuple[Books | None, list[Anomaly]]:
    try:
        return store.books(), []
    except TornRead as error:
        return None, [Anomaly("torn books", f"nobody can read the books any more: {error}")]


def _bad_endings(endings: Sequence[Ending], tracks: Sequence[Track]) -> list[Anomaly]:
    """One anomaly for all that crashed and one for all that hung, each with what it last did."""
    found = []
    for how, name in (("crashed", "crashed"), ("hung", "hung")):
        bad = [ending for ending in endings if ending.how == how]
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
        if any(sign in each.crash for sign in _DISK_FULL):
            raise TicketlabError(
                "the disk is full: the race could not go on (free some space, or name another --folder)"
            )


def _books_json(books: Books | None) -> dict[str, Any]:
    if books is None:
        return {}
    stocks = {name: stock._asdict() for name, stock in books.stocks.items()}
    return {"stocks": stocks, "ledger": None if books.ledger is None else [entry._asdict() for entry in books.ledger]}


def _meta(scenario: Scenario, books: Books | None) -> dict[str, Any]:
    sections = dict(scenario.inventory.sections)
    stock: Any = next(iter(sections.values())) if len(sections) == 1 else sections
    return {
        "model": "counter",
        "stock": stock,
        "store": str(scenario.store),
        "strategy": str(scenario.strategy),
        "buyers": scenario.buyers,
        "seed": scenario.seed,
    } | ({} if books is None else {"books": _books_json(books)})
