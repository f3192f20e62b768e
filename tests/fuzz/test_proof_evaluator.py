"""The evaluator of proofs finds lies: a true sentence with one number changed is false."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

import ticketlab
from tests.fuzz.histories import LATEST, draw
from tests.fuzz.proof_case import UnknownSentence
from tests.fuzz.proof_evaluator import evaluate
from ticketlab.core.errors import UsageError
from ticketlab.core.history import History
from ticketlab.core.verdict import Anomaly


def true_proofs(first: int, last: int) -> Iterator[tuple[History, Anomaly]]:
    """Yield anomalies of random histories that nothing can be said against."""
    for number in range(first, last):
        history = draw(number)
        if any(each.return_ns == LATEST for each in history.operations):
            continue
        try:
            found = ticketlab.check(history).anomalies
        except UsageError:
            continue
        yield from ((history, each) for each in found if not evaluate(history, each))


def lies(sentence: str) -> Iterator[str]:
    """Yield the sentence with each of its numbers one larger."""
    for match in re.finditer(r"\d+", sentence):
        yield f"{sentence[: match.start()]}{int(match[0]) + 1}{sentence[match.end() :]}"


def test_every_number_of_a_sentence_is_looked_at() -> None:
    tried, believed = 0, []
    for history, anomaly in true_proofs(1, 1_500):
        for lie in lies(anomaly.sentence):
            tried += 1
            try:
                if not evaluate(history, replace(anomaly, sentence=lie)):
                    believed.append((anomaly.sentence, lie))
            except UnknownSentence:
                continue
    assert tried > 1_000
    assert not [
        each for each in believed if " more " not in each[0]
    ]  # among many buyers a wrong one may be another's name


def test_a_sentence_of_an_unknown_form_is_an_error() -> None:
    history, anomaly = next(true_proofs(1, 1_000))
    with pytest.raises(UnknownSentence):
        evaluate(history, replace(anomaly, sentence="it went wrong"))


def test_evidence_that_proves_nothing_is_found() -> None:
    for history, anomaly in true_proofs(1, 600):
        rows = anomaly.evidence["operations"]
        if len(rows) < 2:
            continue
        fewer = dict(anomaly.evidence, operations=rows[1:], size=len(rows) - 1)
        assert "no contradiction" in [each.kind for each in evaluate(history, replace(anomaly, evidence=fewer))]
