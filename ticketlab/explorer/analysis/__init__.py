"""What an execution was, as values that no longer depend on its state.

Reading order: `trace` (its steps, and who could have moved where), `execution` (how it ended, and what the buyers
learnt), `races` (the steps whose order could have been the other way round), `deadlock` (why nobody could move), and
`footprints` (what others notice when a participant dies).
"""
