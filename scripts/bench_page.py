"""Measure the report page against its bars: size, first paint, and how smoothly its timeline zooms.

    uv run python scripts/bench_page.py              # all; needs Chromium and its driver (see docs/report.md)
    uv run python scripts/bench_page.py --no-browser # sizes alone

Bars: at most 300 kB for a comparison of 12 strategies and a race of 5,000 spans; at most 2 MB and a first paint under
1 s for a history of 100,000 operations; zooming, 95 % of frames under 33 ms. Exit code 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from ticketlab.core.history import History, Operation
from ticketlab.core.timeline import LaneState, Marker, Span, Timeline
from ticketlab.lab.racing.timeline import of_history
from ticketlab.report.page import render

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "report"))

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
    return of_history("a history", History({}, tuple(found)))


def line(name: str, value: float, bar: float, unit: str) -> bool:
    """Print a measurement beside its bar, and return whether it keeps it."""
    kept = value <= bar
    print(f"{'ok  ' if kept else 'MISS'} {name:<52} {value:10,.1f} {unit:<3} (bar {bar:,.0f} {unit})")
    return kept


def in_browser(name: str, path: Path, rounds: int) -> bool:
    """Measure one page, each round in a browser of its own; the best round counts, since others use the machine too."""
    from browser import chromium, open_page

    first, timeline, zooming = [], [], []
    for number in range(rounds):
        with chromium() as browser:
            open_page(browser, path)
            paints = dict(browser.execute_script(PAINTS))
            frames, costs = map(sorted, browser.execute_async_script(ZOOMS))
        first.append(paints["first-contentful-paint"])
        timeline.append(paints["timeline"])
        zooming.append(frames[int(len(frames) * 0.95)])
        said = f"{first[-1]:.0f}, {timeline[-1]:.0f}, {zooming[-1]:.1f} ms"
        own = f"painting lanes took {costs[int(len(costs) * 0.95)]:.1f} ms at most in 95 % of frames"
        print(f"     round {number + 1}: {said}; {own}; 1-minute load {os.getloadavg()[0]:.1f}")
    return all(
        [
            line(f"{name}: first paint", min(first), 1000, "ms"),
            line(f"{name}: timeline painted", min(timeline), 1000, "ms"),
            line(f"{name}: 95 % of frames while zooming", min(zooming), 33, "ms"),
        ]
    )


def main() -> None:
    """Measure, print, and exit with 1 where a bar is missed."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--no-browser", action="store_true", help="measure sizes alone")
    options.add_argument("--rounds", type=int, default=3, help="browsers started for each page")
    options.add_argument("--keep", type=Path, help="write the pages into this folder")
    given = options.parse_args()
    judged = {"valid": True, "anomalies": [], "model": "counter", "operations": 100_000, "command": "ticketlab check h"}
    pages = {
        "12 strategies, 5,000 spans": (comparison(12), race(5_000), 300.0),
        "100,000 operations": (judged, history(100_000), 2000.0),
    }
    kept = True
    with TemporaryDirectory() as scratch:
        folder = given.keep or Path(scratch)
        folder.mkdir(exist_ok=True)
        for number, (name, (result, timeline, bar)) in enumerate(pages.items()):
            began = time.monotonic()
            html = render(result, [timeline])
            print(f"     {name}: rendered in {time.monotonic() - began:.2f} s")
            path = folder / f"page-{number}.html"
            path.write_text(html, encoding="utf-8")
            kept &= line(f"{name}: size", path.stat().st_size / 1000, bar, "kB")
            if not given.no_browser:
                kept &= in_browser(name, path, given.rounds)
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
