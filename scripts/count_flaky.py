"""Count how often a Hypothesis test of real processes contradicts itself, in real and in virtual time.

The property: two buyers, one ticket in a JSON file, nothing guarding, each delayed as Hypothesis drew, and the
second one by 2 ms more: never oversold.
It is false, and the question is whether a run says so the same way each time. `live` lets the processes sleep on the
wall clock, as a test without a lab has to; `lab` orders the same processes by virtual time.

    uv run python scripts/count_flaky.py [runs]
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from hypothesis import Phase, given, settings

from ticketlab import run_plan
from ticketlab.core.inventory import Buy, Inventory
from ticketlab.core.plugin import Session
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.lab.plugins.registry import store_kind
from ticketlab.timings import Timing, timings

FORK = get_context("fork")
SCENARIO = Scenario.of("json:in-place", buyers=2, tickets=1)
HOW = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=25,
    phases=[Phase.generate, Phase.shrink],
    report_multiple_bugs=False,
)


def purchase(session: Session, delays: tuple[int, ...], buyer: int) -> bool:
    """Read, check, write, with the first delay before the read and the second one before the write; say if it sold."""
    before = [*delays, 0, 0]
    time.sleep(before[0] / 1e6)
    change = Buy(buyer, "main").on(session.read("main"))
    time.sleep(before[1] / 1e6)
    if change.stock is not None:
        session.write(change.stock, change.entry)
    return change.stock is not None


def second_comes_later(timing: Timing) -> Timing:
    """Put the second buyer off by 2 ms."""
    first, second = timing.delays
    return Timing((first, ((second[0] if second else 0) + 2_000, *second[1:])))


def live(timing: Timing) -> bool:
    """Whether processes that really sleep sell no more than there is."""
    with tempfile.TemporaryDirectory() as folder:
        store = store_kind(SCENARIO.store).make(Spec.parse("json:in-place"), Path(folder))
        store.create(Inventory.of(1), ledger=True)
        sold = FORK.Array("i", 2)
        gate = FORK.Barrier(2)

        def buyer(number: int) -> None:
            with store.session() as session:
                gate.wait()
                sold[number - 1] = purchase(session, timing.delays[number - 1], number)

        buyers = [FORK.Process(target=partial(buyer, number)) for number in (1, 2)]
        for each in buyers:
            each.start()
        for each in buyers:
            each.join()
        return not all(sold[:])


def lab(timing: Timing) -> bool:
    """The same by virtual time, on real processes."""
    return run_plan(SCENARIO, timing, executor="processes").valid


def said(holds: Callable[[Timing], bool]) -> str:
    """Return what one run of the test says: passed, or how it failed and on which minimal example."""
    last: list[Timing] = []

    @HOW
    @given(timings(buyers=2, steps=2, longest=4_000))
    def never_oversells(timing: Timing) -> None:
        last.append(timing)
        assert holds(second_comes_later(timing))

    try:
        never_oversells()
    except BaseException as error:
        kind = "Flaky" if "lak" in type(error).__name__ or "Inconsistent" in str(error) else type(error).__name__
        return f"{kind} on {last[-1]}" if kind == "AssertionError" else kind
    return "passed"


def main() -> None:
    """Print what the runs of each kind said."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    for name, holds in (("live", live), ("lab", lab)):
        answers = Counter(said(holds) for _ in range(runs))
        flaky = sum(count for answer, count in answers.items() if answer == "Flaky")
        print(f"{name}: {flaky} of {runs} runs flaky, {len(answers)} different outcomes")
        for answer, count in answers.most_common():
            print(f"  {count:3} x {answer}")


if __name__ == "__main__":
    main()
