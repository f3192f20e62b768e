"""A lock of one's own held to the laws that every lock keeps, as it stands.

Reading order: `laws` (what is asked of a lock, and `check_lock`); `scenarios` (what processes do with it); `subject`
(how they make and take it); `remains` (what a dead holder leaves); `judge`; and `report`.
"""
