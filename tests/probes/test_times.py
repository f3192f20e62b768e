"""Times of files: a participant finds files as old as its own clock says, whatever the kernel wrote down."""

from __future__ import annotations

import os
import time
from pathlib import Path

from ticketlab.lab.plain.explore import explore_plain
from ticketlab.lab.plain.function import PlainFunction


def lay_out(folder: Path) -> None:
    (folder / "old").touch()
    before = time.time() - 500
    os.utime(folder / "old", (before, before))
    (folder / "new").touch()


def age(path: str) -> float:
    return round(time.time() - os.path.getmtime(path), 6)


def test_files_age_with_the_clock_of_whoever_looks() -> None:
    def look() -> list[float]:
        ages = [age("old"), age("new")]
        Path("made").write_text("text")
        os.mkdir("folder")
        ages += [age("made"), age("folder")]
        time.sleep(100)
        ages += [age("old"), age("made"), round(time.time() - os.stat("folder").st_ctime, 6)]
        with open("made", "a") as file:
            file.write("more")
        os.utime("new")
        with open("old", "r+") as file:
            ages += [age("made"), age("new"), round(time.time() - os.fstat(file.fileno()).st_mtime, 6)]
            file.truncate(0)
        ages.append(age("old"))
        os.rmdir("folder")
        return ages

    seen: list[list[float]] = []
    explore_plain(PlainFunction(function=look, processes=1, reset=lay_out, returned=seen.extend))
    seen_s = [round(each, 2) for each in seen[0]]  # reset was a millisecond before
    assert seen_s == [500, 0, 0, 0, 600, 100, 100, 0, 0, 600, 0]
