"""Figures that others published of the original programs: how often a bug was found, and after how many executions.

The source is the raw data that Zhao, Wolff, Mathur and Roychoudhury published with "Selectively Uniform Concurrency
Testing" (ASPLOS 2025; repository zhaohuanqdcn/SURW, folder stats/period), as their script evaluates it: of 20 runs of
at most 10,000 executions each, those that found the bug, and the mean number of the execution that did. The profiling
run of PCT and SURW counts as one. A cell is None where they give no data.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class PublishedFigure(NamedTuple):
    """Of 20 runs, how many found the bug, and in which execution on average; None if none did."""

    found: int
    mean: int | None

    def __str__(self) -> str:
        if self.mean is None:
            return "-"
        return str(self.mean) if self.found == 20 else f"{self.mean} ({self.found}/20)"


TOOLS: Final = ("random walk", "PCT-3", "POS", "SURW")

_DATA: Final[dict[str, tuple[tuple[int, int | None] | None, ...]]] = {
    "CS/account": ((20, 18), (20, 4), (20, 4), (20, 6)),
    "CS/bluetooth_driver": ((20, 215), (20, 112), (20, 36), (20, 70)),
    "CS/carter01": ((20, 1), (20, 5), (20, 2), None),
    "CS/circular_buffer": ((20, 4), (20, 9), (20, 2), (20, 3)),
    "CS/deadlock01": ((20, 3), (20, 13), (20, 4), (20, 2)),
    "CS/lazy01": ((20, 21), (20, 5), (20, 5), (20, 2)),
    "CS/queue": ((20, 1), (20, 3), (20, 1), (20, 2)),
    "CS/reorder_3": ((0, None), (20, 185), (20, 86), (20, 7)),
    "CS/reorder_4": ((0, None), (20, 554), (20, 533), (20, 7)),
    "CS/reorder_5": ((0, None), (20, 647), (20, 2169), (20, 10)),
    "CS/reorder_10": ((0, None), (16, 3225), (0, None), (20, 17)),
    "CS/reorder_20": ((0, None), (20, 3005), (0, None), (20, 6)),
    "CS/stack": ((20, 176), (20, 3), (20, 2), (20, 5)),
    "CS/token_ring": ((20, 13), (20, 8), (20, 9), (20, 8)),
    "CS/twostage": ((20, 464), (20, 13), (20, 15), (20, 8)),
    "CS/twostage_100": ((0, None), (3, 7466), (3, 6674), (20, 454)),
    "CS/wronglock": ((20, 36), (20, 51), (20, 10), (20, 7)),
    "CS/wronglock_3": ((20, 36), (20, 58), (20, 11), (20, 9)),
    "CB/aget": ((20, 1), (20, 2), (20, 1), (20, 2)),
    "CB/stringbuffer-jdk1.4": ((19, 2243), (20, 281), (20, 23), (20, 8)),
    "Chess/WorkStealQueue": (None, (20, 48), (20, 12), (20, 6)),
    "Chess/InterlockedWorkStealQueue": ((0, None), (20, 48), (20, 14), (20, 6)),
    "Chess/StateWorkStealQueue": (None, (20, 842), (20, 6), (20, 7)),
    "Chess/InterlockedWorkStealQueueWithState": ((20, 26), (20, 907), (20, 5), (20, 6)),
}

PUBLISHED: Final = {
    name: {tool: None if figure is None else PublishedFigure(*figure) for tool, figure in zip(TOOLS, row, strict=True)}
    for name, row in _DATA.items()
}
"""For each program of SCTBench that they have data of, by tool."""
