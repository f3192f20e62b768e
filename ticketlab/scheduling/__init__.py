"""The classic schedulers of operating systems: jobs in, a schedule with its waiting times out.

Reading order: `job` (what is to be run), `discipline` (the one rule that all policies are settings of), `policies` (the
settings, by name), `simulate`, and `schedule` (what it comes to). `explorer.policies.queues` serves real participants
by the same disciplines.
"""
