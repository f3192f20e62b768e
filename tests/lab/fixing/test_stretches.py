"""Stretches of lines are whole statements of one block, and as few as there can be."""

from __future__ import annotations

from pathlib import Path

import pytest

from ticketlab.lab.fixing.stretches import CodePlace, stretch_over

SOURCE = """\
import functools

@functools.cache
def shop(who):
    stock = read()
    if stock:
        stock -= 1
        write(
            stock
        )
    else:
        report()
    with locked():
        for each in who:
            first(each)
            second(each)
    try:
        third()
    except ValueError:
        fourth()
    if who: fifth(); sixth()
    while True:
        first()
        if who:
            second()
            third()
    if who:
        first()
    elif second():
        third()
        fourth()
    else:
        fifth()

def lazily():
    yield 1

async def later():
    read()
"""


@pytest.fixture(name="file")
def _file(tmp_path: Path) -> str:
    path = tmp_path / "shop.py"
    path.write_text(SOURCE)
    return str(path)


@pytest.mark.parametrize(
    ("one", "other", "stretch"),
    [
        (5, 5, (5, 5)),
        (7, 8, (7, 10)),  # a statement is taken whole
        (9, 7, (7, 10)),
        (5, 7, (5, 12)),  # an if that begins outside its block is taken with both branches
        (7, 12, (6, 12)),
        (15, 16, (15, 16)),
        (14, 16, (14, 16)),  # the head of the loop
        (13, 14, (13, 16)),  # the head of the with
        (18, 20, (17, 20)),
        (20, 20, (20, 20)),
        (21, 21, (21, 21)),
        (6, 18, (6, 20)),
        (25, 26, (25, 26)),
        (24, 26, (24, 26)),
        (29, 30, (27, 33)),  # an elif is a part of its if
        (30, 31, (30, 31)),
        (33, 33, (33, 33)),
        (23, 24, (22, 26)),  # nobody could tell two rounds apart
    ],
)
def test_statements_around_two_lines(file: str, one: int, other: int, stretch: tuple[int, int]) -> None:
    found = stretch_over(CodePlace(file, "shop", 3), one, other)
    assert found is not None
    assert (found.first, found.last) == stretch


@pytest.mark.parametrize("place", [("lazily", 35), ("later", 38), ("nobody", 1)])
def test_functions_without_stretches(file: str, place: tuple[str, int]) -> None:
    assert stretch_over(CodePlace(file, *place), place[1] + 1, place[1] + 1) is None


def test_a_file_that_is_not_there_has_none() -> None:
    assert stretch_over(CodePlace("/nowhere/shop.py", "shop", 1), 1, 2) is None
