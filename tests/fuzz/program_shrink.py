"""Shrinking: the smallest program that still shows a disagreement of the same kind."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from .explorer_judge import POLICIES, Disagreement, disagreements
from .independent_explorer import TooLarge
from .independent_programs import Program, instructions, well_formed
from .random_programs import Drawn


def shrink(drawn: Drawn, wanted: Disagreement, deadline: float = 20.0) -> tuple[Drawn, Disagreement]:
    """Return the smallest program found that shows a disagreement of the same kind, and that disagreement."""
    until = time.monotonic() + deadline
    policies = POLICIES if wanted.policy == "both" else (wanted.policy,)

    def shows(candidate: Drawn) -> Disagreement | None:
        try:
            found = disagreements(candidate, policies=policies)
        except (TooLarge, KeyError, IndexError):
            return None
        return next((one for one in found if one.kind == wanted.kind), None)

    best, shown = drawn, wanted
    again = True
    while again and time.monotonic() < until:
        again = False
        for candidate in _smaller(best):
            if time.monotonic() > until:
                break
            now = shows(candidate) if well_formed(candidate.program) else None
            if now is not None:
                best, shown, again = candidate, now, True
                break
    return best, shown


def _smaller(drawn: Drawn) -> Iterator[Drawn]:
    def with_(program: Program, **changes: str) -> Drawn:
        values = {"fault": drawn.fault, "executor": drawn.executor} | changes
        return Drawn(drawn.family, program, **values)

    program = drawn.program
    if drawn.fault:
        yield with_(program, fault="")
    if drawn.executor != "inline" and drawn.fault != "kill":
        yield with_(program, executor="inline")
    for who in range(len(program)):
        if len(program) > 1:
            yield with_(program[:who] + program[who + 1 :])
    for who, body in enumerate(program):
        for shorter in _shorter(body):
            yield with_((*program[:who], shorter, *program[who + 1 :]))


def _shorter(body: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    for place, one in enumerate(body):
        before, after = body[:place], body[place + 1 :]
        yield before + after
        for number, part in enumerate(one):
            if isinstance(part, tuple):
                yield before + part + after
                for inner in _shorter(part):
                    yield (*before, (*one[:number], inner, *one[number + 1 :]), *after)
        for simpler in _simpler(one):
            yield (*before, simpler, *after)


def _simpler(one: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    name = one[0]
    if name in ("retry", "within"):
        if one[-1] == "retry":
            yield (*one[:-1], "")
        if one[1] > (2 if name == "retry" else 1):
            yield (name, one[1] - 1, *one[2:])
        if one[4] > 1:
            yield (*one[:4], 1, *one[5:])
    if name == "sleep" and one[1] > 1:
        yield ("sleep", 1)
    for number, part in enumerate(one[1:], 1):
        if part in ("b", "c") and isinstance(part, str):
            yield (*one[:number], "a", *one[number + 1 :])
        if part in ("y", "z"):
            yield (*one[:number], "x", *one[number + 1 :])
        if part in ("m1", "r1", "s2", "s1", "r0") and name in ("with", "try"):
            yield (*one[:number], "m0", *one[number + 1 :])
        if part == 2 and name in ("write", "cas", "until", "send"):
            yield (*one[:number], 1, *one[number + 1 :])


def features(drawn: Drawn) -> tuple[str, ...]:
    """Return what a shrunk program is made of, as far as it tells classes of disagreement apart."""
    found = set()
    for each in drawn.program:
        for one in instructions(each):
            name = str(one[0])
            if name == "retry":
                name = ("bounded" if one[1] else "unbounded") + " retry" + (", noted" if one[-1] == "retry" else "")
            if name == "within" and one[-1] == "retry":
                name = "within, noted"
            if name in ("with", "try"):
                name += (
                    " "
                    + {"m": "mutex", "r": "re-entrant", "s": "semaphore", "w": "shared lock"}[
                        one[1 if name == "with" else 2][0]
                    ]
                )
            found.add(name)
    return (*sorted(found), *([drawn.fault] if drawn.fault else []))
