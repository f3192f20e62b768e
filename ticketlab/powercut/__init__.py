"""Power cuts: which states of a disk are possible after operations that were seen, by a model of the file system.

To read: `choices` (what can differ), `strict` and `ext4` (two models), `enumeration` (every state that a recovery can
tell apart). Nothing here touches a disk.
"""
