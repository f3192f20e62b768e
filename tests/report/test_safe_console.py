"""What a stranger's text may do to the terminal: nothing."""

from __future__ import annotations

import io

import pytest

from ticketlab.report.safe_console import Screen


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mb", "a\\u001b[31mb"),
        ("right\u202eleft", "right\\u202eleft"),
        ("section :cat: and :ticket:", "section :cat: and :ticket:"),
    ],
)
def test_text_is_shown_as_it_is_and_what_controls_the_terminal_as_an_escape(text: str, shown: str) -> None:
    out = io.StringIO()
    Screen(file=out, width=80, markup=False).print(text)
    assert out.getvalue() == f"{shown}\n"
