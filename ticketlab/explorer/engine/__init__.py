"""One execution: its data, its rules, and what a scheduling point means while it goes on.

Reading order:

- `steps`: numbers that stand for steps, and when two steps commute;
- `column_memory`, `execution_counters`, `policy_columns`: the numbers of an execution, in memory that processes can
  share;
- `state`: all that an execution consists of, with `clock` (virtual time) and `fault_plan` (who meets which fault);
- `enabled_set` and `scheduler`: who may move, who moves next, and what follows from it; `spinning` is one of the rules;
- `pacer`: what participants do at a scheduling point; `fault_pacer` injects faults there.
"""
