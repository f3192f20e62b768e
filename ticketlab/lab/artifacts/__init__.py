"""Files that the lab writes and reads back.

Reading order: `files` (bounded reading, writing whole or not at all); `result_files` (the format); `runs` and `listing`
(kept results and baselines); `case_files`; `timeline_files`; `race_folder` (live files); `opening_stock`.
"""
