"""Policies: what chooses who moves next, one file each.

Reading order: `policy` (what a policy is), `replay` (a given schedule; going on without preemption), `random` and its
`draws`, `dfs` (every schedule once), `dpor` (one schedule for each order that matters), `pct` (random priorities), then
those that go by virtual time: `timed`, and `queues` with the schedulers of operating systems (`fcfs`, `sjf`, `rr`,
`mlfq`).
"""
