"""Bodies of small programs: what their operations are as calls of the kernel, and as text in Python and in sh.

A body is a tuple of operations. A process has the variables a, b and c, all 0 at first, and prints them at its end.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from .program_kernel import READ_END, WRITE_END

Operation = tuple[Any, ...]
Body = tuple[Operation, ...]
Calls = Generator[tuple[Any, ...], Any, None]
VARIABLES = ("a", "b", "c")

PRELUDE = """
import fcntl, os, stat
a = b = c = 0
held, ends, pids = {}, {}, {}
def attempt(call, *words):
    try:
        call(*words)
    except OSError:
        return 0
    return 1
def read(name):
    try:
        fd = os.open(name, os.O_RDONLY)
    except OSError:
        return -1
    try:
        text = os.read(fd, 100).strip()
    except OSError:
        text = b"LLL"
    os.close(fd)
    return int(text) if text.isdigit() else -2 - len(text)
def put(name, flags, text):
    try:
        fd = os.open(name, os.O_WRONLY | os.O_CREAT | flags)
    except OSError:
        return
    os.write(fd, text.encode())
    os.close(fd)
def write(name, number):
    put(name, os.O_TRUNC, f"{number}\\n")
def write_file(name, number):
    try:
        file = open(name, "w")
    except OSError:
        return
    with file:
        file.write(f"{number}\\n")
def append(name, text):
    put(name, os.O_APPEND, text)
def excl(name):
    try:
        os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    except OSError:
        return 0
    return 1
def size(name):
    try:
        about = os.stat(name)
        return 0 if stat.S_ISDIR(about.st_mode) else about.st_size
    except OSError:
        return -1
def exists(name):
    return int(os.path.exists(name))
def count():
    return len(os.listdir(".")) - SCRIPTS
def take(how, name):
    if name not in held:
        try:
            held[name] = os.open(name, os.O_RDWR | os.O_CREAT)
        except OSError:
            return -3
    flags = fcntl.LOCK_SH if how[0] == "s" else fcntl.LOCK_EX
    waits = how[1:] != "n"
    call = fcntl.lockf if how[0] == "r" else fcntl.flock
    try:
        call(held[name], flags if waits else flags | fcntl.LOCK_NB)
    except BlockingIOError:
        return 0
    except OSError:
        return 2
    return 1
def give(how, name):
    if name not in held:
        return
    if how == "c":
        os.close(held.pop(name))
    else:
        (fcntl.lockf if how == "r" else fcntl.flock)(held[name], fcntl.LOCK_UN)
def keep(name):
    try:
        held["kept"] = os.open(name, os.O_RDONLY)
    except OSError:
        pass
def next_letter():
    if "kept" not in held:
        return -7
    text = os.read(held["kept"], 1)
    return ord(text) if text else -1
def send(letter):
    if "w" not in ends:
        return -5
    try:
        return os.write(ends["w"], letter.encode())
    except OSError:
        return -1
def receive():
    if "r" not in ends:
        return -5
    text = os.read(ends["r"], 1)
    return ord(text) if text else -1
def shut(end):
    if end in ends:
        os.close(ends.pop(end))
def wait(child, flags=0):
    if child not in pids:
        return -7
    try:
        pid, status = os.waitpid(pids[child], flags)
    except ChildProcessError:
        return -1
    return os.waitstatus_to_exitcode(status) if pid else -6
def wait_any():
    try:
        pid, _ = os.waitpid(-1, 0)
    except ChildProcessError:
        return -1
    return next(child for child in pids if pids[child] == pid)
def kill(child):
    return attempt(os.kill, pids[child], 9) if child in pids else -7
def finish(code):
    os.write(1, f"{a} {b} {c}\\n".encode())
    os._exit(code)
