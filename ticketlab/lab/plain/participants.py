"""A function's participants, made ready for executions, and what they come to one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from ticketlab.core.spec import Spec
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.analysis.trace import Nondeterminism, same_start
from ticketlab.explorer.executors.executor import Executor
from ticketlab.explorer.executors.threads import Threads
from ticketlab.explorer.results import ExploreOptions
from ticketlab.explorer.search import search
from ticketlab.lab.plain.fault_judge import FaultJudge
from ticketlab.lab.plain.function import PlainFunction, participant_on
from ticketlab.lab.plain.judge import PlainJudge
from ticketlab.lab.plain.serial import InOrder
from ticketlab.lab.plain.workload import PlainWorkload
from ticketlab.lab.plugins.registry import executor_kind, probes
from ticketlab.probes.here import HERE
from ticketlab.probes.kind import installed


@contextmanager
def ready_participants(
    plain: PlainFunction, how: ExploreOptions, make_judge: Callable[[PlainWorkload], PlainJudge] | None = None
) -> Iterator[tuple[Executor, PlainJudge]]:
    """Have a function's participants ready, with a judge that knows what they come to one after another."""
    workload = PlainWorkload(plain)
    with probes_in_place(how), executor_of(workload, how) as executor:
        judge = (make_judge or judge_of(how))(workload)
        learn_orders(executor, judge, how)
        yield executor, judge


def probes_in_place(how: ExploreOptions) -> AbstractContextManager[None]:
    """Have the probes stand in for a while, for participants as they are asked for."""
    named = Spec.parse(how.executor)
    one = not executor_kind(named).real_processes
    return installed(probes(), in_one_process=one, participant=participant_on(how.executor))


def executor_of(workload: PlainWorkload, how: ExploreOptions) -> AbstractContextManager[Executor]:
    """Have an executor open for a while that is set up as asked for."""
    named = Spec.parse(how.executor)
    return executor_kind(named).make(
        named,
        workload,
        atomic_accesses=how.atomic_accesses,
        steps=how.steps,
        stall_timeout=how.stall_timeout,
        faults=how.faults,
        watch=how.watch,
    )


def judge_of(how: ExploreOptions) -> Callable[[PlainWorkload], PlainJudge]:
    """Return what makes the judge of executions, with faults or without."""
    return FaultJudge if how.faults else PlainJudge


def learn_orders(executor: Executor, judge: PlainJudge, how: ExploreOptions) -> Sequence[Execution]:
    """Learn what the participants come to one after another, and return these runs.

    If the same run again makes other steps, the function keeps something from one call to the next in its process, as
    a cache does: then each execution gets new processes. If only threads' first steps depend on who began first, they
    begin together. Raises Nondeterminism if that does not help.
    """
    first = _alone_first(executor) if isinstance(executor, Threads) else None
    try:
        return _learn_and_repeat(executor, judge)
    except Nondeterminism as error:
        if first is not None:
            return _learn_together(executor, judge, first, error)
        if HERE.shared.participant == "task":
            raise Nondeterminism(f"{error}; reset has to put back what tasks share") from None
        if not executor_kind(Spec.parse(how.executor)).real_processes:
            raise Nondeterminism(f"{error}; on the executor processes, each execution can get new ones") from None
    executor.start_anew()
    judge.forget()
    return _learn_and_repeat(executor, judge)


def _alone_first(executor: Executor) -> Execution:
    """Run the participants in the order of their numbers, which come to their first steps in this order as well."""
    (execution,) = search(executor, InOrder(range(len(executor.scripts))))
    return execution


def _learn_together(
    executor: Executor, judge: PlainJudge, first: Execution, error: Nondeterminism
) -> Sequence[Execution]:
    """Learn what threads come to that begin together, if these come to the same again as they first did."""
    assert isinstance(executor, Threads)
    executor.begin_together()
    judge.forget()
    try:
        executions = _learn_and_repeat(executor, judge)
        same_start(executions[0].trace, first.trace, len(first.trace))
    except Nondeterminism:
        raise Nondeterminism(f"{error}; reset has to put back what threads share") from None
    judge.begins_together = True
    return executions


def _learn_and_repeat(executor: Executor, judge: PlainJudge) -> Sequence[Execution]:
    executions = judge.learn(executor)
    _repeat(executor, executions[0])
    return executions


def _repeat(executor: Executor, first: Execution) -> None:
    """Run the participants in the order of their numbers again; raises Nondeterminism if they make other steps."""
    (again,) = search(executor, InOrder(range(len(executor.scripts))))
    same_start(again.trace, first.trace, len(first.trace))
    if len(again.trace) > len(first.trace):
        raise Nondeterminism(f"the same run again has {len(again.trace)} steps, and had {len(first.trace)}")
