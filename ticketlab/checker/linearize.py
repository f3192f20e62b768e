"""The question that all methods answer: can every operation have taken effect at one instant of its interval?"""

from __future__ import annotations

from ticketlab.checker import search
from ticketlab.checker.budget import Budget, BudgetSpent
from ticketlab.checker.columns import Columns
from ticketlab.checker.model import Model, model_named
from ticketlab.core.history import History
from ticketlab.core.verdict import Anomaly, Verdict


def check(history: History | Columns, model: Model | None = None, budget: Budget | None = None) -> Verdict:
    """Judge a history by a model: linearizable, anomalous with the operations that prove it, or undecided.

    If no model is given, the history's `meta` names it. The operations may come in any order. Intervals are closed:
    operations that share an instant count as concurrent. If no budget is given, a search ends after 5,000,000
    configurations; the fast methods need no budget.

    Raises:
        UsageError: no such model, or a history that the model cannot take (`MalformedHistory`, which says where).
    """
    columns = history if isinstance(history, Columns) else Columns.of(history)
    chosen = model if model is not None else model_named(columns.meta)
    for code, call in enumerate(columns.calls):
        trouble = chosen.validate(call)
        if trouble:
            raise columns.malformed(code, trouble)
    meter = (budget or Budget()).start()
    anomalies: list[Anomaly] = []
    try:
        found = (
            chosen.judge(columns, meter)
            if chosen.judge
            else search.judge(chosen.for_history(columns.calls), columns, meter)
        )
        anomalies.extend(contradiction.anomaly(columns) for contradiction in found)
    except BudgetSpent as spent:
        return Verdict(anomalies, str(spent))
    return Verdict(anomalies)
