"""Has a Python process of a program tell the gate what only it knows; then the user's own module of this name runs."""

import importlib.machinery
import importlib.util
import os
import sys

_here = os.path.dirname(os.path.abspath(__file__))
_room = os.path.dirname(_here)


def _install() -> None:
    spec = importlib.util.spec_from_file_location(
        "_ticketlab_inside", os.path.join(_room, "__init__.py"), submodule_search_locations=[_room]
    )
    if spec is None or spec.loader is None:
        return
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.install()


def _go_on() -> None:
    sys.path[:] = [each for each in sys.path if each != _here]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", sys.path)
    if spec is not None and spec.loader is not None:
        module = sys.modules["sitecustomize"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)


if sys.version_info >= (3, 11):  # noqa: UP036 - any Python that the program starts comes here
    _install()
_go_on()
