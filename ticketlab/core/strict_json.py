"""JSON that strangers wrote: a plain value within bounds, or a ValueError whose message is one line.

What Python's own parser lets through and nothing of the lab's may meet is refused here, once for all readers: NaN and
infinite numbers, numbers of thousands of digits, a key that stands twice, nesting without end, half characters that
no terminal and no file can take, and what would fill the memory: an empty object takes thirty times as much of it as
its two characters do in the file.
"""

from __future__ import annotations

import json
import re
import sys
from itertools import chain
from math import isfinite
from typing import Any, Final, NoReturn

MOST_MEMORY: Final = 80 << 20
"""How many bytes of memory a text and its values may take together, by a careful estimate."""
DEEPEST: Final = 64
"""How deep lists and objects nest."""
MOST_DIGITS: Final = 100
"""How many digits a whole number has: any such number is also a float, and is printed at once."""

_BYTES: Final = {",": 64, "[": 64, "{": 232, ":": 260}
"""What a value, a list, an object and a key take at least, each known by a character; those within texts count too."""
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
    """Raise ValueError where lists and objects nest deeper than `DEEPEST`."""
    level = [value] if type(value) in (list, dict) else []
    for _ in range(DEEPEST):
        inside = chain.from_iterable(each if type(each) is list else each.values() for each in level)
        level = [each for each in inside if type(each) in (list, dict)]
        if not level:
            return
    raise _too_deep()


def refuse_half_characters(value: Any) -> None:
    """Raise ValueError where a text holds half a surrogate pair, which cannot be written anywhere."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        half = ord(error.object[error.start])
        raise ValueError(f"a text holds half a character, \\u{half:04x}") from None


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object from its pairs; raises ValueError where a key stands twice."""
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
    """Return a whole number; raises ValueError where it has too many digits."""
    if len(text) > MOST_DIGITS:
        raise ValueError(f"a number of {len(text):,} digits is too long: {MOST_DIGITS} are the most")
    return int(text)


def real_number(text: str) -> float:
    """Return a number with a point or an exponent; raises ValueError where it is too large for one."""
    value = float(text)
    if not isfinite(value):
        raise ValueError(f"the number {brief(text)} is too large")
    return value


def brief(value: object, most: int = 60) -> str:
    """Return a value as a message shows it: in quotes if it is a text, escaped, and cut where it is long."""
    shown = repr(value[: most + 1] if isinstance(value, str | bytes) else value)
    return shown if len(shown) <= most else f"{shown[:most]}..."


def _too_deep() -> ValueError:
    return ValueError(f"lists and objects are nested more than {DEEPEST} deep")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=unique_keys, parse_constant=no_constant, parse_int=whole_number, parse_float=real_number
)
