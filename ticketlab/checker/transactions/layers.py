"""Which cycle is which anomaly: the graph is searched layer by layer, from the weakest level to the strongest.

Each layer adds a kind of edges. What is reported of a layer is the shortest cycle of each strongly connected component,
unless a weaker layer has a cycle in it: not every consequence of one mistake.

Between the layers of circular information (G1c) and of anti-dependencies (G2-item) stands that of snapshot isolation:
cycles in which no two anti-dependencies follow each other (Cerone and Gotsman, *Analysing snapshot isolation*, JACM
2018). It is searched in a graph of starts and commits. A transaction starts before it commits. It starts after the
commit of what it depends on, by `ww` or `wr`. It commits after the start of who read what it overwrote (`rw`). A cycle
of this graph is such a cycle of transactions, and an order of it is an execution under snapshot isolation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from ticketlab.checker.budget import Meter
from ticketlab.checker.transactions import levels
from ticketlab.checker.transactions.cycles import CycleStep, components, shortest_cycle
from ticketlab.checker.transactions.graph import FREE, KINDS, PROCESS, RW, TIME, WR, WW, DependencyGraph, Edge
from ticketlab.checker.transactions.history import OK
from ticketlab.checker.transactions.sentences import CycleEdge, FoundAnomaly, cycle_line
from ticketlab.checker.transactions.versions import Versions

SERIAL: Final = WW | WR | RW
_EACH: Final = 20_000  # nodes that the search for one shortest cycle may visit
_ALL: Final = 400_000  # and all of them together


class Layer(NamedTuple):
    """Kinds of edges, and the weakest levels that forbid a cycle of them; `sure` leaves out whoever is not ok."""

    kinds: int
    forbidden_by: Sequence[str]
    sure: bool = False
    snapshots: bool = False


LAYERS: Final = (
    Layer(WW, (levels.READ_UNCOMMITTED,), sure=True),
    Layer(WW, (levels.READ_COMMITTED,)),
    Layer(WW | WR, (levels.READ_COMMITTED,)),
    Layer(SERIAL, (levels.SNAPSHOT_ISOLATION, levels.REPEATABLE_READ), snapshots=True),
    Layer(SERIAL, (levels.REPEATABLE_READ,)),
    Layer(SERIAL | PROCESS, (levels.STRONG_SESSION,)),
    Layer(SERIAL | PROCESS | TIME, (levels.STRICT_SERIALIZABLE,)),
)


def cycle_findings(versions: Versions, core: Sequence[int], told: set[int], meter: Meter) -> Iterator[FoundAnomaly]:
    """Yield the anomalies of the cycles among some nodes; `told` has transactions whose lost updates are known."""
    left = _ALL
    reported: set[int] = set()
    for layer in LAYERS:
        if layer.snapshots:
            reported |= told
        out, nodes = _searched(versions, layer, core)
        size = versions.graph.size
        for component in components(out, nodes, layer.kinds):
            starts = [node for node in component if node < size]
            if not reported.isdisjoint(starts):
                continue
            part = meter.part(min(_EACH, left))
            steps, least = shortest_cycle(out, component, starts, layer.kinds, part)
            left -= min(left, part.configurations)
            finding = _finding(versions, steps, layer, least=least)
            reported.update(finding.members)
            yield finding


def _searched(versions: Versions, layer: Layer, core: Sequence[int]) -> tuple[Sequence[Sequence[Edge]], Sequence[int]]:
    graph = versions.graph
    if layer.snapshots:
        out = starts_and_commits(graph)
        commits = [len(graph.out) + node for node in core if node < graph.size]
        return out, [*core, *commits]
    if layer.sure:
        every = versions.history.transactions
        return graph.out, [node for node in core if node < graph.size and every[node].status == OK]
    return graph.out, core


def starts_and_commits(graph: DependencyGraph) -> list[list[Edge]]:
    """Return the graph of starts (a transaction's own node) and commits (that node and the number of all nodes)."""
    many = len(graph.out)
    out: list[list[Edge]] = [[] for _ in range(many + graph.size)]
    for node, edges in enumerate(graph.out):
        if node < graph.size:
            out[node].append((many + node, FREE, None))
        for target, kind, key in edges:
            if kind == RW:
                out[node].append((many + target if target < graph.size else target, RW, key))
            elif kind in (WW, WR):
                out[many + node].append((target, kind, key))
            elif kind == FREE and target < graph.size:
                out[node].append((many + target, FREE, None))
    return out


def _finding(versions: Versions, steps: Sequence[CycleStep], layer: Layer, *, least: bool) -> FoundAnomaly:
    cycle = _of_transactions(versions, steps)
    members = [edge.source for edge in cycle]
    kinds = [edge.kind for edge in cycle]
    sentence = f"no order explains them: {cycle_line(versions.history, cycle)}"
    return FoundAnomaly(name_of(kinds), layer.forbidden_by, sentence, members, cycle, least)


def _of_transactions(versions: Versions, steps: Sequence[CycleStep]) -> list[CycleEdge]:
    """Return a cycle without the nodes that are no transactions; it begins at its earliest transaction."""
    size, many = versions.graph.size, len(versions.graph.out)
    found: list[tuple[int, int, int, object]] = []
    source, kind, key = -1, 0, None
    for node, (target, by, on) in steps:
        at, to = (node - many if node >= many else node), (target - many if target >= many else target)
        if at == to:
            continue
        if by != FREE:
            source, kind, key = at, by, on
        if to < size and kind:
            found.append((source, to, kind, key))
            kind = 0
    first = min(range(len(found)), key=lambda place: found[place][0])
    turned = found[first:] + found[:first]
    return [CycleEdge(a, b, KINDS[by], versions.why(a, b, by, on)) for a, b, by, on in turned]


def name_of(kinds: Sequence[str]) -> str:
    """Return the name of a cycle with these dependencies, in their order."""
    against = kinds.count("rw")
    if not against:
        base = "G1c" if "wr" in kinds else "G0"
    elif against == 1:
        base = "G-single"
    else:
        side_by_side = any(one == other == "rw" for one, other in zip(kinds, [*kinds[1:], kinds[0]], strict=True))
        base = "G2-item" if side_by_side else "G-nonadjacent"
    return base + ("-realtime" if "realtime" in kinds else "-process" if "process" in kinds else "")
