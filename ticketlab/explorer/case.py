"""Cases: everything needed to run one schedule again, as a value and as a JSON object that people can read.

Version 3 of the object:

    {"ticketlab": "case", "version": 3,
     "scenario": {"store": "json", "strategy": "none", "buyers": 2, "inventory": {"main": 1}, "quantity": [1, 1],
                  "orders": 1, "seed": 0, "ledger": true},    and, with holds, "hold", "pay" (a list) and "abandon"
     "without": [[3, 1]],                the third buyer's first request was left out
     "faults": [{"who": 1, "point": 3, "fault": "kill"}],   what struck whom, before which of its steps
     "whole": false,                     whether reads and writes were one step each
     "schedule": [1, 2, 2, 1],           who made each step, buyers first, staff after them
     "when": [],                         the virtual time of each in nanoseconds, where time ordered them
     "steps": ["read inventory.json", ...],  what each was, to tell whether the program still repeats itself
     "anomalies": ["oversold"],
     "found": {"policy": "pct:3", "seed": 1, "execution": 17},
     "versions": {"ticketlab": "0.1.0", "python": "3.11.7"}}

Keys beyond these are kept out; a missing or misshapen one is refused. Version 1 had no faults and version 2 no
times; both are read as well, and every other version is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from ticketlab.core.errors import UsageError
from ticketlab.core.faults import Fault, FaultPoint
from ticketlab.core.inventory import Inventory
from ticketlab.core.pacing import Action
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.core.strict_json import brief
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.analysis.trace import Nondeterminism
from ticketlab.explorer.workload import NOTHING, FaultPoints, Place

VERSION: Final = 3
READABLE: Final = (1, 2, 3)
MOST_REQUESTS: Final = 100_000
"""How many orders a case may have in all; a schedule of so many could not be read, let alone found."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Case:
    """One schedule of one scenario. Buyers, requests and points count from 0 here, and from 1 in JSON."""

    scenario: Scenario
    schedule: tuple[int, ...]
    steps: tuple[str, ...]
    anomalies: tuple[str, ...] = ()
    without: frozenset[Place] = NOTHING
    strikes: FaultPoints = ()
    when: tuple[int, ...] = ()
    atomic_accesses: bool = False
    found: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The faults that strike, each once."""
        return tuple(dict.fromkeys(strike.fault for strike in self.strikes))

    def check(self, execution: Execution) -> None:
        """Check that an execution made the same steps; raises Nondeterminism where it did not."""
        now = execution.steps
        for place, (before, after) in enumerate(zip(self.steps, now, strict=False)):
            if before != after:
                raise Nondeterminism(f"step {place + 1} was {before!r} when the case was saved and is {after!r} now")
        if len(now) != len(self.steps):
            raise Nondeterminism(f"the case has {len(self.steps)} steps, but {len(now)} were made now")

    def to_json(self) -> dict[str, Any]:
        """Return the case as a JSON object."""
        scenario = self.scenario
        return {
            "ticketlab": "case",
            "version": VERSION,
            "scenario": {
                "store": str(scenario.store),
                "strategy": str(scenario.strategy),
                "buyers": scenario.buyers,
                "inventory": dict(scenario.inventory.sections),
                "quantity": list(scenario.quantity),
                "orders": scenario.orders,
                "seed": scenario.seed,
                "ledger": scenario.ledger,
            }
            | (
                {"hold": scenario.hold, "pay": list(scenario.pay), "abandon": scenario.abandon} if scenario.hold else {}
            ),
            "without": [[buyer + 1, place + 1] for buyer, place in sorted(self.without)],
            "faults": [{"who": who + 1, "point": point + 1, "fault": str(fault)} for who, point, fault in self.strikes],
            "whole": self.atomic_accesses,
            "schedule": [who + 1 for who in self.schedule],
            "when": list(self.when),
            "steps": list(self.steps),
            "anomalies": list(self.anomalies),
            "found": dict(self.found),
            "versions": dict(self.versions),
        }

    @classmethod
    def from_json(cls, data: object) -> Case:
        """Read a case back.

        Raises:
            UsageError: it is no case, one of another version, or misshapen; the message says which and where.
        """
        if not isinstance(data, dict) or data.get("ticketlab") != "case":
            raise UsageError('this is no ticketlab case: a case is a JSON object with "ticketlab": "case"')
        if type(data.get("version")) is not int or data["version"] not in READABLE:
            raise UsageError(
                f"this case has version {brief(data.get('version'))}, and this ticketlab reads versions 1 to 3: "
                "explore the scenario again, or replay it with the ticketlab that saved it"
            )
        fields = _Fields(data, "")
        when = tuple(fields.take("when", _numbers)) if data["version"] >= 3 else ()
        if when and len(when) != len(fields.take("schedule", _numbers)):
            raise UsageError("this case says when some of its steps were made, and not when the others were")
        return cls(
            when=when,
            scenario=_scenario(_Fields(fields.take("scenario", _object), "scenario.")),
            schedule=tuple(who - 1 for who in fields.take("schedule", _numbers)),
            steps=tuple(map(_step_now, fields.take("steps", _texts))),
            anomalies=tuple(fields.take("anomalies", _texts)),
            without=frozenset((buyer - 1, place - 1) for buyer, place in fields.take("without", _pairs)),
            strikes=tuple(fields.take("faults", _strikes)) if data["version"] != 1 else (),
            atomic_accesses=fields.take("whole", _flag),
            found=fields.take("found", _object),
            versions=fields.take("versions", _named),
        )


def _step_now(step: str) -> str:
    """Return a step as it is written now: cases of older labs say of a fault that its victim was struck by it."""
    before = "struck by "
    return f"{Action.FAULT.value} {step.removeprefix(before)}" if step.startswith(before) else step


def _scenario(fields: _Fields) -> Scenario:
    low, high = fields.take("quantity", _pair)
    holds = fields.has("hold")
    soonest, latest = fields.take("pay", _times) if holds else (0.0, 0.0)
    buyers, orders = fields.take("buyers", _number), fields.take("orders", _number)
    if buyers > MOST_REQUESTS or buyers * orders > MOST_REQUESTS:
        raise UsageError(
            f"this case has {buyers} buyers with {orders} orders each: {MOST_REQUESTS:,} in all is the most"
        )
    return Scenario(
        store=Spec.parse(fields.take("store", _text)),
        strategy=Spec.parse(fields.take("strategy", _text)),
        buyers=buyers,
        inventory=Inventory(fields.take("inventory", _counts)),
        quantity=(low, high),
        orders=orders,
        seed=fields.take("seed", _number),
        ledger=fields.take("ledger", _flag),
        hold=fields.take("hold", _time) if holds else 0.0,
        pay=(soonest, latest),
        abandon=fields.take("abandon", _time) if holds else 0.0,
    )


class _Misshapen(Exception):
    """What was expected instead."""


class _Fields:
    def __init__(self, data: Mapping[str, Any], where: str) -> None:
        self._data = data
        self._where = where

    def has(self, key: str) -> bool:
        return key in self._data

    def take(self, key: str, read: Callable[[Any], T]) -> T:
        if key not in self._data:
            raise UsageError(f"this case has no {self._where}{key}")
        try:
            return read(self._data[key])
        except _Misshapen as expected:
            raise UsageError(
                f"{self._where}{key} of this case is {brief(self._data[key])}: {expected} is needed"
            ) from None


def _number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _Misshapen("a whole number")
    return value


def _time(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Misshapen("a number")
    return float(value)


def _times(value: Any) -> tuple[float, float]:
    times = [_time(one) for one in _list(value, _time)]
    if len(times) != 2:
        raise _Misshapen("a list of two numbers")
    return times[0], times[1]


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _Misshapen("true or false")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _Misshapen("a text")
    return value


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Misshapen("an object")
    return value


def _counts(value: Any) -> dict[str, int]:
    return {name: _number(tickets) for name, tickets in _object(value).items()}


def _list(value: Any, read: Callable[[Any], T]) -> list[T]:
    if not isinstance(value, list):
        raise _Misshapen("a list")
    return [read(one) for one in value]


def _place(value: Any) -> int:
    if not 1 <= _number(value) < 1 << 53:
        raise _Misshapen("numbers from 1")
    return int(value)


def _numbers(value: Any) -> list[int]:
    return _list(value, _place)


def _texts(value: Any) -> list[str]:
    return _list(value, _text)


def _pair(value: Any) -> tuple[int, int]:
    numbers = _list(value, _place)
    if len(numbers) != 2:
        raise _Misshapen("a list of two numbers")
    return numbers[0], numbers[1]


def _named(value: Any) -> dict[str, str]:
    return {key: _text(text) for key, text in _object(value).items()}


def _strikes(value: Any) -> list[FaultPoint]:
    return _list(value, _strike)


def _strike(value: Any) -> FaultPoint:
    fields = _Fields(_object(value), "faults' ")
    fault = Fault.parse(fields.take("fault", _text))
    return FaultPoint(fields.take("who", _place) - 1, fields.take("point", _place) - 1, fault)


def _pairs(value: Any) -> list[tuple[int, int]]:
    return _list(value, _pair)
