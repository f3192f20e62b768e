"""Histories of transactions, judged for isolation: Adya's dependency graph, with Elle's inference.

Reading order: `history` (transactions in memory) and `events` (from the events of a file); `accesses` (what each
transaction read of others, and what it cannot have read); `versions` (what follows whom: the edges of the graph);
`graph` and `cycles` (order, components, the shortest cycle); `layers` (which cycle is which anomaly); `levels` (which
level forbids it); `witness` and `serial_search` (proofs that a level holds); `sentences`; `isolation` (the way in).
"""
