"""Text of strangers on a terminal: shown, never obeyed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderableType, RenderHook, RenderResult
from rich.segment import Segment

from ticketlab.core.words import harmless


class Escaping(RenderHook):
    """Shows as an escape whatever in a text would control the terminal; rich's own colours stay."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """Wrap what is to be printed."""
        return [_Escaped(each) for each in renderables]


@dataclass(frozen=True, slots=True)
class _Escaped:
    inside: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        segments: Iterable[Segment] = console.render(self.inside, options)
        for segment in segments:
            if segment.control:
                yield segment
            else:
                yield Segment(harmless(segment.text, lines=True), segment.style)
