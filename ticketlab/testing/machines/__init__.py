"""Concurrent machines: Hypothesis draws a program for each participant, the explorer its schedules, a model judges.

Reading order: `declare` (rules, as a class declares them), `program` (what is drawn, and how results are fed on),
`machine` (the class that people derive from, and the test that pytest is given), `run` (a program as participants run
it), `specification` (what a model says of calls one after another), `judge` (the histories of executions, judged),
`explore` (the schedules of one program, searched) and `text` (what a failure says).
"""
