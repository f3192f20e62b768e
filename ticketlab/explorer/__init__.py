"""Controlled schedules: one participant moves at a time, a policy says who, and all that comes of it is seen.

Reading order, from what is explored to what comes of it:

- `workload`: who takes part, and what each of them does;
- `engine`: the state of an execution, the rules by which it goes on, and what a scheduling point means in it;
- `policies`: what chooses who moves next;
- `executors`: what runs participants, in one process or in many;
- `analysis`: what an execution was, its races, and why nobody could move;
- `survey`: how far a search has come;
- `search` and `shrink`: execution after execution, and a failing one made small;
- `case` and `results`: what is saved, printed and drawn.
"""
