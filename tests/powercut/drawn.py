"""Operations that Hypothesis draws: a few, on a few small files in two folders."""

from __future__ import annotations

from hypothesis import strategies as st

from ticketlab.core.disk import (
    TOP,
    Disk,
    DiskOperation,
    DiskWrite,
    RemoveEntry,
    Rename,
    Resize,
    SetEntry,
    Sync,
    SyncAll,
)

FOLDER, BOOKS, NEW = 1, 2, 3
SIZES = (0, 1, 40, 512, 600, 4090, 4096, 4100)


def opened() -> Disk:
    """Return what is there before: a folder, and a file of 600 bytes."""
    return Disk({BOOKS: b"a" * 600}, {TOP: {"books": BOOKS, "d": FOLDER}, FOLDER: {}})


@st.composite
def operations(draw: st.DrawFn, most: int = 5) -> list[DiskOperation]:
    """Draw operations, each of which makes sense after those before."""
    disk, done = opened(), list[DiskOperation]()
    for _ in range(draw(st.integers(1, most))):
        operation = draw(_next(disk, len(done)))
        disk.change(operation)
        done.append(operation)
    return done


def _next(disk: Disk, number: int) -> st.SearchStrategy[DiskOperation]:
    names = [(folder, name) for folder in (TOP, FOLDER) for name in disk.folders[folder] if name != "d"]
    nodes = sorted({disk.folders[folder][name] for folder, name in names})
    letter = bytes([ord("b") + number])
    ways: list[st.SearchStrategy[DiskOperation]] = [
        st.sampled_from([Sync(TOP), Sync(FOLDER), SyncAll()]),
        st.builds(SetEntry, st.sampled_from([TOP, FOLDER]), st.just("new"), st.just(NEW + number), st.just(True)),
    ]
    if nodes:
        some = st.sampled_from(nodes)
        ways += [
            st.builds(Sync, some, st.booleans()),
            st.builds(Resize, some, st.sampled_from(SIZES)),
            some.flatmap(lambda node: _write(disk, node, letter)),
            some.flatmap(lambda node: _write(disk, node, letter)),
            st.sampled_from(names).flatmap(lambda place: _rename(disk, place)),
            st.sampled_from(names).map(lambda place: RemoveEntry(*place, disk.folders[place[0]][place[1]])),
        ]
    return st.one_of(ways)


def _write(disk: Disk, node: int, letter: bytes) -> st.SearchStrategy[DiskOperation]:
    size = len(disk.files.get(node, b""))
    places = st.sampled_from(sorted({0, size, max(size - 10, 0)}))
    return st.builds(
        lambda at, length: DiskWrite(node, at, letter * length), places, st.sampled_from([1, 30, 520, 4000])
    )


def _rename(disk: Disk, place: tuple[int, str]) -> st.SearchStrategy[DiskOperation]:
    folder, name = place
    node = disk.folders[folder][name]

    def made(to: int, to_name: str) -> DiskOperation:
        return Rename(folder, name, to, to_name, node, disk.folders[to].get(to_name))

    targets = [(to, other) for to in (TOP, FOLDER) for other in ("books", "moved") if (to, other) != place]
    return st.sampled_from(targets).map(lambda target: made(*target))
