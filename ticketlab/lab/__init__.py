"""The lab: races, explorations, comparisons and checks, put together from the rooms below.

Reading order: `api` (the functions that `ticketlab` exports); `racing.race`, `racing.verdict` and `racing.metrics` (one
live race); `exploring.scenario_workload`, `exploring.explore` and `exploring.fault_search` (one search of schedules);
`plain.function` and `plain.explore` (one search of a function that knows nothing of the lab);
`checking.check_file` (a history from a file); `comparing.cells` and `comparing.comparison` (many races). Below them
stand `faults`, `books` and `environment`, then `plugins`, `artifacts` and `timeline_marks`.
"""
