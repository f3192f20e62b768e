"""Measure the report page against its bars: size, first paint, and how smoothly its timeline zooms.

    uv run python scripts/benchmarks/bench_page.py              # all; needs Chromium (see docs/report.md)
    uv run python scripts/benchmarks/bench_page.py --no-browser # sizes alone

Bars: at most 300 kB for a comparison of 12 strategies and a race of 5,000 spans; at most 2 MB and a first paint under
1 s for a history of 100,000 operations; zooming, 95 % of frames under 33 ms. Exit code 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from scripts.benchmarks import runner
from scripts.benchmarks.runner import Measurement, Sample
from tests.report.browser import chromium, open_page
from ticketlab.core.history import History, Operation
from ticketlab.core.timeline import LaneState, Marker, Span, Timeline, timelines_to_json
from ticketlab.lab.checking.timeline import history_timeline
from ticketlab.report.page import render

ZOOMS = """
const done = arguments[0], canvas = document.querySelector('.lanes'), box = canvas.getBoundingClientRect();
const frames = [], costs = [], real = window.paintLanes;
window.paintLanes = (...all) => {
  const began = performance.now(), found = real(...all);
  costs.push(performance.now() - began);
  return found;
};
let before = performance.now(), number = 0;
function step(now) {
  frames.push(now - before);
  before = now;
  if (number++ === 240) return done([frames.slice(5), costs]);
  // In and out again, over the whole range: that has frames with few spans, and frames with all of them.
  const deltaY = Math.floor(number / 30) % 2 ? 120 : -120;
  const at = {clientX: box.left + box.width * 0.6, clientY: box.top + 60};
  canvas.dispatchEvent(new WheelEvent('wheel', {...at, deltaY, cancelable: true}));
  requestAnimationFrame(step);
}
document.querySelector('[data-do=reset]').click();
requestAnimationFrame(step);
"""
PAINTS = """
const entries = [...performance.getEntriesByType('paint'), ...performance.getEntriesByName('timeline')];
return entries.map(each => [each.name, each.startTime]);
"""


def comparison(strategies: int) -> dict[str, Any]:
    """Return a comparison of that many strategies on three stores, four of them wrong."""
    draw = Random(1)
    rows = []
    for number in range(strategies):
        valid = number % 3 != 0
        latencies = sorted(draw.lognormvariate(3, 1) for _ in range(101))
        curve = [[share / 100, round(ms, 4)] for share, ms in enumerate(latencies)]
        accesses = [{"ns": draw.randrange(10**9), "action": "read", "remaining": 5}]
        operation = {
            "process": 1,
            "op": "buy",
            "arg": 1,
            "result": "ok",
            "tickets": [1],
            "invoke_ns": 1,
            "return_ns": 2,
        }
        evidence = {
            "available": 5,
            "operations": [operation | {"process": n, "accesses": accesses} for n in range(100)],
        }
        anomalies = (
            [] if valid else [{"name": "oversold", "sentence": "100 tickets are sold, of 5", "evidence": evidence}]
        )
        figures = {"sales_per_s": draw.random() * 5000, "p50_ms": 2.0, "p99_ms": 4.0, "fairness": draw.random()}
        named = {
            "store": ("json", "sqlite", "manager")[number % 3],
            "strategy": f"strategy-{number}",
            "launcher": "process",
        }
        counts = {"buyers": 100, "tickets": 5, "sold": 5, "valid": valid, "command": "ticketlab race --store json"}
        rows.append({**named, **counts, "anomalies": anomalies, "metrics": figures, "curve": curve})
    return {"valid": False, "anomalies": [], "rows": rows, "command": "ticketlab compare", "environment": {"cores": 2}}


def race(spans: int, lanes: int = 100) -> Timeline:
    """Return a race of that many spans with ten violations."""
    draw = Random(2)
    found = []
    for lane in range(lanes):
        at = draw.randrange(5_000_000)
        for number in range(spans // lanes):
            state = (LaneState.READY, LaneState.RUNNING, LaneState.BLOCKED, LaneState.CRITICAL)[number % 4]
            length = draw.randrange(20_000_000 if state is LaneState.BLOCKED else 900_000)
            detail = (
                f"read inventory.json: {draw.randrange(100)} left, write inventory.json: {draw.randrange(100)} left"
            )
            label = f"buy 1 -> ticket {lane * spans // lanes // 4 + number // 4}"
            found.append(Span(lane, at, at + length, state, label, detail if state is LaneState.CRITICAL else ""))
            at += length
    marks = [Marker(draw.randrange(lanes), draw.randrange(20_000_000), "oversold", "6 of 5") for _ in range(10)]
    return Timeline("none on json", [f"buyer {lane + 1}" for lane in range(lanes)], found, marks)


def history(operations: int, processes: int = 100) -> Timeline:
    """Return the timeline of a history of that many operations."""
    draw = Random(3)
    clocks = [draw.randrange(1_000_000) for _ in range(processes)]
    found = []
    for number in range(operations):
        process = number % processes
        began = clocks[process]
        clocks[process] = ended = began + draw.randrange(10_000, 3_000_000)
        clocks[process] += draw.randrange(50_000)
        found.append(Operation(process, "buy", 1, "ok", began, ended, tickets=(number + 1,)))
    return history_timeline("a history", History({}, tuple(found)))


Page = tuple[str, dict[str, Any], Timeline, float]  # its name, its result, its timeline, and how many kB it may have


def pages() -> list[Page]:
    """Return the pages that are measured."""
    judged = {"valid": True, "anomalies": [], "model": "counter", "operations": 100_000, "command": "ticketlab check h"}
    return [
        ("12 strategies, 5,000 spans", comparison(12), race(5_000), 300),
        ("100,000 operations", judged, history(100_000), 2000),
    ]


@contextmanager
def rendering(page: Page, *, size: bool) -> Iterator[Sample]:
    """A sample renders the page, and is its size in kB or the seconds that it took."""
    _, result, timeline, _ = page

    def sample() -> float:
        began = time.perf_counter()
        html = render(result, [timeline])
        return len(html.encode()) / 1000 if size else time.perf_counter() - began

    yield sample


@contextmanager
def dumping(page: Page) -> Iterator[Sample]:
    """A sample writes what the page shows as JSON, and is the seconds that it took."""
    _, result, timeline, _ = page

    def sample() -> float:
        began = time.perf_counter()
        json.dumps([result, timelines_to_json([timeline])])
        return time.perf_counter() - began

    yield sample


@contextmanager
def in_browser(page: Page, read: Callable[[Any], float]) -> Iterator[Sample]:
    """Write the page; a sample opens it in a browser of its own, and reads one figure there."""
    _, result, timeline, _ = page
    path = Path("page.html").resolve()
    path.write_text(render(result, [timeline]), encoding="utf-8")

    def sample() -> float:
        with chromium() as browser:
            open_page(browser, path)
            return read(browser)

    yield sample


def _paint(name: str) -> Callable[[Any], float]:
    return lambda browser: float(dict(browser.execute_script(PAINTS))[name])


def _zooming(browser: Any) -> float:
    frames, _ = map(sorted, browser.execute_async_script(ZOOMS))
    return float(frames[int(len(frames) * 0.95)])


def sizes(given: argparse.Namespace) -> Iterable[Measurement]:
    """Each page's size, and how long it takes to render."""
    for page in pages():
        yield Measurement(f"{page[0]}: size", partial(rendering, page, size=True), "kB", bar=page[3])
        yield Measurement(
            f"{page[0]}: rendered",
            partial(rendering, page, size=False),
            "s",
            beside="json.dumps",
            other=partial(dumping, page),
        )


def browsing(given: argparse.Namespace) -> Iterable[Measurement]:
    """How soon each page is painted, and how smoothly its timeline zooms."""
    for page in [] if given.no_browser else pages():
        for what, read, bar in (
            ("first paint", _paint("first-contentful-paint"), 1000),
            ("timeline painted", _paint("timeline"), 1000),
            ("95 % of frames while zooming", _zooming, 33),
        ):
            yield Measurement(f"{page[0]}: {what}", partial(in_browser, page, read), "ms", bar=bar)


def main() -> int:
    """Measure, print, and return 1 if a bar is missed."""
    options = runner.parser(__doc__, rounds=5)
    options.add_argument("--no-browser", action="store_true", help="measure sizes alone")
    return runner.main(options, {"sizes": sizes, "browser": browsing})


if __name__ == "__main__":
    sys.exit(main())
