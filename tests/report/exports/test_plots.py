"""Results as pictures."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from tests.report.test_page import EVIL, controlling, controls, row, tour
from ticketlab.core.errors import UsageError
from ticketlab.report.exports.plots import plots


def test_a_picture_is_well_formed_whatever_the_names() -> None:
    diagram = plots(tour(row(EVIL), row("none", valid=False)))
    root = ElementTree.fromstring(diagram.encode("utf-8", "replace"))
    texts = ["".join(each.itertext()) for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "Sales per second" in texts
    assert any("</script>" in each for each in texts)
    assert len(list(root.iter("{http://www.w3.org/2000/svg}polyline"))) == 2


def test_without_metrics_there_is_nothing_to_plot() -> None:
    with pytest.raises(UsageError, match="no metrics"):
        plots({"valid": True, "anomalies": []})


def test_no_text_in_a_picture_controls_a_terminal() -> None:
    picture = plots(controlling())
    assert controls(picture) == []
    assert ElementTree.fromstring(picture) is not None
