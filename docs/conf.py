"""The book: these pages, README, CONTRIBUTING and CHANGELOG, as a site that opens and is searched offline.

    uv run --group docs sphinx-build -W -c docs . build/book

The source is the repository's root, so that every link holds in the book as it does where the pages are read as they
are. The contents come from README.md in this folder: each heading is a part, and each item that begins with a link is
a chapter of it.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

sys.path.insert(0, str(Path(__file__).parents[1]))

import ticketlab
from scripts.draw_flowchart import drawings

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "ticketlab"
copyright = "the authors of ticketlab"  # noqa: A001  # Sphinx reads this name
version = release = ticketlab.__version__
root_doc = "docs/README"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
include_patterns = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/*.md", "docs/api.rst", "docs/lessons/*.md"]
exclude_patterns = [".*", "build", "dist", "tests", "ticketlab", "scripts"]
html_theme = "furo"
html_title = f"ticketlab {release}"
html_show_sphinx = False
html_copy_source = False
html_show_search_summary = False  # a page that is opened from a disk may not fetch others
html_additional_pages = {"index": "start.html"}
templates_path = ["book"]
myst_heading_anchors = 4
autodoc_member_order = "bysource"
default_role = "code"  # what docstrings set in backticks
autodoc_typehints = "description"

_PART: Final = re.compile(r"^## (.*)$", re.MULTILINE)
_CHAPTER: Final = re.compile(r"^(?:- |\d+\. )\[[^]]*\]\(([^)#]+)\)", re.MULTILINE)
_FOLDER: Final = re.compile(r"\[([^]]*)\]\(\.\./([^)]*/)\)")
_ROOT: Final = Path(__file__).parents[1]


def _contents(text: str) -> str:
    """Return the tables of contents that the lists of a page stand for, which the book shows beside each page."""
    found = []
    _, *parts = _PART.split(text)
    for title, part in zip(parts[::2], parts[1::2], strict=True):
        chapters = "\n".join(_CHAPTER.findall(part))
        if chapters:
            found.append(f"\n```{{toctree}}\n:hidden:\n:caption: {title}\n\n{chapters}\n```\n")
    return "".join(found)


def _introduced(link: re.Match[str]) -> str:
    """Return a link to the module that introduces a folder, or only its words: a book shows no folders."""
    module = f"{link[2]}__init__.py"
    return f"[{link[1]}](../{module})" if (_ROOT / module).exists() else link[1]


def _read(_app: Sphinx, name: str, source: list[str]) -> None:
    """Give the first page its contents, draw the flowcharts, and change links to folders."""
    for block, drawing in drawings(source[0]).items():
        source[0] = source[0].replace(block, drawing)
    source[0] = _FOLDER.sub(_introduced, source[0])
    if name == root_doc:
        source[0] += _contents(source[0])


def setup(app: Sphinx) -> None:
    """Have each page changed when it is read."""
    app.connect("source-read", _read)
