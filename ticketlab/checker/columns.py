"""Histories as columns: a million operations in a hundred bytes each, not a million objects.

Times and processes stand in arrays. What an operation asked for and returned is its *call*. A table has each distinct
call once, and a row its number there: so a judge classifies calls, of which there are few, instead of operations, of
which there are many.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from ticketlab.core.errors import UsageError
from ticketlab.core.history import Arg, History, Operation
from ticketlab.core.strict_json import brief

LATEST_TIME: Final = (1 << 63) - 1
"""The latest time of an invocation or a return, and the largest number in a call."""
OPEN: Final = (1 << 64) - 1
"""The return time of an operation that never returned: later than any other."""
UNKNOWN: Final = "unknown"
"""The result of an operation that returned without an answer."""
FAILED: Final = "failed"
"""The result of an operation that certainly had no effect."""


class MalformedHistory(UsageError):
    """A history that cannot be judged; the message says where, what was found and what was expected."""


class Call(NamedTuple):
    """What an operation asked for and returned; `arg` and `result` are hashable (a JSON list becomes a tuple)."""

    op: str
    arg: Any
    result: Any
    section: str = ""


class Columns:
    """A history, column by column; row numbers count from 0 in the order of the source.

    `calls[what[row]]` is the row's call. `back[row]` is its return time, or `OPEN`. `first_line` is the line of the
    source that holds row 0, or 0 if rows are counted instead of lines; `lines`, if there are any, are those of all
    rows. Processes that have names are numbered from 1, in the order of `names`.
    """

    __slots__ = (
        "_codes",
        "_numbers",
        "back",
        "calls",
        "first_line",
        "invoke",
        "lines",
        "meta",
        "names",
        "process",
        "what",
    )

    def __init__(self, meta: Mapping[str, Any], first_line: int = 0) -> None:
        self.meta = meta
        self.first_line = first_line
        self.process = array("q")
        self.invoke = array("q")
        self.back = array("Q")  # unsigned, so that `OPEN` is none of the times that a history may have
        self.what = array("l")
        self.lines = array("q")
        self.calls: list[Call] = []
        self._codes: dict[object, int] = {}
        self.names: list[str] = []
        self._numbers: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.what)

    @classmethod
    def of(cls, history: History) -> Columns:
        """Turn a history of objects into columns; times and order of each process are checked as in a file."""
        columns = cls(history.meta)
        for o in history.operations:
            columns.add(o.process, o.op, o.arg, as_tuples(o.result), o.section, o.invoke_ns, o.return_ns)
        columns.check_order()
        return columns

    def add(
        self,
        process: int | str,
        op: str,
        arg: Any,
        result: Any,
        section: str,
        invoke: int,
        returned: int | None,
        *,
        truths: bool = False,
    ) -> None:
        """Add a row; if `returned` is None, the operation never returned and its result is unknown.

        `truths` says that there is a true or a false in the call, which equals 1 or 0, and is yet another call.

        Raises:
            MalformedHistory: a negative time or one too large, a return before its invocation, a result that nobody
                can have seen.
        """
        if returned is None:
            if result is not None and result != UNKNOWN:
                where = self.place(len(self))
                raise MalformedHistory(
                    f"{where}: result is {result!r}, but the operation never returned: null is needed"
                )
            back, result = OPEN, UNKNOWN
        else:
            back = returned
        if not 0 <= invoke <= back or (back > LATEST_TIME and (returned is not None or invoke > LATEST_TIME)):
            self._bad_times(invoke, back)
        call = Call(op, as_tuples(arg) if type(arg) is list else arg, result, section)
        key: object = (call, repr(call)) if truths else call
        code = self._codes.get(key, -1)
        if code < 0:
            self._check_call(call)
            code = self._codes[key] = len(self.calls)
            self.calls.append(call)
        self.process.append(process if type(process) is int and not self.names else self._number(process))
        self.invoke.append(invoke)
        self.back.append(back)
        self.what.append(code)

    def _number(self, name: int | str) -> int:
        """Return the number of a process that has a name."""
        if not isinstance(name, str) or (not self.names and len(self)):
            kind = "name" if self.names else "number"
            where = self.place(len(self))
            raise MalformedHistory(f"{where}: process is {name!r}: expected a {kind}, as in the lines before")
        if name not in self._numbers:
            self.names.append(name)
            self._numbers[name] = len(self.names)
        return self._numbers[name]

    def process_name(self, row: int) -> int | str:
        """Return the row's process, by its name if it has one."""
        number = self.process[row]
        return self.names[number - 1] if self.names else number

    def _check_call(self, call: Call) -> None:
        """Refuse numbers that are too large and texts that cannot be printed; each distinct call is looked at once."""
        for part in _parts((call.op, call.result, call.section, call.arg)):
            if type(part) is int and not -LATEST_TIME <= part <= LATEST_TIME:
                raise MalformedHistory(f"{self.place(len(self))}: a number does not fit into 64 bits")
            if type(part) is str and not part.isascii() and any("\ud800" <= each <= "\udfff" for each in part):
                raise MalformedHistory(f"{self.place(len(self))}: a text holds half a character: {brief(part)}")

    def _bad_times(self, invoke: int, back: int) -> None:
        where = self.place(len(self))
        if invoke < 0:
            raise MalformedHistory(f"{where}: invoke_ns is {invoke}, a negative time")
        if invoke > LATEST_TIME:
            raise MalformedHistory(f"{where}: invoke_ns is {invoke}, later than 64 bits can count")
        if back > LATEST_TIME:
            raise MalformedHistory(f"{where}: return_ns is {back}, later than 64 bits can count")
        raise MalformedHistory(f"{where}: return_ns is {back}, before its invocation at {invoke}")

    def check_order(self, *, coarse: bool = False) -> None:
        """Check that no process has two operations open at once, or invoked two at the same time.

        A `coarse` clock may show the same time for an operation's invocation and return, and for the next invocation.

        An operation may be invoked at the very time at which its process's last one returned. An operation that never
        returned stays open for ever. (A process that gives up waiting and goes on records the time at which it gave up
        as the return, with the result "unknown".)

        Nothing is checked if the history's `meta` has `several_clocks`: its operations are as long as they may have
        been, by clocks that are not known exactly, so those of one process may overlap. No judge relies on it that they
        do not; they say less about the order then, and what they say holds.

        Raises:
            MalformedHistory: a process has; the message names both operations.
        """
        if self.meta.get("several_clocks") is True:
            return
        last: dict[int, int] = {}
        invoke, back, process = self.invoke, self.back, self.process
        rows: Iterable[int] = sorted(range(len(self)), key=back.__getitem__) if coarse else range(len(self))
        for row in sorted(rows, key=invoke.__getitem__):
            who = process[row]
            before = last.get(who)
            if before is not None and (invoke[row] < back[before] or (invoke[row] == invoke[before] and not coarse)):
                self._bad_order(before, row)
            last[who] = row

    def _bad_order(self, before: int, row: int) -> None:
        both = f"{self.place(row)}: process {self.process_name(row)}"
        if self.invoke[row] == self.invoke[before]:
            raise MalformedHistory(
                f"{both} invokes an operation at {self.invoke[row]}, a duplicate time: it invoked that of "
                f"{self.place(before)} at the same time, and a process does one thing at a time"
            )
        until = "never returned" if self.back[before] == OPEN else f"is open until {self.back[before]}"
        raise MalformedHistory(
            f"{both} invokes an operation at {self.invoke[row]}, but its operation of {self.place(before)} {until}: "
            "a process has at most one open operation"
        )

    def place(self, row: int) -> str:
        """Return the place of a row in its source, for a message."""
        return f"line {self.line(row)}" if self.first_line else f"operation {row}"

    def line(self, row: int) -> int:
        """Return the line of a row, or its number if rows are counted instead of lines."""
        return self.lines[row] if row < len(self.lines) else row + self.first_line

    def malformed(self, code: int, message: str) -> MalformedHistory:
        """Build the error for a call that a model cannot take, at the first place where it stands."""
        return MalformedHistory(f"{self.place(self.what.index(code))}: {message}")

    def operation(self, row: int) -> Operation:
        """Return one row as an object."""
        call, back = self.calls[self.what[row]], self.back[row]
        arg: Arg = as_lists(call.arg)
        returned = None if back == OPEN else back
        return Operation(
            self.process[row], call.op, arg, as_lists(call.result), self.invoke[row], returned, call.section
        )

    def unanswered(self, row: int) -> bool:
        """Whether the row's process never learnt the result of its operation."""
        return self.back[row] == OPEN or self.calls[self.what[row]].result == UNKNOWN

    def origin(self) -> int:
        """Return the time of the first invocation, from which a person's sentences count."""
        return min(self.invoke, default=0)


def _parts(value: Any) -> Iterator[Any]:
    """Yield what is in lists of lists."""
    for part in value:
        if type(part) is tuple:
            yield from _parts(part)
        else:
            yield part


def as_tuples(arg: Any) -> Any:
    """Return a value with tuples for its lists, to be a key or part of a call."""
    return tuple(as_tuples(part) for part in arg) if isinstance(arg, list | tuple) else arg


def as_lists(value: Any) -> Any:
    """Return a value with lists for its tuples, as JSON has it."""
    return list(map(as_lists, value)) if isinstance(value, tuple) else value
