"""What a loop can remember: all that its code can come to by its names, as a value that can be compared.

A loop remembers only what it can come to again: local variables, globals that its code and the functions named there
name, what those hold, and how far open files were read. Whatever cannot be compared with certainty raises `Unknown`:
a generator, an iterator, an object of C code, a module that keeps a state of its own, a name that is looked up by text.
So two equal memories are equal, and two that differ may be.

Modules of Python's own are taken to remember nothing only if they are listed here, and so are its functions. What the
probes stand in for makes a step, and what that finds is judged by the steps.
"""

from __future__ import annotations

import builtins
import os
import sys
import types
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from io import IOBase
from pathlib import PurePath
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final

from ticketlab.probes.here import HERE
from ticketlab.probes.polling import known
from ticketlab.probes.polling.descriptors import Descriptor, offsets_of_files
from ticketlab.probes.polling.loops import Named, named_in
from ticketlab.probes.standins import identity

MOST_COMPARED: Final = 5_000
"""More objects than these are not compared."""


class Unknown(Exception):
    """The code can come to something that cannot be compared with certainty."""


class LoopMemory:
    """Collects what code can come to. `told` is what two memories are compared by; it holds nothing that can change."""

    def __init__(self, outputs: frozenset[Descriptor]) -> None:
        """Collect what is remembered beside how far `outputs` have been written (see `outputs_of_the_lab`)."""
        self._outputs = outputs
        self.told: list[Any] = []
        self._places: dict[int, int] = {}
        self._found: list[Any] = []  # by place; it keeps what was found alive, so that no number is given twice
        self._codes: set[tuple[CodeType, int]] = set()
        self._attributes: set[str] = set()
        self._modules: dict[str, Any] = {}  # and classes of Python's own, to which a program can add
        self._resolved: set[tuple[str, str]] = set()
        self._open_files = self._walks = False
        self._originals = {identity(each.substitute): each.original for each in HERE.standins if each.owner is None}

    def take(self, code: CodeType, loop: frozenset[int] | None, names: Mapping[str, Any], held: Iterable[Any]) -> None:
        """Take in what a function that is being called can come to: by its code, or a part of it, and its variables."""
        self.told.append((code, loop is not None))
        self._read(named_in(code, loop), names)
        self._visit_all(held)

    def take_value(self, value: Any) -> None:
        """Take in a value."""
        self._visit(value)

    def finish(self) -> Sequence[Any]:
        """Look through all that was found, and return what memories are compared by.

        Raises:
            Unknown: it cannot be compared with certainty.
        """
        done = 0
        while done < len(self._found) or self._unresolved():
            while done < len(self._found):
                self.told.append(("at", done))
                self._look_into(self._found[done])
                done += 1
        if self._open_files and (self._walks or self._attributes & known.USES_OF_FILES):
            raise Unknown("an open file")
        self.told.append(offsets_of_files(self._outputs))
        self.told.append(tuple(os.environ.items()))
        return self.told

    def _visit(self, value: Any) -> None:
        """Take in a value: itself if it cannot change, else where it stands among what was found."""
        if type(value) in known.SCALARS:
            self.told.append((type(value), value))
        elif type(value) is float:
            self.told.append((float, value.hex()))
        else:
            place = self._places.setdefault(identity(value), len(self._found))
            if place == len(self._found):
                if place == MOST_COMPARED:
                    raise Unknown
                self._found.append(value)
            self.told.append(("is", place))

    def _read(self, named: Named, names: Mapping[str, Any]) -> None:
        """Take in what some code names."""
        if named.doubtful:
            raise Unknown
        for name in sorted(named.globals):
            if name in names:
                self._visit(names[name])
            elif name in known.BY_TEXT:
                raise Unknown
            elif name in vars(builtins):
                self._walks |= name in known.WALKERS
                if name == "print" and type(sys.stdout).__module__ not in known.MODULES_OF_STREAMS:
                    raise Unknown(name)
                self._visit(vars(builtins)[name])
        self._attributes |= named.attributes
        self._walks |= named.walks
        if any(name.startswith("__") and name not in known.PLAIN_DUNDERS for name in named.attributes):
            raise Unknown
        for name in sorted(named.imports):
            if name not in sys.modules:
                raise Unknown
            self._visit(sys.modules[name.partition(".")[0]])
        for inner in named.inner:
            self._read_code(inner, names)

    def _read_code(self, code: CodeType, names: Mapping[str, Any]) -> None:
        if (code, identity(names)) not in self._codes:
            self._codes.add((code, identity(names)))
            self._read(named_in(code), names)

    def _unresolved(self) -> bool:
        """Take in those attributes of modules that code names, and return whether there was a new one."""
        before = len(self._resolved)
        for name, module in list(self._modules.items()):
            held = vars(module)
            for attribute in sorted(self._attributes & held.keys()):
                if (name, attribute) not in self._resolved:
                    self._resolved.add((name, attribute))
                    self._visit(held[attribute])
        return len(self._resolved) > before

    def _look_into(self, value: Any) -> None:
        for kind, look in _LOOKS:
            if issubclass(type(value), kind):
                look(self, value)
                return
        self._look_into_instance(value)

    def _look_into_module(self, module: ModuleType) -> None:
        self._of_kind(module, ModuleType)
        name = module.__name__
        if _is_own(name) and name not in known.MODULES:
            raise Unknown
        self.told.append(name)
        self._modules[name] = module
        self._visit(vars(module).get("__getattr__"))

    def _look_into_function(self, function: FunctionType) -> None:
        module = function.__module__ or ""
        self.told.append(function.__code__)
        self._visit_all(each for pair in vars(function).items() if pair[0] != "__wrapped__" for each in pair)
        if (original := self._originals.get(identity(function))) is not None:
            if original.__module__ not in known.STEPS_OF or original.__name__ in known.REMEMBERED:
                raise Unknown(original.__name__)
        elif _is_own(module):
            if module not in known.STATELESS | known.MODULES_OF_CLASSES and function.__name__ not in known.HARMLESS:
                raise Unknown(function.__qualname__)
        else:
            self._read_code(function.__code__, function.__globals__)
            self._visit_all((function.__defaults__, function.__kwdefaults__, function.__closure__))

    def _look_into_builtin(self, function: types.BuiltinFunctionType) -> None:
        self.told.append(function.__name__)
        if not isinstance(function.__self__, ModuleType | type(None)):
            self._visit(function.__self__)
        elif function.__name__ in known.BY_TEXT or not (
            function.__module__ in {"builtins", "math"} or function.__name__ in known.HARMLESS
        ):
            raise Unknown(function.__name__)

    def _look_into_class(self, kind: type) -> None:
        self.told.append((kind.__module__, kind.__qualname__))
        if _is_own(kind.__module__):
            usual = kind.__module__ in known.MODULES_OF_CLASSES or kind in known.CLASSES
            if not usual and not issubclass(kind, BaseException):
                raise Unknown(kind.__name__)
            if kind.__module__ != "builtins":
                self._modules |= {f"{base.__module__}.{base.__qualname__}": base for base in kind.__mro__[:-1]}
            return
        if type(kind) is not type:
            self._visit(type(kind))
        self._visit_all(kind.__bases__)
        for name, value in list(vars(kind).items()):
            if name not in known.ABOUT_CLASSES:
                self.told.append(name)
                self._visit(value)

    def _look_into_mapping(self, value: dict[Any, Any]) -> None:
        self._of_kind(value, dict, OrderedDict, Counter, defaultdict)
        if isinstance(value, defaultdict):
            self._visit(value.default_factory)
        for key, each in list(value.items()):
            self._visit_all((key, each))

    def _look_into_sequence(self, value: Sequence[Any]) -> None:
        self._of_kind(value, tuple, list, deque)
        if isinstance(value, deque):
            self._visit(value.maxlen)
        self.told.append(len(value))
        self._visit_all(value)

    def _look_into_set(self, value: set[Any]) -> None:
        self._of_kind(value, set, frozenset)
        self.told.append((value.__sizeof__(), len(value)))
        if any(type(each) not in known.SCALARS for each in value):
            raise Unknown
        self._visit_all(value)

    def _look_into_file(self, file: Any) -> None:
        """Take in a file: one that is closed is only closed, and one that is open must not be read or written."""
        if not _is_own(type(file).__module__) and not type(file).__module__.startswith("ticketlab.probes"):
            raise Unknown
        self.told.append(("file", file.closed))
        self._open_files |= not file.closed

    def _look_into_error(self, error: BaseException) -> None:
        self._visit_all((type(error), vars(BaseException)["args"].__get__(error), _attributes(error)))
        if isinstance(error, OSError):
            self._visit_all(tuple(vars(OSError)[name].__get__(error) for name in ("filename", "filename2")))

    def _look_into_path(self, path: PurePath) -> None:
        self._of_kind(path, *known.PATHS)
        if getattr(path, "_info", None) is not None:
            raise Unknown  # since Python 3.14 a path may remember what it has been found to be
        self.told.append((type(path), str(path)))

    def _look_into_cell(self, cell: types.CellType) -> None:
        try:
            self._visit(cell.cell_contents)
        except ValueError:
            self.told.append("empty")

    def _look_into_property(self, value: property) -> None:
        self._of_kind(value, property)
        self._visit_all((value.fget, value.fset, value.fdel))

    def _look_into_partial(self, value: partial[Any]) -> None:
        self._of_kind(value, partial)
        self._visit_all((value.func, value.args, value.keywords, _attributes(value)))

    def _look_into_instance(self, value: Any) -> None:
        """Take in an object of a class of the user's or of an installed package, that has no part in C."""
        kind = type(value)
        if value is os.environ:
            return  # its content is told at the end
        if not any(base is types.SimpleNamespace or not _is_own(base.__module__) for base in kind.__mro__[:1]) or any(
            _is_own(base.__module__) and base not in known.CLASSES for base in kind.__mro__
        ):
            raise Unknown(kind.__name__)
        self._visit_all((kind, _attributes(value)))
        for base in kind.__mro__:
            for slot in list(vars(base).values()):
                if isinstance(slot, types.MemberDescriptorType):
                    self._visit(_in_slot(slot, value))

    def _of_kind(self, value: Any, *kinds: type) -> None:
        if type(value) not in kinds:
            raise Unknown
        self.told.append(type(value))

    def _visit_all(self, values: Iterable[Any]) -> None:
        for value in list(values):
            self._visit(value)


