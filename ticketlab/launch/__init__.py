"""How buyers are started, released together, recorded and collected: one file per launcher.

Read in this order: `launcher` (what a launcher is), `job` (what each participant does), `barrier` and `log` (what a
launcher shares among them), `recorder` (what is written down), `track` (what was written, as operations), `services`
and `children` (helper processes), then the launchers `process`, `pool` and `threads`; last `fault_injection`,
`watchdog` and `limits`.
"""
