"""A child that does jobs for a process that is not the lab's own: what comes of them, and of a child in the middle."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from operator import truediv

import pytest

from ticketlab.launch.machines.host import Host, HostDied, do_apart, end_hosts


@contextmanager
def host() -> Iterator[Host]:
    made = Host()
    try:
        yield made
    finally:
        made.end()


def test_a_job_is_done_elsewhere_and_its_error_is_raised_here() -> None:
    with host() as child:
        assert child.do(os.getpid, ()) == child.pid != os.getpid()
        with pytest.raises(ZeroDivisionError):
            child.do(truediv, (1, 0))
        assert child.do(truediv, (1, 2)) == 0.5


def test_a_child_that_is_killed_in_its_job_says_so() -> None:
    with host() as child:
        with pytest.raises(HostDied, match=f"the process {child.pid} on .* was killed in its job"):
            child.do(signal.raise_signal, (signal.SIGKILL,))
        assert not child.lives


def test_a_child_that_got_a_part_of_a_job_does_no_other() -> None:
    with host() as child:
        with pytest.raises((AttributeError, pickle.PicklingError)):
            child.do(print, (b"x" * 10**6, lambda: None))
        assert not child.lives


def test_a_lab_s_children_do_one_job_after_another_until_they_are_ended() -> None:
    first = do_apart("a lab", os.getpid, ())
    assert do_apart("a lab", os.getpid, ()) == first
    assert do_apart("another lab", os.getpid, ()) != first
    assert end_hosts("a lab") == [first]
    assert do_apart("a lab", os.getpid, ()) != first
    assert len(end_hosts("a lab") + end_hosts("another lab")) == 2
