"""Workers: processes of this machine, or of many, that do jobs; a job whose worker dies is done again.

- `workers`: jobs and who does them; `pool` has processes of this machine, `cluster` those of Dask.
"""
