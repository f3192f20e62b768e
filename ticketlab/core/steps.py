"""Steps: what an access to shared state does to which resources, and which accesses commute."""

from __future__ import annotations

from enum import Enum, IntEnum
from typing import Final, NamedTuple

NAME: Final = "name:"
"""How the resource of a name in a folder begins; the data of the file has a resource without it."""
MEMORY: Final = "memory"
"""The resource of all that participants of one process share without a step of its own."""
TABLE: Final = "table:"
"""How the resource of a table in a database begins. Nobody waits for it: a database is locked as a whole."""
OF_PROCESSES: Final = ("process ", "children of ", "signal ", "signals kept", "group of ", "flags of ")
"""How resources begin that are of a program's processes themselves, and not of what these share."""


class Action(Enum):
    """What a step does to its resource; those that look (READ, LOOK, LIST, AWAIT, INVOKE) change nothing for others.

    READ to TOUCH concern the content of a file or a record. LOOK to REMOVE_DIRECTORY concern a name in a folder: which
    file it stands for, if any. LIST reads the list of a folder's names, and ENTER puts a name in or takes one out.
    FINISH ends a reading that kept others from changing what was read, and nobody else from reading.

    `takes` says whether the step leaves its buyer holding the resource, `gives_back` whether it ends that, and `holds`
    whether it is about who holds the resource, and not about its content. `looks` says whether it changes nothing, and
    `own` whether the failure of another participant's attempt says nothing of one's own.
    """

    READ = "read"
    WRITE = "write"
    APPEND = "append to"
    TRUNCATE = "truncate"
    FLUSH = "flush"
    TOUCH = "touch"
    LOOK = "look for"
    CREATE = "create"
    RENAME = "rename"
    LINK = "link"
    UNLINK = "unlink"
    MAKE_DIRECTORY = "make directory"
    REMOVE_DIRECTORY = "remove directory"
    LIST = "list"
    ENTER = "enter in"
    INSERT = "insert into"
    FINISH = "finish reading"
    GET_INTO = "get into"
    GET_OUT_OF = "get out of"
    ACQUIRE = "acquire"
    RELEASE = "release"
    SEND = "send"
    RECEIVE = "receive"
    SET = "set"
    CLEAR = "clear"
    NOTIFY = "notify"
    AWAIT = "wait for"
    ARRIVE = "arrive at"
    LEAVE = "leave"
    CALL = "call"
    START = "start"  # a process or a thread; whoever starts it has done so before
    EXIT = "end"
    CLOSE = "close"  # an end of a pipe or a socket
    SIGNAL = "signal"
    WAIT_ON = "wait on"  # a process to end, or one of several pipes to have something
    GO_ON = "go on from"  # a task of an event loop: whatever it does until it suspends again
    BEGIN = "begin"
    COMMIT = "commit"
    ROLLBACK = "rollback"
    FAULT = "fault injected:"  # the resource is the fault's name; it may change anything
    TIME_PASSES = "let"  # "let time pass": nobody could move
    ADVANCE = "take"  # "take 20 s": the buyer lets time pass for everybody before its next request
    INVOKE = "invoke"  # a call whose place in real time counts: it notices which calls have returned before
    RETURN = "return from"

    __hash__ = object.__hash__  # members are unique; Enum's own hash is a Python call, made at each scheduling point

    takes: bool
    gives_back: bool
    holds: bool
    looks: bool
    own: bool

    def __init__(self, value: str) -> None:
        self.takes = value in ("acquire", "begin")
        self.gives_back = value in ("release", "commit", "rollback", "finish reading")
        self.holds = self.takes or self.gives_back
        self.looks = value in ("read", "look for", "list", "wait for", "wait on", "invoke")
        self.own = self.looks or value == "go on from"


MAKES: Final = frozenset({Action.CREATE, Action.LINK, Action.RENAME, Action.MAKE_DIRECTORY})
"""What a step does to a name that comes to be."""

Access = tuple[Action, str]
"""What a step does to one resource."""


