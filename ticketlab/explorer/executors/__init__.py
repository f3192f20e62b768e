"""Executors: what runs participants, one execution after another.

Reading order:

- `executor`: what all executors have in common, and how one is found by its name;
- `workload_executor`: what those of a workload share, then `inline`: all participants in one process, as greenlets, and
  `threads`: the same as threads;
- `stalls`: what they do with a participant that stays away from scheduling points;
- `processes`: each participant in a process of its own. It is the leading process's part; `participant` has the
  participants' part, and `control_block` what the two say to each other. Below them are `shared_memory`, `wakeup` (how
  one process wakes another) and `cpu_affinity` (one core for all).
"""
