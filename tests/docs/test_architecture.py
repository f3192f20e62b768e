"""The drawings in docs/architecture.md are those of the code, and the pages link to nothing that is not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts.draw_architecture import DRAWN, PAGE, ROOT, arrows, drawing, reduced, rooms

PAGES = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
LINK = re.compile(r"\]\((?!https?:)([^)#]+)(?:#([^)]*))?\)")
CODE = re.compile(r"```.*?```", re.DOTALL)


@pytest.mark.parametrize("package", ["ticketlab", "ticketlab.lab", "ticketlab.explorer"])
def test_the_page_shows_each_package_as_it_is(package: str) -> None:
    drawn = {found[2]: found[0] for found in DRAWN.finditer(PAGE.read_text(encoding="utf-8"))}
    assert drawing(package) in drawn[package], "run scripts/draw_architecture.py"


def test_an_arrow_is_left_out_only_if_others_reach_its_end() -> None:
    assert reduced({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == {"a": {"b"}, "b": {"c"}, "c": set()}
    circle = {"a": {"b", "c"}, "b": {"a", "c"}, "c": set[str]()}
    assert reduced(circle) == circle


@pytest.mark.slow
def test_imports_are_found_wherever_they_stand() -> None:
    found = arrows("ticketlab")
    assert "lab" in found["cli"]
    assert found["core"] == set()
    assert rooms("ticketlab").keys() >= {"core", "cli", "pytest_plugin"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_links_only_to_what_is_there(page: Path) -> None:
    text = CODE.sub("", page.read_text(encoding="utf-8"))
    missing = [path for path, _ in LINK.findall(text) if not (page.parent / path.replace("\\", "")).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_link_into_a_page_names_a_heading_of_it(page: Path) -> None:
    for path, anchor in LINK.findall(CODE.sub("", page.read_text(encoding="utf-8"))):
        if anchor:
            headings = re.findall(r"^#+ (.*)$", (page.parent / path).read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}


def test_the_book_lists_every_page() -> None:
    contents = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    listed = {(ROOT / "docs" / path).resolve() for path, _ in LINK.findall(contents)}
    assert {page.resolve() for page in PAGES if page.name != "README.md"} <= listed
