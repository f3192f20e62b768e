"""Small programs at random, each of a family that uses a few kinds of operations."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from .program_bodies import VARIABLES, Body, Operation
from .program_outcomes import Files, Written

Draws = Callable[[Random], Operation]
_LOCKS = ("x", "x", "x", "xn", "s", "sn")


def _file(r: Random) -> str:
    return r.choice("xxy")


def _any(r: Random) -> str:
    return r.choice("xyd")


def _into(r: Random) -> str:
    return r.choice(VARIABLES)


def _two(r: Random) -> tuple[str, str]:
    first, second = r.sample("xyd", 2)
    return first, second


def _read(r: Random) -> Operation:
    return ("read", "a", _file(r))


def _write(r: Random) -> Operation:
    return (r.choice(("write", "write", "write_file")), _file(r), "a", r.choice((0, 1, 1)))


def _append(r: Random) -> Operation:
    return ("append", _file(r), r.choice("LM"))


def _excl(r: Random) -> Operation:
    return ("excl", _into(r), _any(r))


def _look(r: Random) -> Operation:
    call = r.choice(("exists", "exists", "size", "list"))
    return ("call", _into(r), call) if call == "list" else ("call", _into(r), call, _any(r))


def _name(r: Random) -> Operation:
    call = r.choice(("mkdir", "rmdir", "unlink", "rename", "rename", "link"))
    return ("call", _into(r), call, *(_two(r) if call in ("rename", "link") else (_any(r),)))


def _take(r: Random) -> Operation:
    return ("take", r.choice("bc"), r.choice(_LOCKS), r.choice("lx"))


def _give(r: Random) -> Operation:
    return ("give", r.choice("uc"), r.choice("lx"))


def _take_record(r: Random) -> Operation:
    return ("take", r.choice("bc"), r.choice(("r", "r", "rn")), r.choice("lx"))


def _give_record(r: Random) -> Operation:
    return ("give", r.choice("rc"), r.choice("lx"))


def _pipe(r: Random) -> Operation:
    return r.choice((("send", _into(r), r.choice("PQ")), ("receive", _into(r)), ("receive", "a"), ("shut", "w")))


def _next(r: Random) -> Operation:
    return ("next_letter", _into(r))


def _sh(r: Random) -> Operation:
    of = _file(r)
    calls = (("exists", _any(r)), ("mkdir", "d"), ("rmdir", "d"), ("unlink", of), ("link", *_two(r)))
    return r.choice(
        (
            ("sh_read", "a", of),
            ("sh_write", of, "a", 1),
            ("sh_append", of, "L"),
            ("sh_call", _into(r), *r.choice(calls)),
        )
    )


FAMILIES: dict[str, tuple[str, tuple[Draws, ...]]] = {
    "numbers": ("python", (_read, _write, _read, _write, _append)),
    "names": ("python", (_name, _name, _look, _excl, _read, _write)),
    "flock": ("python", (_take, _give, _take, _read, _write, _append)),
    "record locks": ("python", (_take_record, _give_record, _take_record, _read, _write, _append)),
    "forks": ("forks", (_read, _write, _append, _look, _name, _take, _give, _excl)),
    "pipes": ("forks", (_pipe, _pipe, _pipe, _read, _write, _append)),
    "shared descriptor": ("forks", (_next, _next, _write, _append)),
    "shell": ("sh", (_sh,)),
    "all": ("python", (_read, _write, _append, _excl, _look, _name, _take, _give, _take_record, _give_record)),
}


_FIRST: dict[str, Body] = {"pipes": (("pipe",),), "shared descriptor": (("keep", "x"),)}


def _body(r: Random, kinds: tuple[Draws, ...], length: int, depth: int = 1) -> Body:
    body: list[Operation] = []
    while len(body) < length:
        if depth and r.random() < 0.12:
            inner = _body(r, kinds, r.choice((1, 1, 2)), depth - 1)
            body.append(("if", _into(r), r.choice((0, 1, 3, -1)), inner))
        else:
            body.append(r.choice(kinds)(r))
    if depth and r.random() < 0.15:
        body.append(("exit", _into(r)))
    return tuple(body)


def _parent(r: Random, family: str, kinds: tuple[Draws, ...], children: int) -> Body:
    before: list[Operation] = list(_FIRST.get(family, ()))
    if r.random() < 0.4:
        before.append(r.choice(kinds)(r))
    forks: list[Operation] = [("fork", child) for child in range(1, 1 + children)]
    middle = list(_body(r, kinds, r.choice((0, 0, 1, 1, 2)), 0))
    ends: list[Operation] = []
    for child in range(1, 1 + children):
        how = r.random()
        if how < 0.1:
            ends.append(("kill", "c", child))
        if how < 0.6:
            ends.append(("wait", r.choice("bc"), child))
        elif how < 0.8:
            ends.append(("wait_any", r.choice("bc")))
        elif how < 0.9:
            ends.append(("poll", r.choice("bc"), child))
    after = [r.choice(kinds)(r)] if r.random() < 0.3 else []
    return (*before, *forks, *middle, *ends, *after)


def _files(r: Random) -> Files:
    files: list[tuple[str, str | None]] = [("x", "3\n")]
    if r.random() < 0.5:
        files.append(("y", "1\n"))
    if r.random() < 0.3:
        files.append(("d", None))
    return tuple(files)


def draw(seed: int, number: int) -> tuple[str, Written]:
    """Return the family and the program of a number."""
    r = Random(f"{seed} {number}")
    family = r.choice(list(FAMILIES))
    how, kinds = FAMILIES[family]
    count = r.choice((2, 2, 2, 3))
    longest = 3 if count == 2 else 2
    if how == "forks":
        children = count - 1
        bodies = [_parent(r, family, kinds, children)]
        bodies += [_body(r, kinds, r.randint(1, longest)) for _ in range(children)]
    else:
        bodies = [_body(r, kinds, r.randint(1, longest)) for _ in range(count)]
    return family, Written(how, tuple(bodies), _files(r))
