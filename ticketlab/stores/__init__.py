"""What keeps the books: one file per store, each with its KIND.

Read `memory` first, the shortest store; then `json_file` with `json_writers` and `journal`; `manager` and `private`;
and `sqlite` with `sqlite_session`. `schema` and `statements` are for every SQL store, in any dialect.
"""
