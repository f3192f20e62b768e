"""The operating system's processes and files, for packages that cannot import each other.

`fork` starts a child process, `lifeline` has it die with its parent; `descriptors` opens files; `failing_io` makes
accesses to them fail.
"""
