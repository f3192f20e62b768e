"""Live races: run, judged and measured.

Reading order: `options`; `race` (set up, run, closed); `verdict` (the result, by two oracles); `metrics`;
`fault_effects` with `held_locks` (what faults did to the survivors); `timeline`; `tour` (several races in a row).
"""
