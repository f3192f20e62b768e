"""One reader of JSON fields: a value with its place, which is of the needed type and within bounds, or one clear error.

Reading order: `JsonField`, then `read_version` for the head that every file of the lab has.

    case = JsonField(strict_json.parse(content), "case.json")
    buyers = case["scenario"]["buyers"].whole(least=1)
    pairs = case["without"].list_of(lambda pair: pair.list_of(JsonField.whole, length=2))

The second line raises, for a file in which a text stands in that place:

    UsageError: case.json: scenario.buyers is 'many': a whole number from 1 is needed
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from math import isfinite
from typing import Any, Final, TypeVar

from ticketlab.core.errors import UsageError
from ticketlab.core.strict_json import brief
from ticketlab.core.text import join_words, pluralize

T = TypeVar("T")
_MISSING: Final = object()


class JsonField:
    """A value that `strict_json` read, and its place in its source.

    A field that is missing is an error only when it is read, so that the error can say what is needed there. Every
    method that reads raises UsageError where the value is missing, of another type, or out of bounds.
    """

    __slots__ = ("_path", "_source", "_value")

    def __init__(self, value: Any, source: str, path: str = "") -> None:
        """Take a value; `source` names the file in errors (empty if the caller does), `path` its place there."""
        self._value = value
        self._source = source
        self._path = path

    def __getitem__(self, key: str) -> JsonField:
        """Return the field of that name, missing or not; raises UsageError if this value is no object."""
        return self._inside(self.object().get(key, _MISSING), key)

    def __contains__(self, key: str) -> bool:
        """Whether the object has such a field; raises UsageError if this value is no object."""
        return key in self.object()

    def wrong(self, needed: str) -> UsageError:
        """Return the error of this field; `needed` says what would be right, as in "a whole number from 1"."""
        where = ": ".join(filter(None, (self._source, self._path))) or "this"
        found = "is missing" if self._value is _MISSING else f"is {brief(self._value)}"
        return UsageError(f"{where} {found}: {needed} is needed")

    def object(self) -> Mapping[str, Any]:
        """Return an object as it stands, its fields unread."""
        if not isinstance(self._value, Mapping):
            raise self.wrong("an object")
        return self._value

    def values(self, length: int | None = None) -> Sequence[Any]:
        """Return a list as it stands, its values unread; of that length, if one is given."""
        if not isinstance(self._value, list | tuple):
            raise self.wrong("a list")
        if length is not None and len(self._value) != length:
            raise self.wrong(f"a list of {pluralize(length, 'value')}")
        return self._value

    def items(self, length: int | None = None) -> Iterator[JsonField]:
        """Yield the values of a list as fields, in order."""
        return (self._inside(value, number) for number, value in enumerate(self.values(length)))

    def list_of(self, read: Callable[[JsonField], T], length: int | None = None) -> list[T]:
        """Return a list, each value read by the function."""
        return [read(item) for item in self.items(length)]

    def dict_of(self, read: Callable[[JsonField], T]) -> dict[str, T]:
        """Return an object, each value read by the function."""
        return {key: read(self._inside(value, key)) for key, value in self.object().items()}

    def whole(self, least: int | None = None, most: int | None = None) -> int:
        """Return a whole number within the bounds."""
        if type(self._value) is not int or not _within(self._value, least, most):
            raise self.wrong(f"a whole number{_bounds(least, most)}")
        return self._value

    def number(self, least: float | None = None, most: float | None = None) -> float:
        """Return a number within the bounds: never infinite, never NaN."""
        value = self._value
        if type(value) not in (int, float) or not isfinite(value) or not _within(value, least, most):
            raise self.wrong(f"a number{_bounds(least, most)}")
        return float(value)

    def wholes(self, least: int | None = None) -> Sequence[int]:
        """Return a list of whole numbers, as `list_of(JsonField.whole)` would, at the speed that long columns need."""
        values = self.values()
        if not all(type(value) is int for value in values) or (
            least is not None and min(values, default=least) < least
        ):
            return self.list_of(lambda item: item.whole(least))  # finds the place, and raises
        return values

    def flag(self) -> bool:
        """Return true or false."""
        if type(self._value) is not bool:
            raise self.wrong("true or false")
        return self._value

    def verdict(self) -> bool | None:
        """Return true, false, or None for null, which stands for "undecided"."""
        if self._value is not None and type(self._value) is not bool:
            raise self.wrong("true, false or null")
        return self._value

    def text(self) -> str:
        """Return a text."""
        if not isinstance(self._value, str):
            raise self.wrong("a text")
        return self._value

    def one_of(self, known: Collection[str]) -> str:
        """Return a text that is one of these."""
        if not isinstance(self._value, str) or self._value not in known:
            raise self.wrong(f"one of {', '.join(map(repr, known))}")
        return self._value

    def or_none(self, read: Callable[[JsonField], T]) -> T | None:
        """Return None for null, and any other value as the function reads it."""
        return None if self._value is None else read(self)

    def otherwise(self, read: Callable[[JsonField], T], default: T) -> T:
        """Return the default if the field is missing, and any value as the function reads it."""
        return default if self._value is _MISSING else read(self)

    def _inside(self, value: Any, key: str | int) -> JsonField:
        if isinstance(key, int) or not (key.isascii() and key.isidentifier()):
            return JsonField(value, self._source, f"{self._path}[{brief(key)}]")
        return JsonField(value, self._source, f"{self._path}.{key}" if self._path else key)


def read_version(file: JsonField, key: str, mark: str, what: str, readable: Sequence[int]) -> int:
    """Read the head of a file, the object's `key` and its `version`; returns the version.

    `mark` is what the key must hold, `what` is the noun of messages ("a result of ticketlab"), and `readable` are the
    versions that this lab reads, ascending.

    Raises:
        UsageError: the value is no such file, or of a version that is not readable.
    """
    value = file._value
    if not isinstance(value, Mapping) or value.get(key) != mark:
        raise UsageError(f'{file._source} is not {what}: it needs "{key}": "{mark}"')
    version = value.get("version")
    if type(version) is int and version in readable:
        return version
    newer = type(version) is int and version > readable[-1]
    hint = "it comes from a newer ticketlab" if newer else "no ticketlab wrote that"
    known = f"version{'s' if len(readable) > 1 else ''} {join_words(list(map(str, readable)))}"
    raise UsageError(f"{file._source} is of version {brief(version)}; this lab reads {known} ({hint})")


def _within(value: float, least: float | None, most: float | None) -> bool:
    return (least is None or value >= least) and (most is None or value <= most)


def _bounds(least: float | None, most: float | None) -> str:
    lower = "" if least is None else f" from {least:,}"
    return lower if most is None else f"{lower} up to {most:,}"
