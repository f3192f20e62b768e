"""The question: which level of isolation does a history of transactions contradict, and which can it be proved to have?

A level is contradicted if no execution of that level explains what the transactions read. It is proved if one was found
(`witness`, `serial_search`). If neither is known, the answer is undecided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from ticketlab.checker.budget import Budget, BudgetSpent, Meter
from ticketlab.checker.columns import MalformedHistory
from ticketlab.checker.explain import ExplanationBudget, minimal_subset
from ticketlab.checker.transactions import levels
from ticketlab.checker.transactions.cycles import topological
from ticketlab.checker.transactions.graph import PROCESS, TIME, add_process_order, add_time_order
from ticketlab.checker.transactions.history import INFO, OK, READ, TransactionHistory
from ticketlab.checker.transactions.layers import SERIAL, cycle_findings
from ticketlab.checker.transactions.levels import ISOLATION_LEVELS, SERIALIZABLE, TIMED_LEVELS, Standing, weaker
from ticketlab.checker.transactions.lists import ListVersions
from ticketlab.checker.transactions.registers import RegisterVersions
from ticketlab.checker.transactions.sentences import FoundAnomaly, transaction_names
from ticketlab.checker.transactions.serial_search import serial_order
from ticketlab.checker.transactions.versions import INITIAL, Versions
from ticketlab.checker.transactions.witness import explains, has_snapshots
from ticketlab.core.errors import unknown_name
from ticketlab.core.verdict import Verdict

_EVERY: Final = SERIAL | PROCESS | TIME
_SERIAL: Final = {
    levels.STRICT_SERIALIZABLE: _EVERY,
    levels.STRONG_SESSION: SERIAL | PROCESS,
    levels.SERIALIZABLE: SERIAL,
    levels.REPEATABLE_READ: SERIAL,
}
"""The levels that a serial order proves, and the edges along which it must go."""


@dataclass(frozen=True, slots=True)
class IsolationResult:
    """A judged history: the verdict for one level, and for each level whether it is proved, contradicted or neither.

    `verdict` has the anomalies that the level forbids. `strongest` are the levels that nothing contradicts, without
    those that another of them implies; `of_levels` has True for proved, False for contradicted, None for neither.
    """

    level: str
    verdict: Verdict
    of_levels: dict[str, bool | None]
    strongest: Sequence[str]
    history: TransactionHistory
    budget_spent: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return what a result says of the levels, and of what was judged."""
        every = self.history.transactions
        return {
            "isolation": self.level,
            "levels": self.of_levels,
            "strongest": list(self.strongest),
            "transactions": len(every),
            "operations": sum(len(each.ops) for each in every),
            "objects": "lists" if self.history.lists else "registers",
        }


def check_transactions(
    history: TransactionHistory, level: str = SERIALIZABLE, budget: Budget | None = None
) -> IsolationResult:
    """Judge transactions: whether what they read contradicts a level of isolation, and which others.

    The graph and all that follows from it take linear time, and the budget does not count it. It limits the search for
    a serial order of registers, and for the shortest cycles.

    Raises:
        UsageError: no such level, or it asks for invocations that the history does not have (`MalformedHistory`).
    """
    if level not in ISOLATION_LEVELS:
        raise unknown_name("isolation level", level, ISOLATION_LEVELS)
    if level in TIMED_LEVELS and not history.timed:
        bare = next(each for each in history.transactions if each.invoked is None)
        raise MalformedHistory(
            f"{history.place} {bare.number}: the transaction has no invocation, and {level} asks what was over before "
            "it began"
        )
    meter = (budget or Budget()).start()
    versions = versions_of(history)
    standing = Standing(each for each in ISOLATION_LEVELS if history.timed or each not in TIMED_LEVELS)
    findings = _refute(versions, standing, meter)
    _prove(versions, standing)
    reason, spent = "", False
    if standing.of[level] is None:
        try:
            findings += _search(versions, level, standing, meter)
            reason = _why_undecided(versions, level)
        except BudgetSpent as short:
            spent, reason = True, f"no anomaly was found among the dependencies that can be inferred, and {short}"
    forbidden = [each.anomaly(history) for each in findings if not weaker(level).isdisjoint(each.forbidden_by)]
    verdict = Verdict(forbidden, reason if standing.of[level] is None else "")
    return IsolationResult(level, verdict, standing.of, standing.strongest(), history, spent)


def level_named(meta: Mapping[str, Any], name: str | None = None) -> str:
    """Return the level that a history's `meta` names, unless another is given; without both, serializable."""
    return name if name is not None else str(meta.get("isolation", SERIALIZABLE))


