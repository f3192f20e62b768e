"""Fixes found by search: the fewest lines of a function that, run under one lock, make every schedule right.

Reading order: `stretches` (which lines could stand under a lock), `line_marks` (on which lines participants made which
steps), `held_lines` (a lock that the lab holds for a function), `search` (which of them is enough).
"""
