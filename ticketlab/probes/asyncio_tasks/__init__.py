"""Tasks of one asyncio event loop as participants.

To read: `line` (what one participant has to do next), `loop` (the event loop, in which the explorer picks who goes on),
and `family` (what tasks share by asyncio, and how it is put back).
"""
