"""The gate: the kernel stops every call by which programs share state, and the lab answers.

A seccomp filter with user notification (seccomp_unotify(2), Linux 5.5) is inherited by all that a program starts. Each
filtered call stops its thread until the lab says that the kernel is to perform it, or what it returns.
"""
