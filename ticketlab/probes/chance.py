"""Chance: the same draws in every execution, and others for each participant."""

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
_draws = random.Random()  # what os.urandom gives a participant
_fresh = [False, False]  # whether the module's generator, and ours, are as an execution begins


def _begin() -> None:
    _fresh[:] = False, False
    tempfile = sys.modules.get("tempfile")
    if tempfile is not None:
        tempfile._name_sequence = None  # type: ignore[attr-defined]  # its generator went on from the last execution


def _ours() -> random.Random:
    if not _fresh[1]:
        _fresh[1] = True
        _seed(_draws, 2 * HERE.who)
    return _draws


def _random_bytes(size: int, /) -> bytes:
    return _ours().randbytes(size) if HERE.acts() else _urandom(size)


def _seed_generator(self: random.Random, a: Any = None, version: int = 2) -> None:
    if a is None and HERE.acts():
        a = _ours().getrandbits(64)
    if self is _shared():
        _fresh[0] = True
    _seed(self, a, version)


def _shared() -> random.Random:
    shared: random.Random = random._inst  # whose methods the module's functions are
    return shared


def _repeating(original: Callable[..., Any]) -> Callable[..., Any]:
    """Return what stands in for a function of the generator that a process shares."""

    @wraps(original)
    def standin(*args: Any, **kwargs: Any) -> Any:
        if not _fresh[0] and HERE.acts():
            _fresh[0] = True
            _seed(_shared(), 2 * HERE.who + 1)
        return original(*args, **kwargs)

    return standin


def _standins() -> Sequence[StandIn]:
    functions = [
        value
        for name, value in vars(random).items()
        if getattr(value, "__self__", None) is _shared() and name not in ("seed", "setstate", "getstate")
    ]
    return [
        StandIn(_urandom, wraps(_urandom)(_random_bytes)),
        StandIn(_seed, _seed_generator, random.Random, "seed"),
        *(StandIn(function, _repeating(function)) for function in functions),
    ]


KIND = ProbeKind(
    name="chance", summary="random, os.urandom, and so secrets, uuid4 and tempfile", standins=_standins, begin=_begin
)
