"""Objects in memory that participants share: which there are, what they are called, and how they are put back.

Reading order: `registry`; `reachable` (which objects a function can come to, and by which name); then `semaphores`, and
what stands on them: `conditions`, `queues`, `pipes`, `values`; and `proxies`, whose objects are in a manager's server.
"""
