"""Objects in memory that participants share: which there are, what they are called, and how they are put back.

Reading order: `registry`; `reachable` (which objects a function can come to, and by which name); then `semaphores`, and
what stands on them: `conditions`, `pipes` and `queues`; `values`; and `proxies`, whose objects are in a manager's
server: `managed` has the kinds of these, and `managers` finds them. `pulses` and `keyed` are helpers.
"""
