"""Controlled schedules: one participant moves at a time, a policy says who, and all that comes of it is seen.

To read it in order: `policy` (who chooses), `steps` (what is made), `schedule` (the state that all go by, with
`standing`, `clock` and `fault_plan` as its parts), `turns` and `strikes` (what a scheduling point means, and what a
fault adds to that); then `executor`, what runs it, in one process (`inline`) or in many (`processes`, `participant`,
and `board` between the two); then what comes of it: `execution`, `trace`, `races`, `stuck`; and what is built on all
that: `search`, `shrink`, `case`.
"""
