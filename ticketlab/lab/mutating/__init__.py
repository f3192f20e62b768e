"""Mutants: each guard is taken away in turn, and a test has to notice.

Reading order: `guards` (what a guard is, and what can be done to it), `mutator` (which does it, in participants),
`calls` (which calls of the standard library are guards), `functions`, `stores` and `tests` (who has to notice).
"""
