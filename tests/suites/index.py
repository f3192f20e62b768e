"""All programs of the suites, and those of the suites that are not here, with the reason."""

from __future__ import annotations

from typing import Final

from tests.suites.goker import double_locking, lock_orders, messages, mixed, mixed_groups, nonblocking
from tests.suites.program import ALL, SuiteProgram
from tests.suites.sctbench import orders, small, stealing, structures

_GOKER: Final = (double_locking, lock_orders, messages, mixed, mixed_groups, nonblocking)
FAMILIES: Final = (small, orders, structures, stealing, *_GOKER)
PROGRAMS: Final[tuple[SuiteProgram, ...]] = tuple(ALL)

_NUMERICAL: Final = "a whole application, of which its bug is a few lines"
_LIBRARY: Final = "a part of a large C library; its bug has no description at the size of a program"

_NO_WRONG_RESULT: Final = (
    "etcd#9446",
    "istio#16742, istio#8144, istio#8214",
    "kubernetes#49404, kubernetes#70892, kubernetes#77796, kubernetes#80284, kubernetes#81148, kubernetes#82239",
    "kubernetes#82550, kubernetes#88331, kubernetes#89164",
    "moby#27037",
    "serving#3148, serving#6472",
)

LEFT_OUT: Final = {
    "SCTBench: parsec ferret": _NUMERICAL,
    "SCTBench: parsec streamcluster, streamcluster2, streamcluster3": _NUMERICAL,
    "SCTBench: splash2 barnes, fft, lu": _NUMERICAL,
    "SCTBench: inspect ctrace-test": _LIBRARY,
    "SCTBench: inspect qsort_mt": "a sort by a pool of C threads; what goes wrong is its bookkeeping of idle threads",
    "SCTBench: radbench bug1, bug2, bug6": _LIBRARY,
    "SCTBench: safestack": "a lock-free stack that spins until another thread moves: it has no longest schedule",
    "GoKer: istio#18454": "a timer of Go's, whose channel is drained when it is stopped",
    "GoKer: hugo#5379, cockroach#35931": "its description names the lines and no more",
    "GoKer: serving#4908, serving#6171": "a test that logs after its end, which is a rule of Go's testing library",
    "GoKer: cockroach#2448": "two event loops of three channels each, with a select that sends",
    "GoKer: " + ", ".join(_NO_WRONG_RESULT): "told by Go's detector of data races; no wrong result is described",
}
"""What is not re-made, by suite and name, with the reason."""
