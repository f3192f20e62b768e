"""How a purchase is kept safe, or is not: one file per strategy family, each with its KIND.

Read `purchase` first (the purchase as a textbook writes it, and guards around it), then `none` and `lock`; after that
any family on its own: `flock`, `lock_file` and `stale` (lock files), `lease`, `transaction`, `optimistic` and `atomic`
(databases), `clerk` with `box_office`, `wire`, `pending_clients`, `robust_clerk` and `answer_record` (one owner that
buyers ask). `wrong` has the strategies that are wrong on purpose.
"""
