"""JSON from outside: a plain value within bounds, or a ValueError whose message is one line.

Python's own parser accepts more than the lab can work with. Refused here, once for all readers, are: NaN and infinite
numbers; numbers of thousands of digits; a key that stands twice in an object; nesting without end; half characters,
which no terminal and no file can take; and texts whose values would fill the memory (an empty object is two characters
in the file, and thirty times as many bytes in memory).
"""

from __future__ import annotations

import json
import re
import sys
from itertools import chain
from math import isfinite
from typing import Any, Final, NoReturn

MOST_MEMORY: Final = 80 << 20
"""The most bytes of memory that a text and its values may take together; they are estimated from above."""
DEEPEST: Final = 64
"""How deep lists and objects may nest."""
MOST_DIGITS: Final = 100
"""How many digits a whole number may have: such a number fits into a float, and is quickly printed."""

_BYTES: Final = {",": 64, "[": 64, "{": 232, ":": 260}
"""The bytes that a value, a list, an object and a key take at least, counted by the characters that begin or end them.

Such characters within texts count too: the estimate may be too high, and never too low.
"""
_HALF: Final = re.compile(r"\\u[dD][89a-fA-F]")


def parse(content: bytes | str) -> Any:
    """Read one JSON value.

    Raises:
        ValueError: it is not JSON in UTF-8, or beyond a bound; the message is one line that says which.
    """
    try:
        text = content if isinstance(content, str) else content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start + 1} is not UTF-8") from None
    if sys.getsizeof(text) + sum(text.count(each) * size for each, size in _BYTES.items()) > MOST_MEMORY:
        raise ValueError(f"its values would take more than {MOST_MEMORY >> 20} MiB of memory")
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        raise _too_deep() from None
    refuse_deep(value)
    if _HALF.search(text):
        refuse_half_characters(value)
    return value


def refuse_deep(value: Any) -> None:
    """Raise ValueError if lists and objects nest deeper than `DEEPEST`."""
    level = [value] if type(value) in (list, dict) else []
    for _ in range(DEEPEST):
        inside = chain.from_iterable(each if type(each) is list else each.values() for each in level)
        level = [each for each in inside if type(each) in (list, dict)]
        if not level:
            return
    raise _too_deep()


def refuse_half_characters(value: Any) -> None:
    """Raise ValueError if a text holds half a surrogate pair, which cannot be written anywhere."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        half = ord(error.object[error.start])
        raise ValueError(f"a text holds half a character, \\u{half:04x}") from None


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object from its pairs; raises ValueError if a key stands twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"the key {brief(key)} stands twice")
            seen.add(key)
    return found


def no_constant(name: str) -> NoReturn:
    """Refuse NaN, Infinity and -Infinity, which are no JSON."""
    raise ValueError(f"{name} is no number of JSON")


def whole_number(text: str) -> int:
    """Return a whole number; raises ValueError if it has too many digits."""
    if len(text) > MOST_DIGITS:
        raise ValueError(f"a number of {len(text):,} digits is too long: {MOST_DIGITS} are the most")
    return int(text)


def real_number(text: str) -> float:
    """Return a number with a point or an exponent; raises ValueError if it is too large for a float."""
    value = float(text)
    if not isfinite(value):
        raise ValueError(f"the number {brief(text)} is too large")
    return value


def brief(value: object, most: int = 60) -> str:
    """Return a value as messages show it: escaped, in quotes if it is a text, and cut if it is longer than `most`."""
    shown = repr(value[: most + 1] if isinstance(value, str | bytes) else value)
    return shown if len(shown) <= most else f"{shown[:most]}..."


def _too_deep() -> ValueError:
    return ValueError(f"lists and objects are nested more than {DEEPEST} deep")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=unique_keys, parse_constant=no_constant, parse_int=whole_number, parse_float=real_number
)