_DESCRIPTORS: Final = (
    types.MemberDescriptorType,
    types.GetSetDescriptorType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.ClassMethodDescriptorType,
)
_LOOKS: Final[Sequence[tuple[Any, Callable[[LoopMemory, Any], None]]]] = [
    (ModuleType, LoopMemory._look_into_module),
    (FunctionType, LoopMemory._look_into_function),
    (types.BuiltinFunctionType, LoopMemory._look_into_builtin),
    (type, LoopMemory._look_into_class),
    (dict, LoopMemory._look_into_mapping),
    (tuple | list | deque, LoopMemory._look_into_sequence),
    (set | frozenset, LoopMemory._look_into_set),
    (IOBase, LoopMemory._look_into_file),
    (BaseException, LoopMemory._look_into_error),
    (PurePath, LoopMemory._look_into_path),
    (types.CellType, LoopMemory._look_into_cell),
    (types.MethodType, lambda memory, value: memory._visit_all((value.__func__, value.__self__))),
    (staticmethod | classmethod, lambda memory, value: memory._visit_all((value.__func__, _attributes(value)))),
    (property, lambda memory, value: memory._look_into_property(value)),
    (partial, lambda memory, value: memory._look_into_partial(value)),
    (_DESCRIPTORS, lambda memory, value: memory.told.append(value.__name__)),
]
"""How each kind of object is looked into; the first that fits."""


def _attributes(value: object) -> Any:
    """Return an object's attributes, or None; nothing of the user's is called."""
    try:
        return object.__getattribute__(value, "__dict__")
    except AttributeError:
        return None


def _in_slot(slot: types.MemberDescriptorType, value: object) -> Any:
    try:
        return slot.__get__(value)
    except AttributeError:
        return "unset"


def _is_own(module: str) -> bool:
    """Whether a module is Python's own, or the lab's."""
    top = module.partition(".")[0]
    return top in sys.stdlib_module_names or top == "ticketlab"
