"""Every command and program that the pages show does what they say; `scripts/refresh_docs.py` updates the pages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.session import KINDS, PAGES, blocks, certain, differences, masked, matches, performed, prepare

IN_TEXT = re.compile(r"^(?: {4,}|\t)(?:\$ |ticketlab |uv run |pytest |python )", re.MULTILINE)


def found_in(page: Path, folder: Path) -> list[str]:
    """Run a page in a folder, and return what is not as it says."""
    prepare(folder)
    return [
        difference
        for block in blocks(page.read_text(encoding="utf-8"))
        for command, outcome in performed(block, folder)
        for difference in differences(command, outcome)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_of_a_page_do_what_it_says(page: Path, tmp_path: Path) -> None:
    told = found_in(page, tmp_path)
    assert not told, "\n\n".join([*told, "If the program is right, run: uv run python scripts/refresh_docs.py"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_command_of_a_page_escapes_being_run(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert IN_TEXT.findall(re.sub(r"```.*?```", "", text, flags=re.DOTALL)) == [], "use a fenced block"
    for block in blocks(text):
        assert block.kind in (*KINDS, "json", "toml", "mermaid", "text"), f"line {block.start}: name the block's kind"
        if block.kind == "text":
            assert not any(line.startswith(("$ ", "ticketlab ")) for line in block.lines), f"line {block.start}"


def test_times_and_hashes_are_masked_and_columns_only_with_them() -> None:
    assert masked("1 of 2 executions went wrong (dpor, inline, 0.22 s).") == masked(
        "1 of 2 executions went wrong (dpor, inline, 13 s)."
    )
    assert masked("replay .ticketlab/cases/json-none-2562d3a9.json") == masked(
        "replay .ticketlab/cases/json-none-00000000.json"
    )
    assert masked("1  read a → 1") != masked("1              read a → 1")
    assert masked("1 of 2 executions") != masked("1 of 3 executions")


def test_three_dots_stand_for_any_lines() -> None:
    assert matches(["a", "...", "d"], ["a", "b", "c", "d"])
    assert matches(["a", "...", "d"], ["a", "d"])
    assert not matches(["a", "...", "d"], ["a", "b"])
    assert not matches(["a"], ["a", "b"])


def test_luck_decides_neither_the_verdict_nor_what_was_raced() -> None:
    one = [
        "none on json: ✗ oversold  (9 buyers)",
        "store  strategy  sold",
        "json   none      9 of 5",
        "",
        "✗ oversold: 9",
    ]
    other = ["none on json: ✗ torn read  (9 buyers)", "store  strategy  sold", "json   none      4 of 5"]
    assert certain(one) == certain(other)
    assert certain(one) != certain(["none on json: ✓ correct  (9 buyers)", *one[1:]])
