"""Exports: data for machines, and a Markdown table that strikes the speed of what is wrong."""

from __future__ import annotations

import csv
import io
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.lab.comparisons import UNDECIDED, WRONG, document
from ticketlab.core.metrics import METRICS
from ticketlab.report.exports.csv_export import as_csv
from ticketlab.report.exports.markdown import as_markdown
from ticketlab.report.rows import in_order

RATES = st.fixed_dictionaries({name: st.floats(1, 1e5) for name in ("lock", "flock", "none", "clerk")})
ODD = {"none": WRONG, "clerk": UNDECIDED}


def unsupported(found: dict[str, Any]) -> dict[str, Any]:
    return found | {"unsupported": [{"store": "json", "strategy": "atomic", "reason": "needs a|b, and c"}]}


@given(RATES)
def test_csv_reads_back_every_metric_as_it_was(rates: dict[str, float]) -> None:
    found = unsupported(document(rates, ODD))
    *lines, last = csv.DictReader(io.StringIO(as_csv(found)))
    for line, row in zip(lines, found["rows"], strict=True):
        assert (line["strategy"], int(line["buyers"])) == (row["strategy"], row["buyers"])
        for metric in METRICS:
            assert float(line[metric.field]) == row["metrics"][metric.field]
            assert [float(line[f"{metric.field}_{end}"]) for end in ("min", "max")] == row["spread"][metric.field]
        assert line["rank"] == ("" if row["rank"] is None else str(row["rank"]))
    verdicts = {line["strategy"]: line["verdict"] for line in lines}
    assert verdicts == {"lock": "valid", "flock": "valid", "none": "anomalous", "clerk": "undecided"}
    assert (last["verdict"], last["why"], last["sales_per_s"]) == ("unsupported", "needs a|b, and c", "")


@given(RATES)
def test_markdown_has_as_many_cells_in_every_line_and_strikes_what_is_not_ranked(rates: dict[str, float]) -> None:
    lines = as_markdown(unsupported(document(rates, ODD))).splitlines()
    table = [line.replace("\\|", "/") for line in lines if line.startswith("|")]
    assert {line.count("|") for line in table} == {table[0].count("|")}
    for line in table[2:]:
        correct = "`lock`" in line or "`flock`" in line
        assert ("~~" in line) != (correct or "atomic" in line)
    assert sum("✗ lost update" in line for line in table) == 1
    assert any(line.startswith("Medians of 3 rounds on ") for line in lines)


@given(RATES)
def test_rows_stand_in_the_order_of_their_ranks_and_the_others_last(rates: dict[str, float]) -> None:
    ranks = [row["rank"] for row in in_order(document(rates, ODD)["rows"])]
    assert ranks == [1, 2, None, None]
