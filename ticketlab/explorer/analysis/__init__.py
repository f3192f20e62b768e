"""What an execution was, as values that no longer depend on its state.

Reading order: `trace` (its steps, and who could have moved where), `execution` (how it ended, and what the buyers
learnt), `races` (the steps whose order could have been the other way round), `deadlock` (why nobody could move),
`footprints` (what others notice when a participant dies), `pair_coverage` (which orders of racing steps were seen), and
`class_estimate` (how many orders there are, by what `learnt_program` has learnt).
"""
