"""Draw the rooms of ticketlab, and who imports whom, into docs/architecture.md.

    uv run python scripts/draw_architecture.py           # writes the page
    uv run python scripts/draw_architecture.py --check   # exits with 1 if the page is not what the code says

The drawings are Mermaid, which GitHub shows as a picture. Each stands in the page after a line
`<!-- drawn: PACKAGE -->` and ends with `<!-- end -->`; what stands between is written anew. An arrow from A to B says
that a module of A imports one of B; a dashed one, that the lab finds what is in B by the names of entry points. An
arrow is left out if its end is reached by others, so the picture shows floors and no tangle.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
import tomllib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "docs" / "architecture.md"
DRAWN: Final = re.compile(r"(<!-- drawn: ([\w.]+) -->\n).*?(<!-- end -->)", re.DOTALL)
ENTRANCES: Final = ("__init__", "__main__")  # of the whole package: public names, and the command; they open every room
Graph = Mapping[str, Collection[str]]


def rooms(package: str) -> dict[str, list[Path]]:
    """Return the packages and modules right below a package, each with its files."""
    folder = ROOT / package.replace(".", "/")
    found = {file.stem: [file] for file in sorted(folder.glob("*.py")) if file.stem not in ENTRANCES}
    for inside in sorted(folder.glob("*/__init__.py")):
        found[inside.parent.name] = sorted(inside.parent.rglob("*.py"))
    return found


def imported(file: Path) -> Iterator[str]:
    """Yield the full names that a file imports, wherever in it; names in a module count as below the module."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def arrows(package: str) -> dict[str, set[str]]:
    """Return for each room the rooms beside it that it imports."""
    inside = rooms(package)
    found: dict[str, set[str]] = {}
    for name, files in inside.items():
        reached = {one.removeprefix(f"{package}.").partition(".")[0] for file in files for one in imported(file)
                   if one.startswith(f"{package}.")}  # fmt: skip
        found[name] = (reached & inside.keys()) - {name}
    return found


def reached(start: str, graph: Graph) -> set[str]:
    """Return all that is reached from a room by one arrow or more."""
    found: set[str] = set()
    waiting = list(graph[start])
    while waiting:
        if (room := waiting.pop()) not in found:
            found.add(room)
            waiting += graph[room]
    return found


def reduced(graph: Graph) -> dict[str, set[str]]:
    """Return the graph without the arrows whose ends are reached by others; those of a circle all stay."""
    below = {room: reached(room, graph) for room in graph}

    def needless(room: str, to: str) -> bool:
        return any(to in below[by] and room not in below[by] for by in graph[room] if by != to)

    return {room: {to for to in others if not needless(room, to)} for room, others in graph.items()}


def by_name(package: str) -> list[str]:
    """Return the rooms of a package in which entry points find what they name."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
    places = {place for group, names in settings.items() if group != "pytest11" for place in names.values()}
    return sorted({place.removeprefix(f"{package}.").partition(".")[0] for place in places
                   if place.startswith(f"{package}.")})  # fmt: skip


def sentence(files: Collection[Path]) -> str:
    """Return the first sentence of a room's docstring, without its full stop."""
    first = next((file for file in files if file.name == "__init__.py"), next(iter(files)))
    text = ast.get_docstring(ast.parse(first.read_text(encoding="utf-8"))) or ""
    return " ".join(text.partition("\n\n")[0].split()).partition(". ")[0].rstrip(".").replace("|", "or")


def drawing(package: str) -> str:
    """Return the picture of a package's rooms, and the table of what is in them."""
    inside, all_arrows = rooms(package), arrows(package)
    graph = reduced(all_arrows)
    named = [to for to in by_name(package) if to in inside and to not in all_arrows.get("lab", inside)]
    lines = ["```mermaid", "flowchart TD"]
    lines += [f"    {room}" for room in inside]
    lines += [f"    {room} --> {to}" for room in inside for to in inside if to in graph[room]]
    lines += [f"    lab -. by name .-> {to}" for to in named]
    lines += ["```", "", "| Room | What is in it |", "|---|---|"]
    for room, files in inside.items():
        folder = any(file.name == "__init__.py" for file in files)
        path = f"../{package.replace('.', '/')}/{room}" + ("/" if folder else ".py")
        lines.append(f"| [`{room}`]({path}) | {sentence(files)} |")
    return "\n".join(lines) + "\n"


def written(page: str) -> str:
    """Return a page with every drawing in it made anew."""
    return DRAWN.sub(lambda found: f"{found[1]}{drawing(found[2])}{found[3]}", page)


def main() -> int:
    """Write the page, or see whether it is as the code says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if the page is out of date")
    given = parser.parse_args()
    before = PAGE.read_text(encoding="utf-8")
    after = written(before)
    if given.check:
        return int(before != after)
    PAGE.write_text(after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
