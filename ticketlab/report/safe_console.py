"""The terminal: text of strangers on it is shown, never obeyed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderableType, RenderHook, RenderResult
from rich.segment import Segment

from ticketlab.core.text import escape_controls


class Screen(Console):
    """Shows as an escape whatever in a text would control the terminal; its own colours stay."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"emoji": False, **settings})  # a name that holds ":cat:" is shown as it is
        self.push_render_hook(_Escaping())


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
