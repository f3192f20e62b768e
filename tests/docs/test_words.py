"""The glossary is in order, and names every anomaly that the code knows."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from scripts.draw_architecture import ROOT

GLOSSARY = (ROOT / "docs" / "words.md").read_text(encoding="utf-8")
WORDS, ANOMALIES = (re.findall(r"^\| ([^|]+?) \| ", part, re.MULTILINE)[1:] for part in GLOSSARY.split("## Anomalies"))


def anomalies() -> Iterator[str]:
    """Yield every name that the code gives to an anomaly right where it makes one."""
    for file in (ROOT / "ticketlab").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ("Anomaly", "FoundAnomaly")
                and node.args
            ):
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield first.value


def test_words_and_anomalies_stand_in_alphabetical_order() -> None:
    assert sorted(WORDS, key=str.lower) == WORDS
    assert sorted(ANOMALIES) == ANOMALIES
    assert len(WORDS) > 50


@pytest.mark.slow
def test_every_anomaly_that_the_code_names_is_explained() -> None:
    explained = {name for names in ANOMALIES for name in names.split(", ")}
    found = set(anomalies())
    assert len(found) > 10
    assert found - explained == set()


def test_the_words_that_a_course_asks_for_name_the_command_that_shows_them() -> None:
    rows = dict(re.findall(r"^\| ([^|]+?) \| (.*) \|$", GLOSSARY, re.MULTILINE))
    rows |= {name: told for names, told in rows.items() for name in names.split(", ")}
    for word in ("policy", "execution", "schedule", "race condition", "deadlock", "critical section", "lost update"):
        assert "`ticketlab " in rows[word], word
    assert all("`ticketlab " in rows[word] for word in ("linearizable", "isolation level"))
