"""A hand-written interpreter of tiny programs of tasks, which tries every order of what they do between suspensions.

A program is a text for each task. `r` reads the counter and `w` writes one more than was read; `y` lets others go on;
`l` and `u` take and give back the lock; `s` sets the event, and `e` waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Shop:
    """What tasks share, and by task where it stands, what it has read, and whether it waits."""

    at: tuple[int, ...]
    read: tuple[int, ...]
    count: int = 0
    locked: bool = False
    is_set: bool = False
    waits: tuple[int, ...] = field(default=())  # for the lock, in the order in which they came
    woken: frozenset[int] = frozenset()  # of these, who may have it now
    awaits: frozenset[int] = frozenset()  # for the event


def outcomes(program: Sequence[str]) -> set[int | None]:
    """Return what the counter can be in the end; None if somebody waits for ever."""
    return set(_ends(program, Shop((0,) * len(program), (0,) * len(program))))


def _ends(program: Sequence[str], shop: Shop) -> Iterator[int | None]:
    left = [who for who, text in enumerate(program) if shop.at[who] <= len(text)]
    able = [who for who in left if (who not in shop.waits or who in shop.woken) and who not in shop.awaits]
    if not left:
        yield shop.count
    elif not able:
        yield None
    for who in able:
        yield from _ends(program, _slice(program[who], who, shop))


def _put(values: tuple[int, ...], who: int, value: int) -> tuple[int, ...]:
    return (*values[:who], value, *values[who + 1 :])


def _slice(text: str, who: int, shop: Shop) -> Shop:
    """Have a task go on until it suspends, or ends."""
    place = shop.at[who]
    if who in shop.woken:
        rest = tuple(each for each in shop.waits if each != who)
        shop = replace(shop, locked=True, waits=rest, woken=shop.woken - {who})
    while place < len(text):
        did, place = text[place], place + 1
        stands = replace(shop, at=_put(shop.at, who, place))
        if did == "y":
            return stands
        if did == "e" and not shop.is_set:
            return replace(stands, awaits=shop.awaits | {who})
        if did == "l" and (shop.locked or shop.waits):
            return replace(stands, waits=(*shop.waits, who))
        shop = _done(did, who, shop)
    return replace(shop, at=_put(shop.at, who, len(text) + 1))


def _done(did: str, who: int, shop: Shop) -> Shop:
    match did:
        case "r":
            return replace(shop, read=_put(shop.read, who, shop.count))
        case "w":
            return replace(shop, count=shop.read[who] + 1)
        case "l":
            return replace(shop, locked=True)
        case "u":
            return replace(shop, locked=False, woken=shop.woken | set(shop.waits[:1]))
        case "s":
            return replace(shop, is_set=True, awaits=frozenset())
    return shop


class Program:
    """The same program over asyncio."""

    def __init__(self, program: Sequence[str]) -> None:
        self.program = program
        self.reset()

    def reset(self) -> None:
        self.count, self.lock, self.event = 0, asyncio.Lock(), asyncio.Event()

    async def work(self, who: int) -> None:
        read = 0
        for did in self.program[who - 1]:
            match did:
                case "r":
                    read = self.count
                case "w":
                    self.count = read + 1
                case "y":
                    await asyncio.sleep(0)
                case "l":
                    await self.lock.acquire()
                case "u":
                    self.lock.release()
                case "s":
                    self.event.set()
                case "e":
                    await self.event.wait()
