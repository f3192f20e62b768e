"""Seeded ways to damage a document, in its bytes or in the values of its JSON."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from random import Random
from typing import Any, Final

TOKENS: Final[Sequence[bytes]] = (
    b"NaN", b"-Infinity", b"1e999", b"-1e-999", b"null", b"true", b"0", b"-1", b"1.5", b"9" * 30, b"9" * 5000,
    b'"', b"\\", b"\n", b"\r", b"\0", b"\x1b[31m", b"\xc2\x9b31m", b"\xe2\x80\xae", b"\xff", b"\xed\xa0\x80",
    b"\\ud800", b"\\u0000", b"\\u001b]0;x\\u0007", b"{", b"}", b"[", b"]", b",", b":", b"=", b"-", b"%", b"{}", b"[]",
    b"[" * 2000, b'{"a":' * 2000, b"(" * 2000, b"../../x", b"/etc/passwd", b'"a":1,"a":2,', b"#inst", b"#{",
    "é١²½\U0001f600".encode(), b"x" * 300, b"'''", b"[[", b"a.b.c.d", b"1979-05-27T07:32:00Z", b"0x10", b"1_000", b" ",
    b"1" + b"0" * 400, b"\xef\xbb\xbf", b"#_", b":type",
)  # fmt: skip
VALUES: Final[Sequence[Any]] = (
    None, True, False, 0, -1, 1, 2, 1.5, -0.0, 1e308, 5e-324, 2**31, 2**53, 2**63, 2**64, -(2**63), 10**40, 10**99,
    "x", "json", "lock", "../../x", "/etc/passwd", "a\0b", "\x1b[31mred", "\x9b31m", "\u202eevil", "\ud800", "\udfff",
    "é١²½\U0001f600", "line\nbreak", "x" * 10_000, "-1", "1e5", "<script>", "{{ 7*7 }}", "|`*", [], [[]], {}, {"": {}},
    10**120, ["x"], [1, 2], {"a": 1}, {"tickets": {"1": [7]}}, {"operations": [{}]}, {"participants": [{}]}, "9" * 4000,
    [None],     [1] * 1000, "",
)  # fmt: skip


def _nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def damaged_bytes(content: bytes, other: bytes, draw: Random) -> bytes:
    """Damage a document's bytes in one to four places."""
    data = bytearray(content)
    for _ in range(draw.choice((1, 1, 2, 4))):
        at = draw.randrange(len(data) + 1)
        until = min(len(data), at + draw.choice((1, 1, 2, 8, 64)))
        kind = draw.randrange(7)
        if kind == 0 and at < len(data):
            data[at] ^= 1 << draw.randrange(8)
        elif kind == 1:
            del data[at:until]
        elif kind == 2:
            data[at:at] = draw.choice(TOKENS)
        elif kind == 3:
            data[at:until] = draw.choice(TOKENS)
        elif kind == 4:
            data[at:at] = data[at:until] * draw.choice((1, 2, 50))
        elif kind == 5:
            start = draw.randrange(len(other) + 1)
            data[at:until] = other[start : start + draw.choice((1, 8, 64, 512))]
        else:
            del data[at:]
    return bytes(data)


def damaged_value(value: Any, draw: Random) -> Any:
    """Damage a JSON value, which is changed, in one to three places."""
    holder = [value]
    for _ in range(draw.choice((1, 1, 2, 3))):
        place: Any = holder
        key: Any = 0
        while isinstance(place[key], list | dict) and place[key] and draw.random() < 0.8:
            place = place[key]
            key = draw.choice(list(place)) if isinstance(place, dict) else draw.randrange(len(place))
        kind = draw.randrange(8)
        if kind == 0 and place is not holder:
            del place[key]
        elif kind == 1 and isinstance(place, dict):
            place[draw.choice((key + "x", "", "a\0", "\x1b[0m", "\ud800", "valid", "books"))] = place.pop(key)
        elif kind == 2:
            place[key] = [deepcopy(place[key]) for _ in range(draw.choice((1, 2, 30)))]
        elif kind == 3:
            place[key] = _nested(draw.choice((3, 60, 64, 65, 70, 300)))
        elif kind == 4 and isinstance(place, list):
            place.insert(draw.randrange(len(place) + 1), deepcopy(draw.choice(VALUES)))
        else:
            place[key] = deepcopy(draw.choice(VALUES))
    return holder[0]
