"""What the readers are fuzzed with: the lab's own documents, and seeded ways to damage them."""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import chdir
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final

from tests.fuzz import document_readers as reads
from tests.fuzz.document_bombs import edn_bombs, history_bombs, json_bombs, message_bombs, toml_bombs
from tests.fuzz.document_damage import damaged_bytes, damaged_value
from tests.fuzz.document_readers import Read

NAMES: Final = (
    "stock", "case", "result", "timeline", "history", "packed", "edn", "baseline", "runs", "report", "picture",
    "threshold", "settings", "spec", "latency", "message",
)  # fmt: skip
"""Of the readers, in their order: tests are named after them before the documents are made."""


@dataclass(frozen=True)
class Reader:
    """One reader, and what it is fed with.

    `open` returns what reads an input, from a file of the name `file`, and is called in the process in which it will;
    `weight` is its share of all inputs. Documents that are JSON, or lines of JSON, are damaged in their structure too.
    `bombs` are meant to fill the memory or to take for ever.
    """

    name: str
    documents: Sequence[bytes]
    open: Callable[[], Read]
    weight: int
    file: str = "input"
    structured: bool = True
    lines: bool = False
    bombs: Callable[[], Iterable[bytes]] = lambda: ()

    def mutate(self, draw: Random) -> bytes:
        """Return one damaged document."""
        content = draw.choice(self.documents)
        kind = draw.random()
        if kind < 0.02:
            return draw.randbytes(draw.choice((0, 1, 2, 16, 200)))
        if self.structured and kind < 0.55:
            return self._restructured(content, draw)
        return damaged_bytes(content, draw.choice(self.documents), draw)

    def _restructured(self, content: bytes, draw: Random) -> bytes:
        if not self.lines:
            return _dumped(damaged_value(json.loads(content), draw), draw)
        lines = [json.loads(line) for line in content.splitlines()]
        at = draw.randrange(len(lines))
        lines[at] = damaged_value(lines[at], draw)
        return b"\n".join(_dumped(each, draw) for each in lines) + b"\n"


def _dumped(value: Any, draw: Random) -> bytes:
    return json.dumps(value, ensure_ascii=draw.random() < 0.5).encode("utf-8", "surrogatepass")


def readers() -> list[Reader]:
    """Return every reader with its documents, which the lab itself makes here."""
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        race, tour, comparison, exploration, case, timelines, history = _documents()
    stock = [path.read_bytes() for path in sorted((Path(__file__).parents[2] / "db").glob("*.json"))]
    results = [race, tour, comparison, exploration]
    packed = [gzip.compress(each, mtime=0) for each in _HISTORIES]
    lines = [b"fairness>=0.8", b"p99 <= 5 ms", b"p99>+20%", b"sales/s<-10%"]
    latencies = [b"read=100ms,write=0-1s", b"commit=5us-2ms", b"send=1s"]
    in_race = partial(json_bombs, race[:-1] + b', "more": %s}', (16 << 20) - len(race) - 12)
    return [
        Reader("stock", stock, reads.stock, 14, "stock.json", bombs=partial(json_bombs, size=1 << 20)),
        Reader("case", [case], reads.case, 12, bombs=json_bombs),
        Reader("result", results, reads.result, 12, bombs=in_race),
        Reader("timeline", [timelines], reads.timeline, 8, "run/timeline.json", bombs=json_bombs),
        Reader("history", [history, *_HISTORIES], reads.history, 10, lines=True, bombs=history_bombs),
        Reader("packed", packed, reads.history, 4, structured=False),
        Reader("edn", _EDN, reads.history, 1, "history.edn", structured=False, bombs=edn_bombs),
        Reader("baseline", [comparison], partial(reads.baseline, comparison), 4, "baseline.json", bombs=json_bombs),
        Reader("runs", results, reads.runs, 1, ".ticketlab/runs/2026-01-01T00-00-00Z-race/result.json", bombs=in_race),
        Reader("report", results, partial(reads.report, "--html", "--markdown"), 1, "result.json", bombs=in_race),
        Reader("picture", results[:3], partial(reads.report, "--svg"), 1, "result.json"),
        Reader("threshold", lines, reads.threshold, 8, structured=False),
        Reader("settings", [_SETTINGS], reads.settings, 1, "pyproject.toml", structured=False, bombs=toml_bombs),
        Reader("spec", _SPECS, reads.spec, 10, structured=False),
        Reader("latency", latencies, reads.latency, 8, structured=False),
        Reader("message", _MESSAGES, reads.message, 14, bombs=message_bombs),
    ]


