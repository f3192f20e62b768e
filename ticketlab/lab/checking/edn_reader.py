"""A reader of EDN, the notation of Jepsen's histories: https://github.com/edn-format/edn.

Maps become dicts, and lists, vectors and sets become lists. Keywords and symbols become an `EdnName`. A tagged form is
read as the form without its tag, so that `#jepsen.history.Op{...}` is a map. One regular expression knows the tokens.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from ticketlab.core.strict_json import DEEPEST, MOST_DIGITS, brief, refuse_half_characters

_STOPS: Final = r'\s,\[\](){}";'
_TOKEN: Final = re.compile(
    rf"""[\s,]+|;[^\n]*
    |(?P<open>\#\{{|[\[({{])
    |(?P<close>[\])}}])
    |"(?P<text>(?:[^"\\]|\\.)*+)"
    |(?P<discard>\#_)
    |(?P<tag>\#[A-Za-z][^{_STOPS}]*)
    |\\(?P<character>.[^{_STOPS}]*)
    |(?P<atom>[^{_STOPS}\\\#][^{_STOPS}]*)""",
    re.VERBOSE | re.DOTALL,
)
_ENDS: Final = {"[": "]", "(": ")", "{": "}", "#{": "}"}
_ESCAPE: Final = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_ESCAPES: Final = {"t": "\t", "r": "\r", "n": "\n", "b": "\b", "f": "\f", "\\": "\\", '"': '"'}
_CHARACTERS: Final = {"newline": "\n", "return": "\r", "space": " ", "tab": "\t"}
_CONSTANTS: Final = {"nil": None, "true": True, "false": False}
_WHOLE: Final = re.compile(r"[+-]?[0-9]+N?")
_REAL: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?M?")
_DISCARD: Final = object()
_LOOK_EVERY: Final = 1 << 16  # tokens


@dataclass(frozen=True, slots=True)
class EdnName:
    """A keyword, whose text begins with a colon, or a symbol."""

    text: str

    @property
    def name(self) -> str:
        """The name without its colon."""
        return self.text.removeprefix(":")

    def __str__(self) -> str:
        return self.text


def read_forms(text: str, look: Callable[[], None] = lambda: None) -> Iterator[Any]:
    """Yield the forms that stand in a text, one after another; `look` is called from time to time, and may raise.

    Raises:
        ValueError: the text is not EDN; the message says in which line.
    """
    known: dict[str, Any] = dict(_CONSTANTS)
    frames: list[tuple[str, list[Any]]] = [("", [])]
    position, tagged = 0, False
    tokens = 0
    while position < len(text):
        tokens += 1
        if not tokens % _LOOK_EVERY:
            look()
        token = _TOKEN.match(text, position)
        if token is None:
            raise _wrong(text, position, f"found {brief(text[position : position + 20])}")
        kind, found = token.lastgroup, token[token.lastgroup or 0]
        if kind is None:
            position = token.end()
            continue
        if kind == "open":
            if len(frames) > DEEPEST:
                raise _wrong(text, position, f"forms are nested more than {DEEPEST} deep")
            frames.append((found, []))
        elif kind == "discard":
            frames[-1][1].append(_DISCARD)
        elif kind != "tag":
            try:
                form = _form(kind, found, frames, known)
            except ValueError as error:
                raise _wrong(text, position, str(error)) from None
            into = frames[-1][1]
            if into and into[-1] is _DISCARD:
                into.pop()
            elif len(frames) == 1:
                yield form
            else:
                into.append(form)
        tagged = kind == "tag"
        position = token.end()
    if len(frames) > 1 or frames[0][1] or tagged:
        raise _wrong(text, position, "the text ends within a form")


def _form(kind: str, found: str, frames: list[tuple[str, list[Any]]], known: dict[str, Any]) -> Any:
    """Return the form that a token is, or ends."""
    if kind == "atom":
        if found not in known:
            known[found] = _atom(found)
        return known[found]
    if kind == "text":
        return _unescaped(found) if "\\" in found else found
    if kind == "character":
        return found if len(found) == 1 else _CHARACTERS.get(found, found)
    opened, forms = frames.pop()
    if _ENDS.get(opened) != found:
        frames.append((opened, forms))
        raise ValueError(f"found {found}, which nothing opens")
    if forms and forms[-1] is _DISCARD:
        raise ValueError(f"found {found}: expected a form to discard")
    return _map(forms) if opened == "{" else forms


def _map(forms: list[Any]) -> dict[Any, Any]:
    if len(forms) % 2:
        raise ValueError("a map has a key without a value")
    keys = [str(key) if isinstance(key, list | dict) else key for key in forms[::2]]
    found = dict(zip(keys, forms[1::2], strict=True))
    if len(found) < len(keys):
        raise ValueError("a map has a key twice")
    return found


def _atom(text: str) -> Any:
    if _WHOLE.fullmatch(text):
        if len(text) > MOST_DIGITS:
            raise ValueError(f"a number of {len(text):,} digits is too long: {MOST_DIGITS} are the most")
        return int(text.removesuffix("N"))
    if _REAL.fullmatch(text):
        return float(text.removesuffix("M"))
    if text[0].isdigit() or text == ":":
        raise ValueError(f"found {brief(text)}: expected a number or a name")
    return EdnName(text)


def _unescaped(text: str) -> str:
    def one(escape: re.Match[str]) -> str:
        said = escape[1]
        if said not in _ESCAPES and len(said) == 1:
            raise ValueError(f"found {brief(escape[0])}: expected an escape of a text")
        return _ESCAPES[said] if len(said) == 1 else chr(int(said[1:], 16))

    found = _ESCAPE.sub(one, text)
    refuse_half_characters(found)
    return found


def _wrong(text: str, position: int, message: str) -> ValueError:
    return ValueError(f"line {text.count(chr(10), 0, position) + 1}: {message}")
