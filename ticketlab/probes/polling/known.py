"""What is known of Python's own modules, functions and classes: which of them remember nothing from call to call."""

from __future__ import annotations

import re
import types
from contextlib import nullcontext, suppress
from io import BufferedRandom, FileIO, IOBase, TextIOWrapper
from pathlib import Path, PosixPath, PurePath, PurePosixPath, PureWindowsPath, WindowsPath
from typing import Final

SCALARS: Final = (type(None), bool, int, str, bytes, complex, type(Ellipsis), type(NotImplemented), range, re.Pattern)
"""Types of values that never change, and hold none that do."""
STATELESS: Final = frozenset({"posixpath", "genericpath", "json", "json.decoder", "json.encoder", "stat", "errno"})
"""Modules all of whose functions remember nothing."""
MODULES: Final = STATELESS | {"os", "time", "fcntl", "pathlib", "contextlib", "math", "types", "typing"}
"""Modules of which each function that code names is asked about."""
HARMLESS: Final = frozenset({"getpid", "fspath", "fsencode", "fsdecode", "getcwd", "strerror", "getuid", "makedirs"})
"""Functions that remember nothing, of other modules."""
STEPS_OF: Final = STATELESS | {"posix", "os", "fcntl", "_io", "io", "time"}
"""Modules whose functions make steps, if the probes stand in for them."""
REMEMBERED: Final = frozenset(
    {
        *("urandom", "fork", "forkpty", "system", "chdir", "fchdir"),
        *("read", "readv", "write", "writev", "sendfile", "copy_file_range", "splice"),
    }
)
"""Functions that the probes stand in for all the same, and after which the process is another one."""
BY_TEXT: Final = frozenset(
    {
        *("eval", "exec", "compile", "globals", "locals", "vars", "dir", "getattr", "setattr", "delattr", "hasattr"),
        *("__import__", "__build_class__", "id", "hash", "input", "breakpoint", "help"),
    }
)
"""Builtins by which code comes to what it does not name, or to what differs from one try to the next."""
PLAIN_DUNDERS: Final = frozenset({"__name__", "__file__", "__class__", "__enter__", "__exit__", "__init__"})
"""Attributes of Python's own by which code comes to nothing else."""
WALKERS: Final = frozenset(
    {
        *("list", "tuple", "set", "frozenset", "dict", "iter", "next", "sum", "sorted", "any", "all", "min", "max"),
        *("zip", "map", "filter", "enumerate", "reversed", "bytes", "bytearray", "print"),
    }
)
"""Builtins that go through an iterable, or use a file."""

PATHS: Final[tuple[type, ...]] = (PurePath, PurePosixPath, PureWindowsPath, Path, PosixPath, WindowsPath)
"""Paths, which never change."""
MODULES_OF_STREAMS: Final = frozenset({"_io", "_pytest.capture"})
"""Where the class of the standard output stream may come from, if `print` is to remember nothing."""
MODULES_OF_CLASSES: Final = frozenset({"builtins", "pathlib", "pathlib._local", "pathlib._abc", "pathlib.types"})
"""Modules all of whose classes may be named."""
CLASSES: Final = frozenset({object, types.SimpleNamespace, suppress, nullcontext})
"""Further classes that may be named, or be the base of one of the user's."""
ABOUT_CLASSES: Final = frozenset(
    {
        *("__dict__", "__weakref__", "__doc__", "__module__", "__annotations__", "__slots__", "__match_args__"),
        *("__dataclass_fields__", "__dataclass_params__", "__static_attributes__", "__firstlineno__"),
        *("__annotate_func__", "__annotations_cache__", "__conditional_annotations__"),
    }
)
"""What a class says about itself."""
USES_OF_FILES: Final = frozenset(
    {
        *(name for kind in (IOBase, TextIOWrapper, BufferedRandom, FileIO) for name in dir(kind)),
        *("load", "dump", "join", "extend", "update", "fsum", "prod"),
    }
) - {"fileno", "closed", "name", "mode", "close"}
"""Attributes by which a file can be read or written, also by way of others."""