class Step(NamedTuple):
    """One access to shared state, and so the scheduling point just before it.

    `continuation` marks a later part of an access that began with an earlier step (the bytes after the truncation);
    with `--atomic-accesses` it is no scheduling point. `excludes` promises that after an attempt of this step has
    succeeded, every attempt fails until the resource changes again; once the promise was kept often enough, the lab
    need not try. A mutex keeps it; a semaphore and a re-entrant lock do not, and are refused. `private` says that no
    other buyer knows of what the step accesses, such as a new file before it is renamed: the step's order makes no
    difference, but a fault can come before it. `uncommitted` says that the step and reads of the resource do not notice
    each other: a write in a transaction changes nothing for readers until a later step commits it. `affects` lists the
    resources in which others notice a fault, if these are known. `in_memory` promises that the resource does not notice
    the death of a process that uses it: a lock or a queue in memory does not, and a lock that the kernel keeps does.
    `also` lists what the same atomic operation does to further resources: a rename changes two names. `path` is the
    name by which people know the resource, if it has another: a file may have several. Nothing is decided by it.
    """

    action: Action
    resource: str
    continuation: bool = False
    excludes: bool = False
    private: bool = False
    uncommitted: bool = False
    affects: tuple[str, ...] | None = None
    in_memory: bool = False
    also: tuple[Access, ...] = ()
    path: str = ""

    @property
    def changes(self) -> bool:
        """Whether the step changes its resource for others."""
        return not self.action.looks and not self.private

    @property
    def alters(self) -> bool:
        """Whether the step changes anything, whoever knows of it."""
        return any(not action.looks for action, _ in self.accesses)

    @property
    def shown(self) -> str:
        """The name by which people know the resource."""
        return self.path or self.resource.removeprefix(NAME).removeprefix(TABLE)

    @property
    def accesses(self) -> tuple[Access, ...]:
        """All that the step does, each to one resource."""
        return ((self.action, self.resource), *self.also) if self.also else ((self.action, self.resource),)

    @property
    def everywhere(self) -> bool:
        """Whether the step concerns every resource: a fault or a signal may end anything, and time ends leases."""
        return self.action in _EVERYWHERE and self.affects is None

    @property
    def resources(self) -> tuple[str, ...]:
        """The resources that the step concerns, unless it concerns all."""
        if self.affects is not None:
            return self.affects
        return tuple(resource for _, resource in self.accesses) if self.also else (self.resource,)

    def commutes_with(self, other: Step) -> bool:
        """Return whether the order of the two steps makes no difference."""
        if self.private or other.private:
            return True
        if self.everywhere or other.everywhere:
            return False
        if self.affects is not None or other.affects is not None:
            return set(self.resources).isdisjoint(other.resources)
        return all(
            one != beside or (self.visibility(did) < noticed_from(done) and other.visibility(done) < noticed_from(did))
            for did, one in self.accesses
            for done, beside in other.accesses
        )

    def visibility(self, action: Action) -> Visibility:
        """Return who notices what the step does by one of its accesses."""
        if action.looks or self.private:
            return Visibility.NOBODY
        if self.uncommitted or action in (Action.ENTER, Action.FINISH, Action.CLOSE, Action.RETURN):
            return Visibility.CHANGERS
        return Visibility.EVERYBODY


_EVERYWHERE: Final = (Action.FAULT, Action.TIME_PASSES, Action.ADVANCE, Action.SIGNAL)
_NOTICES_LESS: Final = (
    *(Action.READ, Action.LOOK, Action.ENTER, Action.AWAIT),
    *(Action.FINISH, Action.CLOSE, Action.RETURN),
)


class Visibility(IntEnum):
    """Who notices an access to a resource: nobody, those who may change the resource, or readers as well."""

    NOBODY = 0
    CHANGERS = 1
    EVERYBODY = 2


def noticed_from(action: Action) -> Visibility:
    """Return the least visibility of an access that this one notices.

    Two names that enter one folder do not notice each other, and the list of the folder's names notices both. So do
    two who finish reading, and who waits for them; and two who close their ends of a pipe, and who reads from it. Two
    calls that return do not notice each other, and one that is invoked notices which have returned.
    """
    return Visibility.EVERYBODY if action in _NOTICES_LESS else Visibility.CHANGERS
