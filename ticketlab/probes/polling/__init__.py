"""Loops that poll: whether a participant that goes to sleep only repeats itself, so that nothing is lost if it waits.

To read: `spins` (the rule, and why it is right), `loops` (the part of a function's code that a loop runs again),
`memory` and `descriptors` (what that code can come to), and `contracts` (libraries that say so of their own loops).
"""
