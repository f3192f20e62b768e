"""Chance: the same draws in every execution, and others for each participant and for `reset`."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from ticketlab.probes.here import HERE
from ticketlab.probes.kind import ProbeKind
from ticketlab.probes.standins import StandIn

_urandom, _seed = os.urandom, random.Random.seed
_generators: dict[tuple[int, bool], random.Random] = {}
"""What each participant draws from: what the functions of `random` share, and what gives bytes and new seeds."""


def _begin() -> None:
    begin_draws(HERE.who)


def begin_draws(who: int = 0) -> None:
    """Have a participant, or `reset`, draw what it drew in the execution before."""
    for shared in (False, True):
        _generators.pop((who, shared), None)
    tempfile = sys.modules.get("tempfile")
    if tempfile is not None:
        tempfile._name_sequence = None  # type: ignore[attr-defined]  # its generator went on from the last execution


def _generator(*, shared: bool) -> random.Random:
    who = HERE.who if HERE.acts() else 0
    key = who, shared
    if key not in _generators:
        _generators[key] = random.Random(2 * who + shared)
    return _generators[key]


def _is_controlled() -> bool:
    """Whether a participant draws, or `reset`."""
    return HERE.acts() or HERE.shared.laying_out


def _random_bytes(size: int, /) -> bytes:
    return _generator(shared=False).randbytes(size) if _is_controlled() else _urandom(size)


def _seed_generator(self: random.Random, a: Any = None, version: int = 2) -> None:
    if a is None and _is_controlled():
        a = _generator(shared=False).getrandbits(64)
    _seed(self, a, version)


def _own(original: Any) -> Callable[..., Any]:
    """Return what stands in for a function of the generator that a process shares: a participant has its own."""
    name: str = original.__name__

    @wraps(original)
    def standin(*args: Any, **kwargs: Any) -> Any:
        if not _is_controlled():
            return original(*args, **kwargs)
        return getattr(_generator(shared=True), name)(*args, **kwargs)

    return standin


def _standins() -> Sequence[StandIn]:
    shared = random._inst  # whose methods the module's functions are
    functions = [value for value in vars(random).values() if getattr(value, "__self__", None) is shared]
    return [
        StandIn(_urandom, wraps(_urandom)(_random_bytes)),
        StandIn(_seed, _seed_generator, random.Random, "seed"),
        *(StandIn(function, _own(function)) for function in functions),
    ]


KIND = ProbeKind(
    name="chance", summary="random, os.urandom, and so secrets, uuid4 and tempfile", standins=_standins, begin=_begin
)
