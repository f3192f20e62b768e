"""How many unsynchronized live races become a case, and how many of its replays go wrong in the same way.

python -m tests.soak.live_cases --races 100 --replays 20
"""

from __future__ import annotations

import argparse
from collections import Counter
from itertools import cycle, islice

from ticketlab import race, replay
from ticketlab.core.scenario import Scenario
from ticketlab.lab.exploring.from_race import case_of_race
from ticketlab.lab.racing.options import RaceOptions
from ticketlab.timings.latency import Latency

STORES = ("json", "json:rename", "sqlite", "manager")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--races", type=int, default=100)
    parser.add_argument("--replays", type=int, default=20)
    parser.add_argument("--buyers", type=int, default=100)
    given = parser.parse_args()
    count: Counter[str] = Counter()
    for store in islice(cycle(STORES), given.races):
        scenario = Scenario.of(store, buyers=given.buyers, tickets=5)
        raced = race(scenario, RaceOptions(latency=Latency.parse("write=20ms"), timeline=True))
        if not raced.verdict.anomalies:
            count["correct by luck"] += 1
            continue
        made = case_of_race(scenario, raced)
        if made is None:
            count["no schedule found"] += 1
            continue
        count["cases"] += 1
        count["of which all buyers did the same"] += made.alike == given.buyers
        wanted = set(made.finding.case.anomalies)
        again = [{each.name for each in replay(made.finding.case).anomalies} for _ in range(given.replays)]
        count["of which every replay went wrong in the same way"] += all(wanted <= names for names in again)
    print(f"{given.races} races of {given.buyers} buyers with nothing that guards them:")
    for what, times in count.items():
        print(f"{times:6} {what}")


if __name__ == "__main__":
    main()
