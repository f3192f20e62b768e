"""The copies of the store `private`: one for each process, and in an exploration one for each participant."""

from __future__ import annotations

from pathlib import Path

import pytest

from ticketlab import explore, race
from ticketlab.core.inventory import Inventory
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.plugins.registry import store_kind
from ticketlab.lab.racing.options import RaceOptions

pytestmark = pytest.mark.usefixtures("in_tmp_path")


@pytest.mark.parametrize("executor", ["inline", "processes"])
@pytest.mark.parametrize("strategy", ["none", "lock"])
def test_every_schedule_goes_wrong_as_a_race_does(strategy: str, executor: str) -> None:
    scenario = Scenario.of("private", strategy, buyers=2, tickets=1)
    found = explore(scenario, ExploreOptions(executor=executor, exhaust=True))
    assert found.exhausted
    raced = {anomaly.name for anomaly in race(scenario, RaceOptions(launcher=Spec("process"))).verdict.anomalies}
    assert raced >= {"oversold", "ticket sold twice"}
    assert dict(found.names) == dict.fromkeys(raced, found.executions)


def test_a_reset_reaches_the_copy_of_the_process(tmp_path: Path) -> None:
    store = store_kind(Spec("private")).make(Spec("private"), tmp_path)
    store.create(Inventory({"main": 2}), ledger=True)
    with store.session() as session:
        stock = session.read("main")
        session.write(stock._replace(remaining=1), None)
        assert session.read("main").remaining == 1
        store.reset()
        assert session.read("main").remaining == 2
    store.close()