_HISTORIES: Final = (
    (
        b'{"meta": {"model": "counter", "stock": {"a": 3, "b": 1}}}\n'
        b'{"process": 1, "op": "buy", "arg": 1, "result": "ok", "invoke_ns": 1, "return_ns": 5, "section": "a"}\n'
        b'{"process": 2, "op": "buy", "arg": 2, "result": "unknown", "invoke_ns": 2, "return_ns": 9, "section": "a"}\n'
        b'{"process": 3, "op": "search", "result": 1, "invoke_ns": 3, "return_ns": 4, "section": "b"}\n'
        b'{"process": 1, "op": "cancel", "arg": 1, "result": "ok", "invoke_ns": 6, "return_ns": 7, "section": "a"}\n'
    ),
    (
        b'{"type": "invoke", "f": "txn", "process": 0, "value": [["r", "x", null], ["append", "y", 1]]}\n'
        b'{"type": "ok", "f": "txn", "process": 0, "value": [["r", "x", [2, 3]], ["append", "y", 1]]}\n'
        b'{"type": "info", "f": "txn", "process": 1, "value": [["append", "x", 2], ["append", "x", 3]]}\n'
    ),
    (
        b'{"meta": {"model": "transactions", "isolation": "snapshot-isolation"}}\n'
        b'{"type": "ok", "f": "txn", "process": 0, "value": [["w", "x", 1], ["r", "y", null]]}\n'
        b'{"type": "ok", "f": "txn", "process": 1, "value": [["w", "y", 1], ["r", "x", null]]}\n'
        b'{"type": "fail", "f": "txn", "process": 2, "value": [["w", "y", 2]]}\n'
    ),
    (
        b'{"meta": {"model": "seats"}}\n'
        b'{"process": 1, "op": "buyseat", "arg": "A1", "result": "ok", "invoke_ns": 1, "return_ns": 5}\n'
        b'{"process": 2, "op": "buyseat", "arg": "A1", "result": "ok", "invoke_ns": 6, "return_ns": 9}\n'
        b'{"process": 3, "op": "buyseat", "arg": 7, "result": null, "invoke_ns": 6, "return_ns": null}\n'
    ),
    (
        b'{"meta": {"model": "cas-register", "initial": 0}}\n'
        b'{"process": 1, "op": "write", "arg": 1, "result": "ok", "invoke_ns": 1, "return_ns": 5}\n'
        b'{"process": 2, "op": "cas", "arg": [1, 2], "result": "fail", "invoke_ns": 6, "return_ns": 9}\n'
        b'{"process": 3, "op": "read", "arg": null, "result": 0, "invoke_ns": 6, "return_ns": 8}\n'
    ),
)
_EDN: Final = (
    b"{:type :ok, :f :txn, :process 0, :value [[:append :x 1] [:r 2 nil]]}",
    b"{:type :invoke, :f :read, :value nil, :process 0, :time 1}\n{:type :ok, :f :read, :value 3, :process 0, :time 2}",
    b"[{:process 0 :type :invoke :f :cas :value [1 2]} {:process 0 :type :info :f :cas :value [1 2]}]",
    b'{:process :nemesis, :type :info, :f :kill} {:type :invoke, :f :write, :value "a", :process 1, :time 7} #_ {}',
)
_SETTINGS: Final = (
    b'[tool.ticketlab]\nbuyers = 5\nseed = 3\nstores = ["json", "sqlite:journal=delete"]\n[tool.ticketlab.race]\n'
    b'store = "json"\nledger = false\nlatency = "read=1ms"\ntimeout = 2.5\n[tool.ticketlab.compare]\nrounds = 2\n'
    b'buyers = "1,8"\n[tool.ticketlab.explore]\nexhaust = true\npolicy = "pct:3"\n'
)
_SPECS: Final = (
    b"json", b"json:rename", b"sqlite:journal=delete,synchronous=off", b"filelock:soft", b"lock",
    b"clerk:socket,server=pool,workers=3", b"pool:8", b"process:spawn", b"pct:3", b"dfs:preemptions=2",
    b"json,sqlite:journal=wal,manager", b"1-4", b"1,8,100", b"pause:2s",
)  # fmt: skip
_MESSAGES: Final = (
    b'["buy", 1, "main", 2]',
    b'["search", 3, "main"]',
    b'["cancel", 2, "main", [1, 2, 3], ""]',
    b'["hold", 4, "main", 2, 30.0, "4.1"]',
    b'["confirm", 4, "main", "4.1", null]',
)


def _documents() -> list[bytes]:
    """Race, explore and compare for real, on a small scale, and return what the lab would write of it."""
    from ticketlab.checker import jsonl
    from ticketlab.core.result import as_document
    from ticketlab.core.scenario import Scenario
    from ticketlab.core.spec import Spec
    from ticketlab.core.timeline import Diagram, timelines_to_json
    from ticketlab.explorer.results import ExploreOptions
    from ticketlab.lab.comparing.cells import cell_matrix
    from ticketlab.lab.comparing.comparison import Comparison, SamplingPlan
    from ticketlab.lab.exploring.explore import explore_scenario
    from ticketlab.lab.racing.options import RaceOptions
    from ticketlab.lab.racing.race import run_race
    from ticketlab.lab.racing.tour import as_tour
    from ticketlab.report.interleaving import diagram
    from ticketlab.timings.latency import Latency

    live = RaceOptions(latency=Latency.parse("read=20ms,write=20ms"), timeline=True)
    scenarios = [Scenario.of("json:rename", strategy, buyers=3) for strategy in ("none", "lock")]
    rows = [run_race(each, live, command="ticketlab race") for each in scenarios]
    comparison = Comparison(cell_matrix(["json"], ["none", "lock"], [], ["2"]), SamplingPlan(2, 0.05), 30.0)
    comparison.run(lambda *_: None)
    found = explore_scenario(
        Scenario.of("json", "none", buyers=2), ExploreOptions(policy=Spec("dpor")), command="ticketlab explore"
    )
    assert found.finding is not None, "an unsynchronized JSON file goes wrong"
    diagrams: list[Diagram] = [
        diagram("none on json", found.finding.execution, 2, found.finding.anomalies),
        *(row.timeline for row in rows if row.timeline),
    ]
    values = [
        as_document("race", rows[0].to_json()),
        as_document("tour", as_tour("ticketlab race", rows).to_json()),
        comparison.result().to_json("ticketlab compare"),
        as_document("exploration", found.to_json()),
        found.finding.case.to_json(),
        timelines_to_json(diagrams),
    ]
    return [*(json.dumps(each).encode() for each in values), "".join(jsonl.history_lines(rows[0].history)).encode()]
