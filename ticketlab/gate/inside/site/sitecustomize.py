"""Has a Python process of a program tell the gate what only it knows; then the user's own module of this name runs."""

# importlib itself is slow to import: these are what it is made of
import _frozen_importlib as importing
import _frozen_importlib_external as finding
import os
import sys

_here = os.path.dirname(os.path.abspath(__file__))
_room = os.path.dirname(_here)


def _install() -> None:
    spec = finding.spec_from_file_location(
        "_ticketlab_inside", os.path.join(_room, "__init__.py"), submodule_search_locations=[_room]
    )
    if spec is None or spec.loader is None:
        return
    module = sys.modules[spec.name] = importing.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.begin_telling()


def _go_on() -> None:
    sys.path[:] = [each for each in sys.path if each != _here]
    spec = finding.PathFinder.find_spec("sitecustomize", sys.path)
    if spec is not None and spec.loader is not None:
        module = sys.modules["sitecustomize"] = importing.module_from_spec(spec)
        spec.loader.exec_module(module)


if sys.version_info >= (3, 11):  # noqa: UP036 - any Python that the program starts comes here
    _install()
_go_on()
