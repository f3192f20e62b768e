"""A console that shows control characters of other people's texts as escapes, so that the terminal never obeys them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderableType, RenderHook, RenderResult
from rich.segment import Segment

from ticketlab.core.text import escape_controls


class Screen(Console):
    """Prints control characters in texts as escapes, and the lab's own colours as colours.

    A line that is too long and must not be broken is printed whole, and not cut off.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"emoji": False, **settings})  # a name that holds ":cat:" is shown as it is
        self.push_render_hook(_Escaping())

    def print(self, *objects: Any, **settings: Any) -> None:
        """Print as a console does; nothing is cropped."""
        super().print(*objects, **{"crop": False, **settings})


class _Escaping(RenderHook):
    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_Escaped(each) for each in renderables]


@dataclass(frozen=True, slots=True)
class _Escaped:
    inside: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        segments: Iterable[Segment] = console.render(self.inside, options)
        for segment in segments:
            yield segment if segment.control else Segment(escape_controls(segment.text, lines=True), segment.style)


@dataclass(frozen=True, slots=True)
class Roomy:
    """A table of names, which no narrow terminal may cut: it is at least so many characters wide."""

    inside: RenderableType
    least: int = 80

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from console.render(self.inside, options.update(width=max(self.least, options.max_width)))
