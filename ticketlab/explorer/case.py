"""Cases: everything needed to run one schedule again, as a value and as a JSON object that people can read.

Version 4 of the object:

    {"ticketlab": "case", "version": 4,
     "scenario": {"store": "json", "strategy": "none", "buyers": 2, "inventory": {"main": 1}, "quantity": [1, 1],
                  "orders": 1, "seed": 0, "ledger": true},    and, with holds, "hold", "pay" (a list) and "abandon"
     "without": [[3, 1]],                the third buyer's first request was left out
     "faults": [{"who": 1, "point": 3, "fault": "kill"}],   whose point, the how many-th, and what happened there
     "atomic_accesses": false,           whether reads and writes were one step each
     "schedule": [1, 2, 2, 1],           who made each step; services are numbered after the buyers
     "when": [],                         the virtual time of each step in nanoseconds, if time ordered the steps
     "steps": ["read inventory.json", ...],  what each step was, to tell whether the program still repeats itself
     "anomalies": ["oversold"],
     "found": {"policy": "pct:3", "seed": 1, "execution": 17},
     "versions": {"ticketlab": "0.1.0", "python": "3.11.7"}}

Other keys are ignored, and a case in which one of these is missing or misshapen is refused. Versions 1 to 3 are read as
well: version 1 had no faults, version 2 had no times, and up to version 3 `atomic_accesses` was called `whole`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ticketlab.core.errors import UsageError
from ticketlab.core.faults import Fault, FaultPoint
from ticketlab.core.inventory import Inventory
from ticketlab.core.json_fields import JsonField, read_version
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.core.steps import Action
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.analysis.trace import Nondeterminism
from ticketlab.explorer.workload import NOTHING, FaultPoints, Place

VERSION: Final = 4
READABLE: Final = (1, 2, 3, 4)
MOST_REQUESTS: Final = 100_000
"""How many orders a case may have in all; a schedule of more could not be read, let alone found."""
MOST_NUMBER: Final = (1 << 53) - 1
"""The largest whole number that every reader of JSON keeps exactly."""


@dataclass(frozen=True, slots=True)
class Case:
    """One schedule of one scenario, and what it takes to run it again.

    `without` lists the requests that are left out, `fault_points` the faults that are injected, and `when` the virtual
    time of each step, if time ordered the steps. Buyers, requests and points are numbered from 0 here, and from 1 in
    JSON.
    """

    scenario: Scenario
    schedule: tuple[int, ...]
    steps: tuple[str, ...]
    anomalies: tuple[str, ...] = ()
    without: frozenset[Place] = NOTHING
    fault_points: FaultPoints = ()
    when: tuple[int, ...] = ()
    atomic_accesses: bool = False
    found: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The faults that are injected, each listed once."""
        return tuple(dict.fromkeys(point.fault for point in self.fault_points))

    def check(self, execution: Execution) -> None:
        """Check that an execution made the same steps; raises Nondeterminism if it did not."""
        check_steps(self.steps, execution)

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
            "without": places_to_json(self.without),
            "faults": faults_to_json(self.fault_points),
            "atomic_accesses": self.atomic_accesses,
            "schedule": [who + 1 for who in self.schedule],
            "when": list(self.when),
            "steps": list(self.steps),
            "anomalies": list(self.anomalies),
            "found": dict(self.found),
            "versions": dict(self.versions),
        }

    @classmethod
    def from_json(cls, data: object, source: str = "this case") -> Case:
        """Read a case back; `source` names it in errors.

        Raises:
            UsageError: it is no case, one of another version, or misshapen; the message says which and where.
        """
        fields = JsonField(data, source)
        version = read_version(fields, "ticketlab", "case", "a case of ticketlab", READABLE)
        schedule = fields["schedule"].list_of(_number)
        when = fields["when"].list_of(_number) if version >= 3 else []
        if when and len(when) != len(schedule):
            raise fields["when"].wrong("a time for each step of the schedule, or none at all,")
        return cls(
            scenario=_scenario(fields["scenario"]),
            schedule=tuple(who - 1 for who in schedule),
            steps=tuple(map(_step_now, fields["steps"].list_of(JsonField.text))),
            anomalies=tuple(fields["anomalies"].list_of(JsonField.text)),
            without=frozenset(map(read_place, fields["without"].items())),
            fault_points=tuple(fields["faults"].list_of(read_fault_point)) if version >= 2 else (),
            when=tuple(when),
            atomic_accesses=fields["atomic_accesses" if version >= 4 else "whole"].flag(),
            found=fields["found"].object(),
            versions=fields["versions"].dict_of(JsonField.text),
        )


def check_steps(saved: Sequence[str], execution: Execution) -> None:
    """Check that an execution made the steps of a case; raises Nondeterminism, naming the first that differs."""
    now = execution.steps
    for place, (before, after) in enumerate(zip(saved, now, strict=False), 1):
        if before != after:
            raise Nondeterminism(f"step {place} was {before!r} when the case was saved and is {after!r} now")
    if len(now) < len(saved):
        raise Nondeterminism(f"step {len(now) + 1} was {saved[len(now)]!r} when the case was saved and is not made now")
    if len(now) > len(saved):
        raise Nondeterminism(f"the case has {len(saved)} steps, but {len(now)} were made now")


def places_to_json(places: Collection[Place]) -> list[list[int]]:
    """Return requests as a case lists them."""
    return [[buyer + 1, place + 1] for buyer, place in sorted(places)]


def faults_to_json(fault_points: FaultPoints) -> list[dict[str, Any]]:
    """Return faults as a case lists them."""
    return [{"who": who + 1, "point": point + 1, "fault": str(fault)} for who, point, fault in fault_points]


def _step_now(step: str) -> str:
    """Return a step as it is written now: up to version 3, a step of a fault began with "struck by"."""
    before = "struck by "
    return f"{Action.FAULT.value} {step.removeprefix(before)}" if step.startswith(before) else step


def _scenario(fields: JsonField) -> Scenario:
    low, high = fields["quantity"].list_of(_number, length=2)
    holds = "hold" in fields
    soonest, latest = fields["pay"].list_of(JsonField.number, length=2) if holds else (0.0, 0.0)
    buyers, orders = fields["buyers"].whole(), fields["orders"].whole()
    if buyers > MOST_REQUESTS or buyers * orders > MOST_REQUESTS:
        raise UsageError(
            f"this case has {buyers} buyers with {orders} orders each: {MOST_REQUESTS:,} in all is the most"
        )
    return Scenario(
        store=Spec.parse(fields["store"].text()),
        strategy=Spec.parse(fields["strategy"].text()),
        buyers=buyers,
        inventory=Inventory(fields["inventory"].dict_of(JsonField.whole)),
        quantity=(low, high),
        orders=orders,
        seed=fields["seed"].whole(),
        ledger=fields["ledger"].flag(),
        hold=fields["hold"].number() if holds else 0.0,
        pay=(soonest, latest),
        abandon=fields["abandon"].number() if holds else 0.0,
    )


def _number(field: JsonField) -> int:
    return field.whole(least=1, most=MOST_NUMBER)


def read_place(field: JsonField) -> Place:
    """Read a request as a case lists it."""
    buyer, place = field.list_of(_number, length=2)
    return buyer - 1, place - 1


def read_fault_point(field: JsonField) -> FaultPoint:
    """Read a fault as a case lists it."""
    return FaultPoint(_number(field["who"]) - 1, _number(field["point"]) - 1, Fault.parse(field["fault"].text()))
