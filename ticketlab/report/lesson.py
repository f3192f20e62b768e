"""Lessons and other pages in Markdown, for a terminal."""

from __future__ import annotations

from typing import ClassVar

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.markdown import CodeBlock, Heading, Markdown, MarkdownElement
from rich.text import Text


class _Title(Heading):
    """A heading at the left, as long as its words."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        text = self.text
        text.justify = "left"
        text.stylize("bold underline" if self.tag == "h1" else "bold")
        yield text


class _Program(CodeBlock):
    """A program or an output: indented, in colour, and without a background that copies as spaces."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in str(self.text).rstrip().splitlines():
            style = "bold cyan" if line.startswith("$ ") else "cyan" if self.lexer_name == "python" else ""
            yield Text(f"    {line}", style=style, no_wrap=True, overflow="ignore")


class _Page(Markdown):
    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "heading_open": _Title,
        "fence": _Program,
        "code_block": _Program,
    }


def lesson_text(markdown: str) -> RenderableType:
    """Return Markdown as text for a terminal; links show their words only."""
    return _Page(markdown, inline_code_lexer=None)
