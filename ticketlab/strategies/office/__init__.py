"""A box office: a clerk that buyers reach through a socket.

Read `box_office` first, then `wire` (its messages) and `pending_clients` (strangers); `robust_clerk` with
`answer_record` is one that outlives its clerk.
"""
