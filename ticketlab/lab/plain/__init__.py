"""Explorations of plain functions: functions that know nothing of the lab, called by several processes at once.

Reading order: `function` (what is called, and how); `workload` (the folder in which it is called); `serial` (what comes
of it one after another) and `judge` (what is wrong with an execution); `participants`, `explore`, `results`, `cases`.
"""
