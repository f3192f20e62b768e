"""Programs of concurrent machines: what each participant calls, as it is drawn, printed and run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from ticketlab.core.errors import UsageError, unknown_name
from ticketlab.testing.machines.declare import Bundle, Method

_MOST_CHOICES: Final = 7
"""A result of a bundle is drawn by a number up to this one, and taken among those that there are."""


@dataclass(frozen=True, slots=True)
class MachineProgram:
    """What the participants of a machine call: by participant, a list of rules with their arguments.

    `initial` has the arguments of `@initialize` methods by name. An argument from a bundle is a number: it says which
    of the results there are then is taken, counted around. `delays`, if Hypothesis draws timings, are those before the
    first steps of each participant, in microseconds of virtual time.
    """

    participants: Sequence[Sequence[tuple[str, Mapping[str, Any]]]]
    initial: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    delays: Sequence[Sequence[int]] = ()

    def __repr__(self) -> str:
        lists = [[(name, dict(given)) for name, given in calls] for calls in self.participants]
        initial = {name: dict(given) for name, given in self.initial.items()}
        more = f", {initial!r}" if any(initial.values()) else ""
        more += f", delays={[list(own) for own in self.delays]!r}" if any(self.delays) else ""
        return f"MachineProgram({lists!r}{more})"


class ResultOf(NamedTuple):
    """In place of an argument: the result of the participant's own call at `place`, or of an `@initialize` method."""

    place: int | str

    def __repr__(self) -> str:
        return f"result of {self.place}" if isinstance(self.place, str) else f"result of call {self.place + 1}"


class PlannedCall(NamedTuple):
    """One call of a participant, and where the results that it takes come from."""

    op: str
    arguments: Mapping[str, Any]

    def __str__(self) -> str:
        return called(self.op, self.arguments)

    def given(self, results: Sequence[Any], initial: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the arguments once earlier results are known; None if the call is not made, as one of them is None."""
        found = {}
        for name, value in self.arguments.items():
            if isinstance(value, ResultOf):
                value = initial[value.place] if isinstance(value.place, str) else results[value.place]
                if value is None:
                    return None
            found[name] = value
        return found


def called(op: str, arguments: Mapping[str, Any]) -> str:
    """Return a call as people write it: a single argument without its name."""
    if len(arguments) == 1:
        return f"{op}({next(iter(arguments.values()))!r})"
    return f"{op}({', '.join(f'{name}={value!r}' for name, value in arguments.items())})"


@dataclass(frozen=True, slots=True)
class ProgramRules:
    """The rules by which programs are made, by name."""

    rules: Mapping[str, Method]
    initial: Mapping[str, Method]
    participants: int
    calls: int
    timed: bool = False

    def strategy(self) -> Any:
        """Return the Hypothesis strategy that draws programs; it shrinks to fewer participants, then to fewer calls."""
        from hypothesis import strategies as st

        from ticketlab.timings.hypothesis_strategies import timings

        def arguments(method: Method) -> Any:
            choice = st.integers(0, _MOST_CHOICES)
            drawn = method.declared.arguments.items()
            return st.fixed_dictionaries({name: choice if isinstance(of, Bundle) else of for name, of in drawn})

        one = [st.tuples(st.just(name), arguments(method)) for name, method in self.rules.items()]
        own = st.lists(st.one_of(one), min_size=1, max_size=self.calls)
        everybody = st.lists(own, min_size=2, max_size=self.participants)
        initial = st.fixed_dictionaries({name: arguments(method) for name, method in self.initial.items()})
        if not self.timed:
            return st.builds(MachineProgram, everybody, initial)
        return st.builds(
            MachineProgram, everybody, initial, timings(self.participants).map(lambda timing: timing.delays)
        )

    def plan(self, program: MachineProgram) -> tuple[list[list[PlannedCall]], list[PlannedCall]]:
        """Return the calls of each participant that makes any, and those before all.

        Calls whose bundle is empty are left out. Raises UsageError for a rule or an argument that there is not.
        """
        before, pool = list[PlannedCall](), list[tuple[str, ResultOf]]()
        for name, method in self.initial.items():
            before += self._planned(method, program.initial.get(name, {}), pool, ResultOf(name))
        everybody = []
        for calls in program.participants:
            own, mine = list[PlannedCall](), list(pool)
            for name, given in calls:
                if name not in self.rules:
                    raise unknown_name("rule", name, list(self.rules))
                own += self._planned(self.rules[name], given, mine, ResultOf(len(own)))
            pool[:] = [each for each in pool if each in mine]  # what one has consumed is not there for the next
            if own:
                everybody.append(own)
        return everybody, before

    def _planned(
        self, method: Method, given: Mapping[str, Any], pool: list[tuple[str, ResultOf]], result: ResultOf
    ) -> Iterator[PlannedCall]:
        """Yield the call, if each bundle that it takes from has something, and put its result where it belongs."""
        wanted = method.declared.arguments
        if given.keys() != wanted.keys():
            raise UsageError(f"{method.name} takes {', '.join(wanted) or 'nothing'}, and not {', '.join(given)}")
        arguments: dict[str, Any] = {}
        for name, of in wanted.items():
            if not isinstance(of, Bundle):
                arguments[name] = given[name]
                continue
            found = [each for each in pool if each[0] == of.name]
            if not found:
                return
            taken = found[given[name] % len(found)]
            arguments[name] = taken[1]
            if of.consumed:
                pool.remove(taken)
        if method.declared.target is not None:
            pool.append((method.declared.target.name, result))
        yield PlannedCall(method.name, arguments)
