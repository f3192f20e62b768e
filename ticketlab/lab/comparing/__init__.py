"""Comparisons: strategies on stores, measured and judged side by side.

Reading order: `cells` (what is measured); `comparison` (warm-ups and rounds); `ranking`; `recommendations`;
`comparison_result` (the result); `baseline` and `thresholds` (what a result is compared with); `crash_safety` (a column
from crash matrices); `scalability` and `queueing`, then `prediction` (more buyers than were measured).
"""
