"""A tree search that workers share: subtrees are explored ahead of their turn, and counted when it has come.

`DividedTree` is the search: it owns the stack, from the root down to the *floor* of a job that explores everything
above. Meanwhile other workers explore subtrees ahead of their turn. For a node of the stack it is predicted which
participant moves there next, and with which sleep set. When the search comes there, it does what one process does: it
works out what is to be explored next. If that is what was predicted, the subtree is explored already, or a worker is at
it. If not, what was done ahead is thrown away. So a prediction can cost time, and can change nothing.

Why that is sound for `dpor`. What is explored above a node depends on the way to the node, on who moves there next and
what is kept to come after, on the sleep set there, and on the attempts that are known to fail at the nodes on the way;
these are what is compared. It does not depend on what else is to be tried at the nodes on the way. The other way round,
a subtree's executions reach below its floor in two ways. Races of their steps with steps on the way may add to what is
to be tried there, and attempts on the way may turn out to fail. A job changes no node below its floor. It returns the
races that were not answered, when the job was handed out, by what its nodes keep and have explored, in the order in
which they were found. Until the search comes there, what is kept only grows, to the right of what was there or behind
it, so a race that was answered then is answered still. The rest is applied to the nodes when the search comes there, in
the same order, as one process does.
A node's sleep set needs the step of a participant that was explored before, and not what came of it; so it is known
from the moment at which that step was made once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, cast

from ticketlab.explorer.policies.given_node import GivenNode
from ticketlab.explorer.policies.subtree import Subtree, TreeNode
from ticketlab.lab.exploring.counted import CountedInOrder
from ticketlab.lab.exploring.jobs import ExplorationJob, JobResult, run_job
from ticketlab.lab.workers.workers import Workers, WorkerTask

JOB_SECONDS: Final = 0.3
"""How long a worker explores before it says how far it has come."""
_DEEPER: Final = 4
"""So many nodes below those that last longer than a job have subtrees that are worth a job."""


@dataclass(slots=True)
class SubtreeLine:
    """A subtree that workers explore, job after job; each goes on where the one before was paused.

    `given` is the stack that the first job got, up to the predicted node. The results wait to be counted. There is no
    task while nobody is at it.
    """

    given: Sequence[TreeNode]
    job: ExplorationJob
    task: WorkerTask[JobResult] | None
    results: list[tuple[ExplorationJob, JobResult]] = field(default_factory=list)

    @property
    def paused(self) -> bool:
        """Whether there is more to be explored, and nobody is at it."""
        return self.task is None and self.results[-1][1].paused

    def go_on(self, workers: Workers) -> None:
        """Have a worker go on where the last one was paused."""
        self.job = replace(self.job, subtree=self.results[-1][1].rest)
        self.task = workers.submit(run_job, self.job)


class DividedTree:
    """The rest of a tree search that one process has begun."""

    def __init__(self, counted: CountedInOrder, workers: Workers, begun: Subtree, seconds: float) -> None:
        self._counted, self._workers = counted, workers
        self._stack = list(begun.stack)
        self._seconds = seconds
        self._present: SubtreeLine | None = None  # explores what is above the floor
        self._floor = 0
        self._before: list[int] = []  # who moved at each node when the job before was handed out
        self._ahead: dict[int, SubtreeLine] = {}  # by node

    def explore(self) -> None:
        """Explore until nothing is left, or the search is over."""
        while self._stack and not self._counted.over:
            if self._present is None:
                self._predict(min(self._lasting() + _DEEPER, len(self._stack) - 1))
                self._floor = 1 + max(self._ahead, default=-1)
                self._present = self._begin(self._stack, self._floor)
            else:  # the stack's last step may not be known yet
                self._predict(min(self._floor, len(self._stack) - 1))
            self._take_in(self._present)

    def _begin(self, stack: Sequence[TreeNode], floor: int) -> SubtreeLine:
        job = replace(self._counted.job, subtree=Subtree(tuple(stack), floor), seconds=self._seconds)
        return SubtreeLine(tuple(stack), job, self._workers.submit(run_job, job))

    def _lasting(self) -> int:
        """Return how many nodes are as they were one job ago: each has more above it than a job can explore.

        A subtree ahead is likely to be about as large as the present one beside it. Those that are small are not worth
        a job, and those nearest to the root may be too large to be reached before the search ends at its limit.
        """
        now = [node.who for node in self._stack[:-1]]
        lasting = next((n for n, both in enumerate(zip(now, self._before, strict=False)) if both[0] != both[1]), None)
        if lasting is None:
            lasting = min(len(now), len(self._before))
        self._before = now
        return lasting

    def _predict(self, nodes: int) -> None:
        """Have workers explore ahead: of the subtrees that come next at so many nodes, those whose turn comes first."""
        busy = 1 + sum(line.task is not None for line in self._ahead.values())
        for node in reversed(range(nodes)):
            if busy >= self._workers.size:
                return
            line = self._ahead.get(node)
            if line is None and (then := self._stack[node].next()) is not None:
                self._ahead[node] = self._begin([*self._stack[:node], then], node + 1)
                busy += 1
            elif line is not None and line.paused:
                line.go_on(self._workers)
                busy += 1

    def _take_in(self, present: SubtreeLine) -> None:
        """Wait until a job is done, and take in the results that there are."""
        lines = [present, *self._ahead.values()]
        tasks = {line.task: line for line in lines if line.task is not None}
        for task in self._workers.wait(list(tasks)):
            line, result = tasks[task], task.result()
            line.results.append((line.job, result))
            line.task = None
        if present.task is None:
            self._present = None
            if self._counts(present) and not present.paused:
                self._retreat()

    def _counts(self, line: SubtreeLine) -> bool:
        """Count a line's results, and take what they say of the stack; return whether the search goes on."""
        for job, result in line.results:
            self._counted.count(job, result)
            if self._counted.over:
                return False
            self._learn(result.rest)
        return True

    def _learn(self, rest: Subtree) -> None:
        floor, stack = rest.floor, self._stack
        stack[floor:] = rest.stack[floor:]
        for node in range(floor):
            stack[node] = stack[node].after(rest.stack[node], branch=node == floor - 1)
        for race in rest.reaching:
            stack[race.first] = cast("GivenNode", stack[race.first]).reversing(race.way)

    def _retreat(self) -> None:
        """Go back to the deepest node at which something is left to be tried, once all above the floor is explored."""
        stack = self._stack
        while stack:
            node = len(stack) - 1
            line = self._ahead.pop(node, None)
            then = stack[node].next()
            if then is None:
                stack.pop()
                continue
            stack[node] = then
            if line is None or not self._as_predicted(line):
                return
            if not self._counts(line):
                return
            if line.task is not None:
                line.results.clear()
                self._present, self._floor = line, node + 1
                return
            if line.paused:
                return

    def _as_predicted(self, line: SubtreeLine) -> bool:
        if all(node.same_search(now) for node, now in zip(line.given, self._stack, strict=True)):
            return True
        if line.task is not None:
            self._workers.drop(line.task)
        return False
