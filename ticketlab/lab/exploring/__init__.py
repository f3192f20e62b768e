"""Explorations: the schedules of a scenario or of a user's function, searched, shrunk, replayed and planned.

Reading order: `scenario_workload` (what is run and how it is judged); `explore` (the search, its shrunk finding, and
its confirmation); `replay`; `plan` (one execution by given delays or turns); `function_workload` with
`function_session` (a user's function); `fault_options` and `fault_search` (faults at every point); `crash_matrix` and
`crash_result` (all stores and strategies under faults); `sequential` (requests one after another, without a schedule).
"""
