"""Policies: what chooses who moves next, one file each.

Reading order: `policy` (what a policy is), `replay` (a given schedule; going on without preemption), `random` and its
`draws`, `dfs` (every schedule once), `dpor` (one schedule for each order that matters), then those that sample: `pct`
(random priorities), `pos` (of steps) and `feedback` (the same, steered), `urw` and `surw` (uniform walks), `delay`
(turns with delays); `portfolio` (dpor and some of these in turn), and those that go by virtual time: `timed`, and
`queues` with the schedulers of operating systems (`fcfs`, `sjf`, `rr`, `mlfq`).
"""
