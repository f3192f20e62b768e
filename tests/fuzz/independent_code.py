"""Compilation of a program for the independent explorer: an instruction becomes one step, or jumps taken at once."""

from __future__ import annotations

from typing import Any

from .independent_programs import REGISTERS, Instruction, Participant

Op = tuple[Any, ...]
LOCAL = frozenset(("jump", "unless", "count", "again", "late", "sleep"))


class Code:
    """One participant's flat code; `inside[i]` are the locks held before op i, the innermost last."""

    def __init__(self, body: Participant, places: dict[str, int], *, clock: bool) -> None:
        self.ops: list[Op] = []
        self.inside: list[tuple[int, ...]] = []
        self.registers = len(REGISTERS)
        self._places = places
        self._clock = clock
        self._held: tuple[int, ...] = ()
        self._body(body)
        self.inside.append(())

    def _emit(self, *op: Any) -> int:
        self.ops.append(op)
        self.inside.append(self._held)
        return len(self.ops) - 1

    def _hidden(self) -> int:
        self.registers += 1
        return self.registers - 1

    def _body(self, body: tuple[Instruction, ...]) -> None:
        for one in body:
            getattr(self, "_" + one[0])(*one[1:])

    def _patch(self, *places: int) -> None:
        for place in places:
            self.ops[place] = (*self.ops[place][:-1], len(self.ops))

    def _read(self, r: str, x: str) -> None:
        self._emit("read", self._places[x], REGISTERS.index(r))

    def _write(self, x: str, v: int) -> None:
        self._emit("write", self._places[x], v)

    def _store(self, x: str, r: str, k: int) -> None:
        self._emit("store", self._places[x], REGISTERS.index(r), k)

    def _add(self, x: str, k: int) -> None:
        self._emit("add", self._places[x], k)

    def _cas(self, r: str, x: str, old: int, new: int) -> None:
        self._emit("cas", self._places[x], REGISTERS.index(r), old, new)

    def _until(self, x: str, v: int) -> None:
        self._emit("until", self._places[x], v)

    def _send(self, q: str, v: int) -> None:
        self._emit("send", self._places[q], v)

    def _receive(self, r: str, q: str) -> None:
        self._emit("receive", self._places[q], REGISTERS.index(r))

    def _peek(self, r: str, q: str) -> None:
        self._emit("peek", self._places[q], REGISTERS.index(r))

    def _mark(self, x: str) -> None:
        self._emit("mark", self._places[x])

    def _elapsed(self, r: str, x: str) -> None:
        self._emit("elapsed", self._places[x], REGISTERS.index(r))

    def _sleep(self, d: int) -> None:
        if self._clock:
            self._emit("sleep", d)

    def _if(self, r: str, v: int, body: tuple[Instruction, ...]) -> None:
        start = self._emit("unless", REGISTERS.index(r), v, None)
        self._body(body)
        self._patch(start)

    def _held_in(self, lock: str, body: tuple[Instruction, ...]) -> None:
        before = self._held
        self._held = (*before, self._places[lock])
        self._body(body)
        self._held = before
        self._emit("release" + lock[0], self._places[lock])

    def _with(self, lock: str, body: tuple[Instruction, ...]) -> None:
        self._emit("acquire" + lock[0], self._places[lock])
        self._held_in(lock, body)

    def _shared(self, lock: str, body: tuple[Instruction, ...]) -> None:
        self._emit("share", self._places[lock])
        self._held_in(lock, body)

    def _try(self, r: str, lock: str, body: tuple[Instruction, ...]) -> None:
        hidden = self._hidden()
        self._emit("try" + lock[0], self._places[lock], REGISTERS.index(r), hidden)
        start = self._emit("unless", hidden, 1, None)
        self._held_in(lock, body)
        self._patch(start)

    def _retry(self, n: int, r: str, v: int, d: int, body: tuple[Instruction, ...], _notes: str = "") -> None:
        tries = self._hidden()
        self._emit("count", tries, n)
        top = len(self.ops)
        self._body(body)
        go_on = self._emit("unless", REGISTERS.index(r), v, None)
        done = self._emit("jump", None)
        self._patch(go_on)
        self._sleep(d)
        self._emit("again", tries, top) if n else self._emit("jump", top)
        self._patch(done)

    def _within(self, limit: int, r: str, v: int, d: int, body: tuple[Instruction, ...], _notes: str = "") -> None:
        top = len(self.ops)
        self._body(body)
        go_on = self._emit("unless", REGISTERS.index(r), v, None)
        done = self._emit("jump", None)
        self._patch(go_on)
        late = self._emit("late", limit, None)
        self._sleep(d)
        self._emit("jump", top)
        self._patch(done, late)


# A participant's own state: (place, registers, time left to sleep, time since the mark, steps made).
_PLACE, _REGS, _LEFT, _AGE, _MADE = range(5)