"""


def _number(text: Any) -> int:
    """Return what `read` says of what it has read."""
    text = "LLL" if text == -3 else text.strip()
    return int(text) if text.isdigit() else -2 - len(text)


class Process:
    """One process of the model: what it asks the kernel for, in order, given the answers."""

    def __init__(self, bodies: tuple[Body, ...], variables: dict[str, int], held: frozenset[str], ends: str) -> None:
        self.bodies = bodies
        self.regs = dict(variables)
        self.held = set(held)
        self.ends = ends
        self.children: set[int] = set()

    def run(self, body: Body) -> Calls:
        """Do a body, print and end."""
        code = yield from self.play(body)
        yield ("print", " ".join(str(self.regs[name]) for name in VARIABLES) + "\n")
        yield ("exit", code or 0)

    def play(self, body: Body) -> Generator[tuple[Any, ...], Any, int | None]:
        """Do some operations; an exit code ends them."""
        for one in body:
            if one[0] == "if":
                if self.regs[one[1]] == one[2]:
                    code = yield from self.play(one[3])
                    if code is not None:
                        return code
            elif one[0] == "exit":
                return self.regs[one[1]] & 3
            else:
                yield from getattr(self, "do_" + one[0])(*one[1:])
        return None

    def do_read(self, into: str, name: str) -> Calls:
        found = yield ("open", "f", name, "r")
        if found != 1:
            self.regs[into] = -1
            return
        text = yield ("read", "f", 100)
        yield ("close", "f")
        self.regs[into] = _number(text)

    def _put(self, name: str, how: str, text: str) -> Calls:
        if (yield ("open", "f", name, how)) == 1:
            yield ("write", "f", text)
            yield ("close", "f")

    def do_write(self, name: str, of: str, more: int) -> Calls:
        yield from self._put(name, "w", f"{self.regs[of] + more}\n")

    do_write_file = do_write

    def do_append(self, name: str, letter: str) -> Calls:
        yield from self._put(name, "a", letter)

    def do_excl(self, into: str, name: str) -> Calls:
        made = yield ("open", "f", name, "x")
        if made == 1:
            yield ("close", "f")
        self.regs[into] = int(made == 1)

    def do_call(self, into: str, call: str, *names: str) -> Calls:
        self.regs[into] = yield (call, *names)

    def do_take(self, into: str, how: str, name: str) -> Calls:
        word = f"lock {name}"
        if name not in self.held:
            if (yield ("open", word, name, "l")) != 1:
                self.regs[into] = -3
                return
            self.held.add(name)
        waits = how[1:] != "n"
        if how[0] == "r":
            self.regs[into] = yield ("lockf", word, waits)
        else:
            self.regs[into] = yield ("flock", word, how[0], waits)

    def do_give(self, how: str, name: str) -> Calls:
        word = f"lock {name}"
        if name not in self.held:
            return
        if how == "c":
            self.held.discard(name)
            yield ("close", word)
        else:
            yield ("unlockf" if how == "r" else "unflock", word)

    def do_keep(self, name: str) -> Calls:
        if (yield ("open", "lock kept", name, "r")) == 1:
            self.held.add("kept")

    def do_next_letter(self, into: str) -> Calls:
        if "kept" not in self.held:
            self.regs[into] = -7
            return
        letter = yield ("read", "lock kept", 1)
        self.regs[into] = ord(letter) if letter else -1

    def do_pipe(self) -> Calls:
        yield ("pipe",)
        self.ends = "rw"

    def do_send(self, into: str, letter: str) -> Calls:
        self.regs[into] = (yield ("send", letter)) if "w" in self.ends else -5

    def do_receive(self, into: str) -> Calls:
        if "r" not in self.ends:
            self.regs[into] = -5
            return
        letter = yield ("receive",)
        self.regs[into] = ord(letter) if letter else -1

    def do_shut(self, end: str) -> Calls:
        if end in self.ends:
            self.ends = self.ends.replace(end, "")
            yield ("shut", READ_END if end == "r" else WRITE_END)

    def do_fork(self, child: int) -> Calls:
        self.children.add(child)
        yield ("fork", child, tuple(sorted(self.regs.items())), frozenset(self.held), self.ends)

    def do_wait(self, into: str, child: int, waits: bool = True) -> Calls:
        if child not in self.children:
            self.regs[into] = -7
            return
        what, code = yield ("wait", child, waits)
        self.regs[into] = {"ended": code, "alive": -6, "none": -1}[what]

    def do_poll(self, into: str, child: int) -> Calls:
        yield from self.do_wait(into, child, waits=False)

    def do_wait_any(self, into: str) -> Calls:
        self.regs[into] = yield ("wait_any",)

    def do_kill(self, into: str, child: int) -> Calls:
        self.regs[into] = (yield ("kill", child)) if child in self.children else -7

    # In sh

    def do_sh_read(self, into: str, name: str) -> Calls:
        if (yield ("open", "f", name, "r")) != 1:
            self.regs[into] = -1
            return
        text = ""
        while (letter := (yield ("read", "f", 1))) not in ("", "\n", -3):
            text += letter
        yield ("close", "f")
        self.regs[into] = int(text) if letter == "\n" and text.isdigit() else -1

    do_sh_write = do_write
    do_sh_append = do_append
    do_sh_call = do_call


def python_text(bodies: tuple[Body, ...], which: int, scripts: int) -> str:
    """Return the script of a body, with those of the children that it forks."""
    text = [PRELUDE, f"SCRIPTS = {scripts}"]
    text += _lines(bodies, bodies[which], "")
    return "\n".join([*text, "finish(0)", ""])


def _lines(bodies: tuple[Body, ...], body: Body, indent: str) -> list[str]:
    lines = []
    for one in body:
        if one[0] == "if":
            lines += [f"{indent}if {one[1]} == {one[2]}:", *(_lines(bodies, one[3], indent + "    ") or [])]
            lines += [f"{indent}    pass"]
        elif one[0] == "fork":
            child = _lines(bodies, bodies[one[1]], indent + "    ")
            lines += [f"{indent}pids[{one[1]}] = os.fork()", f"{indent}if pids[{one[1]}] == 0:"]
            lines += [f"{indent}    pids.clear()", *child, f"{indent}    finish(0)"]
        else:
            lines.append(indent + _line(*one))
    return lines


def _line(kind: str, *rest: Any) -> str:
    """Return an operation in Python."""
    match kind, *rest:
        case "exit", of:
            return f"finish({of} & 3)"
        case (("write" | "write_file"), name, of, more):
            return f"{kind}({name!r}, {of} + {more})"
        case (("append" | "give" | "shut" | "keep"), *words):
            return f"{kind}({', '.join(map(repr, words))})"
        case "call", into, ("exists" | "size") as call, name:
            return f"{into} = {call}({name!r})"
        case "call", into, "list":
            return f"{into} = count()"
        case "call", into, call, *names:
            return f"{into} = attempt(os.{call}, {', '.join(map(repr, names))})"
        case ("pipe",):
            return "ends['r'], ends['w'] = os.pipe()"
        case "poll", into, child:
            return f"{into} = wait({child}, os.WNOHANG)"
        case _, into, *words:
            return f"{into} = {kind}({', '.join(map(repr, words))})"
    raise AssertionError(kind)


def sh_text(body: Body) -> str:
    """Return the script of a body in sh."""
    lines = ["a=0 b=0 c=0", "finish() { echo $a $b $c; exit $1; }", *_sh_lines(body), "finish 0", ""]
    return "\n".join(lines)


def _sh_lines(body: Body) -> list[str]:
    lines = []
    for one in body:
        match one:
            case "if", of, number, inner:
                lines += [f'if [ "${of}" -eq {number} ]; then', ":", *_sh_lines(inner), "fi"]
            case "exit", of:
                lines.append(f"finish $(({of} & 3))")
            case "sh_read", into, name:
                lines.append(f"{{ read {into} < {name}; }} 2>/dev/null || {into}=-1")
                lines.append(f'case "${into}" in ""|*[!0-9]*) {into}=-1;; esac')
            case "sh_write", name, of, more:
                lines.append(f"{{ echo $(({of} + {more})) > {name}; }} 2>/dev/null")
            case "sh_append", name, letter:
                lines.append(f"{{ printf {letter} >> {name}; }} 2>/dev/null")
            case "sh_call", into, "exists", name:
                lines.append(f"if [ -e {name} ]; then {into}=1; else {into}=0; fi")
            case "sh_call", into, call, *names:
                lines.append(f"if {call} {' '.join(names)} 2>/dev/null; then {into}=1; else {into}=0; fi")
            case _:
                raise AssertionError(one)
    return lines
