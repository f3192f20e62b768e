"""Texts for people: counts with their nouns, lists in sentences, and control characters as escapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeVar, cast

T = TypeVar("T")


def escape_controls(text: str, *, lines: bool = False) -> str:
    """Return a text whose control characters are escapes: a terminal shows them, instead of obeying them.

    Characters that turn the direction of writing round are escaped too, and the ends of lines unless there may be
    several `lines`. A JSON parser reads the escapes as the characters that they stand for.
    """
    if text.isprintable():  # which no control character is; this is much faster than looking up each
        return text
    return text.translate(_ESCAPED_BUT_LINES if lines else _ESCAPED)


def escape_all_controls(value: T) -> T:
    """Return a JSON value whose texts, keys included, are as `escape_controls` returns them; lines may end in them."""
    if isinstance(value, str):
        return cast("T", escape_controls(value, lines=True))
    if value is None or isinstance(value, _NUMBERS):
        return value
    if isinstance(value, _LISTS):
        return cast("T", [escape_all_controls(each) for each in value])
    if isinstance(value, Mapping):
        return cast("T", {escape_all_controls(key): escape_all_controls(each) for key, each in value.items()})
    return value


_NUMBERS: Final = (int, float)
_LISTS: Final = (list, tuple)
_TURNING: Final = (0x61C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A))
_CONTROLS: Final = (*range(0x20), *range(0x7F, 0xA0), *_TURNING)
_ESCAPED: Final = {code: f"\\u{code:04x}" for code in _CONTROLS}
_ESCAPED_BUT_LINES: Final = {code: text for code, text in _ESCAPED.items() if chr(code) not in "\t\n"}


def pluralize(count: int, noun: str, plural: str = "") -> str:
    """Return a count with its noun in the right number: "1 ticket", "2 tickets"; `plural` is an irregular one."""
    many = plural or f"{noun}{'es' if noun.endswith('s') else 's'}"
    return f"{count:,} {noun if count == 1 else many}"


def join_some(words: Sequence[str], most: int) -> str:
    """Return at most so many words as a list in a sentence, with the number of the others: "a, b and 97 more"."""
    return join_words(words if len(words) <= most else [*words[:most], f"{len(words) - most:,} more"])


def join_words(words: Sequence[str]) -> str:
    """Return words as a list in a sentence: "a", "a and b", "a, b and c"."""
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
