"""What `ticketlab` exports of the lab, on one page.

Each function imports its room when it is called, so that a live race does not load what only explorations need: the
smaller the lab, the faster it forks buyers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack, overload

if TYPE_CHECKING:
    from ticketlab.checker.budget import Budget
    from ticketlab.checker.columns import Columns
    from ticketlab.checker.model import Model
    from ticketlab.checker.transactions.history import TransactionHistory
    from ticketlab.core.faults import FaultPoint
    from ticketlab.core.history import History
    from ticketlab.core.inventory import Request
    from ticketlab.core.result import Result
    from ticketlab.core.scenario import Scenario
    from ticketlab.core.verdict import Verdict
    from ticketlab.explorer.case import Case
    from ticketlab.explorer.results import Exploration, ExploreOptions, ReplayResult
    from ticketlab.lab.comparing.comparison import SamplingPlan
    from ticketlab.lab.comparing.comparison_result import ComparisonResult
    from ticketlab.lab.exploring.plan import PlanResult
    from ticketlab.lab.plain.function import JudgedBy
    from ticketlab.lab.plain.plan import PlainPlanResult
    from ticketlab.lab.plain.results import PlainRaceResult
    from ticketlab.lab.programs.program import Program
    from ticketlab.lab.programs.results import ProgramExploration
    from ticketlab.lab.racing.options import RaceOptions
    from ticketlab.timings.plans import Plan


@overload
def race(scenario: Scenario, options: RaceOptions | None = None, /) -> Result: ...
@overload
def race(program: Program, /, *, times: int = 100, timeout: float = 60.0) -> PlainRaceResult: ...
@overload
def race(
    function: Callable[..., Any],
    plan: Plan,
    /,
    *,
    processes: int = 2,
    executor: str = "processes",
    atomic_accesses: bool = False,
    faults: Sequence[FaultPoint] = (),
    **judged_by: Unpack[JudgedBy],
) -> PlainPlanResult: ...
@overload
def race(
    function: Callable[..., Any],
    /,
    *,
    processes: int = 2,
    times: int = 100,
    timeout: float = 60.0,
    **judged_by: Unpack[JudgedBy],
) -> PlainRaceResult: ...
def race(subject: Any, plan: Any = None, /, **settings: Any) -> Any:
    """Race a scenario live, with real buyers on the wall clock, and judge it; or race a function or a program of yours.

    A function is taken as it stands: `processes` of them call it at once, in a fresh folder that `reset` lays out. With
    a `Timing` or a `Schedule` it runs once, under control, in virtual time; `faults` are injected at the points that
    they name, and a timing says how many processes there are. Inside a Hypothesis test, a result that is not valid is
    drawn in the test's report. Without a plan it is raced `times` times, live and at full speed. Further settings are
    `reset`, `invariant`, `returned`, `serial`, `folder` and `fixtures`, as in `race_test`. A program, such as
    `Program.of("shop.py 2")`, is raced `times` times, in a fresh copy of its folder.

    Raises:
        UsageError: the store, strategy or launcher is unknown, or these and the faults do not go together; a setting of
            a function is unknown.
        TicketlabError: the race could not be run.
    """
    from ticketlab.core.scenario import Scenario

    if isinstance(subject, Scenario):
        from ticketlab.lab.racing.race import run_race

        return run_race(subject, plan, **settings)
    from ticketlab.lab.programs.program import Program

    if isinstance(subject, Program):
        from ticketlab.lab.programs.race import race_program

        return race_program(subject, **settings)
    from ticketlab.lab.plain.live_or_planned import race_as_asked

    return race_as_asked(subject, plan, settings)


def run_plan(
    scenario: Scenario,
    plan: Plan,
    *,
    executor: str | None = None,
    orders: Sequence[Sequence[Request]] | None = None,
    atomic_accesses: bool = False,
    faults: Sequence[FaultPoint] = (),
) -> PlanResult:
    """Run a scenario once under control, by the delays of a timing or by the turns of a schedule, and judge it.

    The same scenario and plan give the same history every time, on `inline` and on `processes` alike. `orders` lists
    each buyer's requests, in place of those that the scenario draws; `atomic_accesses` makes each read and each write
    one step; `faults` are injected at the points that they name. Without an `executor`, one process is used unless a
    fault needs real ones. Inside a Hypothesis test, a result that is not valid is drawn in the test's report.

    Raises:
        UsageError: a name is unknown, or the parts do not go together.
        TicketlabError: the lab could not do its work.
    """
    from ticketlab.lab.exploring.plan import execute_plan, note_in_hypothesis

    result = execute_plan(
        scenario, plan, executor=executor, orders=orders, atomic_accesses=atomic_accesses, faults=faults
    )
    if not result.valid:
        note_in_hypothesis(result)
    return result


@overload
def explore(scenario: Scenario, options: ExploreOptions | None = None) -> Exploration: ...
@overload
def explore(scenario: Program, options: ExploreOptions | None = None) -> ProgramExploration: ...
def explore(scenario: Any, options: ExploreOptions | None = None) -> Any:
    """Search the schedules of a scenario for one that goes wrong, shrink it, and confirm it on real processes.

    In place of a scenario, a program such as `Program.of("shop.py 2")` is explored as it is.

    Raises:
        UsageError: a name is unknown, or the parts do not go together.
        Nondeterminism: one schedule led to different steps.
        TicketlabError: the lab could not do its work.
    """
    from ticketlab.lab.exploring.explore import explore_scenario
    from ticketlab.lab.programs.explore import explore_program
    from ticketlab.lab.programs.program import Program

    if isinstance(scenario, Program):
        return explore_program(scenario, options)
    return explore_scenario(scenario, options)


def _refuse_other_cases(path: Path) -> None:
    """Raise UsageError if a case is of a function or a program: their replays have another result."""
    from ticketlab.core.errors import UsageError
    from ticketlab.lab.artifacts.files import read_json

    data = read_json(path, "case")
    kind = next((each for each in ("function", "program") if isinstance(data, dict) and each in data), None)
    if kind:
        raise UsageError(f"{path}: this case is of a {kind}: ticketlab replay {path} runs it again")


def replay(case: Case | Path | str, executor: str | None = None) -> ReplayResult:
    """Run a case, or the case in a file, again: the same schedule, the same steps, the same history.

    Without an `executor`, one process is used unless one of the case's faults needs real ones.

    Raises:
        Nondeterminism: the steps differ from the case's, which is no verdict.
        UsageError: the file is no case, or the case cannot run here, or not on this executor.
    """
    from ticketlab.lab.artifacts.case_files import load_case
    from ticketlab.lab.exploring.replay import replay_case

    if isinstance(case, str | Path):
        _refuse_other_cases(Path(case))
    return replay_case(load_case(Path(case)) if isinstance(case, str | Path) else case, executor)


def check(
    history: History | Columns | TransactionHistory | Path | str,
    model: Model | str | None = None,
    budget: Budget | None = None,
    *,
    mapping: str = "",
    isolation: str | None = None,
) -> Verdict:
    """Judge a history, or the history in a file: valid, anomalous with the operations that prove it, or undecided.

    A file has JSON Lines, gzipped or not, or Jepsen's EDN; `mapping` says what a log of your own calls its parts, as
    `ticketlab check --map` does. A `model` is a value, a name, or the import path of a plain class, `shop.models:Till`;
    without one, the history names it. The operations may come in any order; operations that share an instant count as
    concurrent. Without a `budget`, a search ends after 5,000,000 configurations. Transactions are judged by a level of
    `isolation`: without one, as serializable.

    Raises:
        UsageError: the model is unknown, the file cannot be read, the history is malformed, or a `mapping` is given for
            what is no file.
    """
    from ticketlab.checker.linearize import check as check_operations
    from ticketlab.checker.log_mapping import read_mapping
    from ticketlab.checker.model import model_named
    from ticketlab.checker.transactions.history import TransactionHistory
    from ticketlab.core.errors import UsageError
    from ticketlab.lab.checking.check_file import load_history
    from ticketlab.lab.checking.check_transactions_file import given_transactions
    from ticketlab.lab.plain.loading import imported_model

    transactions = history if isinstance(history, TransactionHistory) else None
    if transactions is None and not mapping:
        transactions = given_transactions(history, model)
    if transactions is not None:
        from ticketlab.checker.transactions.isolation import check_transactions, level_named

        return check_transactions(transactions, level_named(transactions.meta, isolation), budget).verdict
    assert not isinstance(history, TransactionHistory)
    if mapping and not isinstance(history, str | Path):
        raise UsageError("a mapping is for the file of a log: a history has its own names")
    terms = read_mapping([mapping]) if mapping else None
    operations = load_history(Path(history), terms) if isinstance(history, str | Path) else history
    chosen = imported_model(model) if isinstance(model, str) else model
    if isinstance(chosen, str):
        chosen = model_named(operations.meta, chosen)
    return check_operations(operations, chosen, budget)


def compare(
    stores: Iterable[str] = (),
    strategies: Iterable[str] = (),
    *,
    launchers: Iterable[str] = (),
    buyers: Iterable[int] = (),
    plan: SamplingPlan | None = None,
    timeout: float = 60.0,
) -> ComparisonResult:
    """Measure strategies on stores, and judge every race: names are written as on the command line.

    Without names, the installed stores say which strategies are compared; without `buyers`, 8 are measured. `plan` says
    how many rounds are measured, and how long; `timeout`, in seconds, limits each race.

    Raises:
        UsageError: a name, a variant or a number is wrong, or no named strategy runs on a named store.
        TicketlabError: a race could not be run.
    """
    from ticketlab.lab.comparing.cells import cell_matrix
    from ticketlab.lab.comparing.comparison import Comparison, SamplingPlan
    from ticketlab.lab.comparing.crash_safety import kept_crash_safety

    cells = cell_matrix(stores, strategies, launchers, map(str, buyers))
    comparison = Comparison(cells, plan or SamplingPlan(), timeout, crash_safety=kept_crash_safety())
    comparison.run(lambda _round, _number, _cell: None)
    return comparison.result()
