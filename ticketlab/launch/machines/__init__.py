"""Races on many machines: buyers on the workers of a Dask cluster, with several clocks.

Reading order: `cluster` (how a cluster is reached); `host` (a process beside a worker that forks and waits for it);
`part` (the buyers of one worker); `clocks` (what one clock shows when another shows a given time); `launcher`.
"""