def versions_of(history: TransactionHistory) -> Versions:
    """Return the dependencies of a history; their order in time is in the graph if all invocations are known."""
    versions = ListVersions(history) if history.lists else RegisterVersions(history)
    if history.timed:
        present = list(versions.committed)
        for number in versions.optional:
            present[number] = True
        add_process_order(versions.graph, history, present)
        add_time_order(versions.graph, history, present)
    return versions


def _refute(versions: Versions, standing: Standing, meter: Meter) -> list[FoundAnomaly]:
    lost = versions.lost_updates()
    findings = [*versions.findings, *lost]
    _, core = topological(versions.graph.out, versions.graph.size, _EVERY)
    if core:
        told = {member for finding in lost for member in finding.members}
        findings += cycle_findings(versions, core, told, meter)
    for finding in findings:
        standing.refute(finding.forbidden_by)
    return findings


def _prove(versions: Versions, standing: Standing) -> None:
    """Note what can be proved without a search."""
    for level, kinds in _SERIAL.items():
        if level in standing.of and standing.of[level] is None:
            order, left = topological(versions.graph.out, versions.graph.size, kinds)
            if not left and explains(versions, order):
                standing.prove(level)
                return
    if versions.unordered:
        return
    # Writes of unknown order can be put in any order that goes along what is known, so that no cycle is closed.
    if standing.of[levels.READ_UNCOMMITTED] is None:
        standing.prove(levels.READ_UNCOMMITTED)
    if versions.unclear:
        return
    if standing.of[levels.READ_COMMITTED] is None:
        standing.prove(levels.READ_COMMITTED)
    if standing.of[levels.SNAPSHOT_ISOLATION] is None and has_snapshots(versions):
        standing.prove(levels.SNAPSHOT_ISOLATION)


def _search(versions: Versions, level: str, standing: Standing, meter: Meter) -> list[FoundAnomaly]:
    """Search a serial order for a level that neither is proved nor contradicted; return the anomaly if there is none.

    Raises:
        BudgetSpent: the budget ended first.
    """
    if versions.history.lists or standing.of[SERIALIZABLE] is False:
        return []
    kinds = _SERIAL.get(level, SERIAL)
    if serial_order(versions, kinds, meter) is not None:
        standing.prove(level if level in TIMED_LEVELS else SERIALIZABLE)
        return []
    if level not in _SERIAL:
        standing.refute((levels.REPEATABLE_READ,))
        return []
    weakest = levels.REPEATABLE_READ if level == SERIALIZABLE else level
    finding = _no_order(versions, weakest, kinds, meter)
    standing.refute(finding.forbidden_by)
    return [finding]


def _no_order(versions: Versions, level: str, kinds: int, meter: Meter) -> FoundAnomaly:
    """Return a small set of transactions that no serial order explains, whatever all others did.

    Without any one of them there is an order, but for those that are there because others read what they wrote.
    """
    history = versions.history
    patience = ExplanationBudget(meter, each=5_000, total=50_000)
    answered = [number for number, each in enumerate(history.transactions) if each.status == OK]

    def contradict(firm: frozenset[int]) -> bool:
        return patience.contradicts(len(answered), lambda part: _is_serial(_relaxed(history, firm), kinds, part))

    needed = set(minimal_subset(answered, contradict))
    members = sorted(needed | {source for reader, _, source in versions.sources if reader in needed} - {INITIAL})
    name = "not serializable" if kinds == SERIAL else f"not {level}"
    sentence = (
        f"no serial order of {transaction_names(history, members)} explains what they read, whatever the others did"
    )
    return FoundAnomaly(name, (level,), sentence, members, least=patience.certain)


def _relaxed(history: TransactionHistory, firm: frozenset[int]) -> TransactionHistory:
    """Return a history in which all others may have happened or not, and nobody knows what they read."""
    return replace(
        history,
        transactions=[
            each
            if number in firm or each.status != OK
            else replace(each, status=INFO, ops=[op for op in each.ops if op.f != READ], completed=None)
            for number, each in enumerate(history.transactions)
        ],
    )


def _is_serial(history: TransactionHistory, kinds: int, meter: Meter) -> bool:
    versions = versions_of(history)
    if versions.findings or versions.lost_updates():
        return False
    if topological(versions.graph.out, versions.graph.size, kinds)[1]:
        return False
    return serial_order(versions, kinds, meter) is not None


def _why_undecided(versions: Versions, level: str) -> str:
    doubt = versions.unclear or versions.unordered
    if doubt:
        return f"no anomaly was found among the dependencies that can be inferred, and {doubt}"
    return f"no anomaly was found, and no execution under {level} either: the order of some writes is not known"
