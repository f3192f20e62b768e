"""Loops in a function's code: which instructions can run between two times that a call is made, and what they name."""

from __future__ import annotations

import dis
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from types import CodeType
from typing import Final

_GLOBALS: Final = frozenset(
    {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS", "STORE_GLOBAL", "STORE_NAME", "DELETE_GLOBAL"}
)
_ATTRIBUTES: Final = frozenset(
    {"LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR", "STORE_ATTR", "DELETE_ATTR", "IMPORT_FROM"}
)
_ENDS: Final = frozenset(
    {
        *("RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE", "INTERPRETER_EXIT"),
        *("JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT"),
    }
)
_SUSPENDS: Final = frozenset({"YIELD_VALUE", "SEND"})
_ALONE: Final = frozenset({"POP_TOP", "STORE_FAST", "RETURN_VALUE"})
_DOUBTFUL: Final = ("IMPORT_STAR", "MATCH", "CALL_INTRINSIC")
_PLAIN_INTRINSICS: Final = ("STOPITERATION_ERROR", "LIST_TO_TUPLE", "UNARY_POSITIVE")
"""What is an instruction of its own, or none, up to Python 3.11, and an intrinsic function since."""
_WALKS: Final = frozenset(
    {"GET_ITER", "UNPACK_SEQUENCE", "UNPACK_EX", "CONTAINS_OP", "LIST_EXTEND", "SET_UPDATE", "CALL_FUNCTION_EX"}
)


@dataclass(frozen=True)
class Named:
    """What some code names: globals, attributes of anything, modules that it imports, and functions defined in it.

    `walks` says whether it goes through something that it need not have made itself, as a file's lines. `doubtful` says
    that names do not tell all.
    """

    globals: frozenset[str]
    attributes: frozenset[str]
    imports: frozenset[str]
    inner: tuple[CodeType, ...]
    walks: bool
    doubtful: bool


@dataclass(frozen=True)
class CallSite:
    """A call in a function's code. `loop` is what can run between two times that it is made; empty if there are none.

    `in_walk` says whether the loop goes through something while the call is made, as the body of a `for` does, or
    suspends its function. `is_statement` says that the call is a whole statement: nothing else waits for its result.
    """

    loop: frozenset[int]
    in_walk: bool
    is_statement: bool


@cache
def call_site(code: CodeType, last: int) -> CallSite:
    """Return what is known of the call whose instruction is the last one before a place in the code."""
    flow = _flow(code)
    here = max(offset for offset in flow.following if offset <= last)
    ahead = flow.reached_from(here)
    loop = ahead & flow.reaching(here)
    names = flow.names
    kept = flow.reached_from(here, not_through="GET_ITER") & loop
    in_walk = any(names[one] == "FOR_ITER" for one in kept) or any(names[one] in _SUSPENDS for one in loop)
    following = min((offset for offset in names if offset > here), default=here)
    return CallSite(frozenset(loop), in_walk, names[following] in _ALONE)


@cache
def named_in(code: CodeType, only: frozenset[int] | None = None) -> Named:
    """Return what code names, in these instructions only or in all."""
    made = [each for each in dis.get_instructions(code) if only is None or each.offset in only]
    told: dict[str, set[str]] = {"globals": set(), "attributes": set(), "imports": set()}
    for each in made:
        name = str(each.argval)
        if each.opname in _GLOBALS:
            told["globals"].add(name)
        elif each.opname in _ATTRIBUTES:
            told["attributes"].add(name)
        elif each.opname == "IMPORT_NAME":
            told["imports"].add(name)
    return Named(
        frozenset(told["globals"]),
        frozenset(told["attributes"]),
        frozenset(told["imports"]),
        tuple(each.argval for each in made if isinstance(each.argval, CodeType)),
        walks=any(each.opname in _WALKS for each in made),
        doubtful=any(
            _is_doubtful(each) or (each.opname == "IMPORT_NAME" and level.argval != 0)
            for level, each in zip([*made[:2], *made], made, strict=False)
        ),
    )


def _is_doubtful(made: dis.Instruction) -> bool:
    return made.opname.startswith(_DOUBTFUL) and not made.argrepr.endswith(_PLAIN_INTRINSICS)


@dataclass(frozen=True)
class _Flow:
    """Which instructions of some code can follow which, by their offsets."""

    names: Mapping[int, str]
    following: Mapping[int, Collection[int]]
    before: Mapping[int, Collection[int]] = field(default_factory=dict)

    def reached_from(self, start: int, *, not_through: str = "") -> set[int]:
        """Return what can follow an instruction sooner or later."""
        return self._closure(self.following, start, not_through)

    def reaching(self, end: int) -> set[int]:
        """Return what an instruction can follow sooner or later."""
        return self._closure(self.before, end, "")

    def _closure(self, edges: Mapping[int, Collection[int]], start: int, not_through: str) -> set[int]:
        found: set[int] = set()
        waiting = list(edges[start])
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                if not not_through or self.names[one] != not_through:
                    waiting += edges[one]
        return found


@cache
def _flow(code: CodeType) -> _Flow:
    made = list(dis.get_instructions(code))
    following: dict[int, set[int]] = {each.offset: set() for each in made}
    for each, after in pairwise(made):
        if each.opname not in _ENDS:
            following[each.offset].add(after.offset)
    for each in made:
        if each.opcode in dis.hasjrel or each.opcode in dis.hasjabs:
            following[each.offset].add(each.argval)
    entries: Iterable[tuple[int, int, int]] = [
        (entry.start, entry.end, entry.target)
        for entry in dis.Bytecode(code).exception_entries  # type: ignore[attr-defined]
    ]
    for start, end, target in entries:
        for offset in following:
            if start <= offset < end:
                following[offset].add(target)
    before: dict[int, set[int]] = {offset: set() for offset in following}
    for offset, others in following.items():
        for other in others:
            before[other].add(offset)
    return _Flow({each.offset: each.opname for each in made}, following, before)
