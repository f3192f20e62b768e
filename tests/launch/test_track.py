"""A participant's events folded into its track."""

from __future__ import annotations

from ticketlab.launch import recorder
from ticketlab.launch.track import track


def test_the_waits_of_an_operation_that_was_never_answered_do_not_count() -> None:
    answered = [
        (recorder.INVOKE, 0, "buy", "main", 1),
        (recorder.STEP, 10, "acquire", "lock"),
        (recorder.GOT, 15),
        (recorder.RETURN, 20, "ok", (1,)),
    ]
    cut_short = [
        (recorder.INVOKE, 30, "buy", "main", 1),
        (recorder.STEP, 40, "acquire", "lock"),
        (recorder.GOT, 140),
        (recorder.FAULT, 150, "kill", "read inventory.json"),
    ]
    found = track(0, answered + cut_short)
    assert found.waited_ns == 5
    assert found.longest_wait_ns == 100
    assert [operation.return_ns for operation in found.operations] == [20, None]
