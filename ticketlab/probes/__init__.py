"""Probes: stand-ins for the parts of the standard library through which processes share state.

They turn what a plain function does into scheduling points. To read: `here`, `standins`, `kind`, then
`file_system.resources` and one family, `names`.
"""
