"""Files that the lab writes and reads back.

Reading order: `files` (bounded reading, writing whole or not at all); `results` (the format); `runs` and `listing`
(kept results and baselines); `cases`; `timelines`; `race_folder` (live files); `opening_stock`.
"""
