"""The control block: what the leading process and the participants write for each other, in memory that they share.

A process writes here before it wakes another, so that the other finds it. `processes` has the leading process's part,
`participant` the participants' part.
"""

from __future__ import annotations

import os
import pickle
import signal
from enum import IntEnum

from ticketlab.core.errors import TicketlabError
from ticketlab.explorer.engine.column_memory import Numbers
from ticketlab.explorer.engine.state import NOBODY
from ticketlab.explorer.executors.shared_memory import Messages, RecordLog, SharedMemory, SharedSteps
from ticketlab.explorer.policies.policy import Policy


class ControlNumbers(Numbers):
    """The single numbers of a control block."""

    turn: int
    """Who has the turn."""
    news: int
    """Grows whenever there is something in the block, or in the table of steps, that everybody has to take in."""
    command: int
    """A `ParticipantCommand`, from the leading process to whomever it wakes."""
    installed: int
    """How many policies have been installed."""
    asked: int
    """A `LeaderRequest`: what the leading process is asked to do."""
    victim: int
    """Who asks, and to whom it is to be done."""
    then: int
    """Who moves after the victim has been stopped."""


class ParticipantCommand(IntEnum):
    """What the leading process tells the participant that it wakes to do."""

    GO_ON = 0
    EXIT = 1  # end in order
    FLUSH = 2  # write records and notes, and wait to be ended


class LeaderRequest(IntEnum):
    """What a participant asks the leading process to do to it, to carry out a fault."""

    NOTHING = 0
    KILL = 1
    STOP = 2
    TERMINATE = 3
    REAP = 4  # wait until it has ended
    KILL_SERVER = 5  # kill the store's server, and not the participant


class ControlBlock:
    """Who has the turn, the command in force, the policy in force, and what came of the requests."""

    def __init__(self, memory: SharedMemory, rows: int, size: int) -> None:
        self.numbers = memory.numbers(ControlNumbers)
        self.log = RecordLog(memory, rows)
        self.steps = SharedSteps(memory, self.tell)
        self._policy = Messages(memory, 1 << 22, "delays of a policy")
        self._errors = Messages(memory, 1 << 16, "errors")
        self._stopped = memory.column(size)  # by participant: its process number while it is stopped, else 0

    def tell(self) -> None:
        """Have each participant take in what is new, here or in the table of steps, when it is woken next."""
        self.numbers.news += 1

    def command(self, what: ParticipantCommand) -> None:
        """Tell each participant that is woken from now on what to do."""
        self.numbers.command = what
        self.tell()

    def install(self, policy: Policy) -> None:
        """Hand a policy to all participants, each of which takes it in when it gets the turn."""
        self._policy.clear()
        self._policy.append(pickle.dumps(policy))
        self.numbers.installed += 1
        self.tell()

    def installed(self) -> Policy:
        """Return a new copy of the policy in force."""
        (message,) = self._policy.read()
        policy: Policy = pickle.loads(message)  # noqa: S301 - the leading process wrote it
        return policy

    def ask(self, what: LeaderRequest, victim: int, then: int = NOBODY) -> None:
        """Ask the leading process, which is woken next, to do something to a victim."""
        numbers = self.numbers
        numbers.asked, numbers.victim, numbers.then = what, victim, then

    def clear(self) -> None:
        """Start anew: nothing is asked for, and nobody is stopped."""
        self.numbers.asked = LeaderRequest.NOTHING
        for who in range(len(self._stopped)):
            self._stopped[who] = 0
        self.command(ParticipantCommand.GO_ON)

    def stop(self, who: int, pid: int) -> None:
        """Stop a participant's process, as its parent."""
        os.kill(pid, signal.SIGSTOP)
        os.waitid(os.P_PID, pid, os.WSTOPPED)
        self._stopped[who] = pid

    def resume(self, who: int) -> None:
        """Let a participant go on if it is stopped."""
        if self._stopped[who]:
            os.kill(self._stopped[who], signal.SIGCONT)
            self._stopped[who] = 0

    def report(self, error: BaseException) -> None:
        """Leave an error for the leading process."""
        text = str(error) if isinstance(error, TicketlabError) else f"{type(error).__name__}: {error}"
        self._errors.append(text.encode(errors="replace")[:8192])

    def error(self) -> str | None:
        """Return an error that a participant has left, and forget it; None if there is none."""
        for message in self._errors.read():
            self._errors.clear()
            return message.decode(errors="replace")  # it may have been cut short
        return None
