"""How a purchase is kept safe, or is not: one file per strategy family, each with its KIND.

Read `purchase` first (the purchase as a textbook writes it, and guards around it), then `none` and `lock`; after that
any family on its own: `flock`, `lock_file` and `stale` (lock files), `lease`, `transaction`, `optimistic` and `atomic`
(databases), `clerk` and the package `office` (one owner, which buyers ask). `wrong` has the strategies that are wrong
on purpose.
"""
