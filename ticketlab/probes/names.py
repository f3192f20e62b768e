"""Names in folders: what renames, links, removes and makes them, and the looks that find out what is there."""

from __future__ import annotations

import genericpath
import os
import posixpath
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from ticketlab.core import pacing
from ticketlab.core.file_names import LINKS, LIST, FileName
from ticketlab.core.steps import Access, Action, Step
from ticketlab.probes.file_system.opening import name_now, passed, refused
from ticketlab.probes.file_system.times import in_virtual_time, stamp
from ticketlab.probes.here import HERE, probed
from ticketlab.probes.kind import ProbeKind
from ticketlab.probes.polling.spins import POLLING
from ticketlab.probes.standins import StandIn

_stat, _lstat, _fstat, _scandir, _listdir = os.stat, os.lstat, os.fstat, os.scandir, os.listdir
_chdir, _fchdir, _truncate, _readlink, _utime = os.chdir, os.fchdir, os.truncate, os.readlink, os.utime


def _found(path: Any, dir_fd: int | None = None) -> os.stat_result | None:
    """Return what a name stands for, links not followed; None if for nothing."""
    try:
        return _stat(path, dir_fd=dir_fd, follow_symlinks=False)
    except OSError:
        return None


def _links(found: os.stat_result | None) -> tuple[Access, ...]:
    """Return that a file gets or loses a name, if anybody has it open; it may lose its last one."""
    name = HERE.resources.inodes.known(found) if found is not None else None
    return () if name is None else ((Action.LINK, LINKS + name),)


def _keep_name(place: FileName, path: Any, dir_fd: int | None) -> None:
    """Call a file that is about to be moved or linked by the name that it has had so far."""
    found = _found(path, dir_fd)
    if found is not None and not stat.S_ISLNK(found.st_mode):
        HERE.resources.data(found, place, path, dir_fd)


def _lost(found: os.stat_result | None) -> None:
    if found is not None and found.st_nlink == 1:
        HERE.resources.inodes.gone(found)


def _changing(original: Callable[..., Any], action: Action) -> Callable[..., Any]:
    """Return the probe of a call that makes or unmakes the name that its first argument is."""

    def probe(path: Any, *args: Any, dir_fd: int | None = None, **kwargs: Any) -> Any:
        place = passed(path, dir_fd, action, follows=False)
        if dir_fd is not None:
            kwargs["dir_fd"] = dir_fd
        if place is None:
            return original(path, *args, **kwargs)
        step = place.step(action)
        found = _found(path, dir_fd)
        if found is not None and found.st_nlink > 1 and action is Action.UNLINK:
            HERE.resources.data(found, place, path, dir_fd)
        links = _links(found) if action is Action.UNLINK else ()
        if action is Action.REMOVE_DIRECTORY and found is not None:  # it must be empty
            links = ((Action.LIST, LIST + HERE.resources.inodes.name(found, place.path)),)
        try:
            result = original(path, *args, **kwargs)
        except OSError as error:
            refused(error)
            raise
        if links:
            pacing.made(step._replace(also=(*step.also, *links)))
        if action is Action.UNLINK:
            _lost(found)
        elif action is Action.MAKE_DIRECTORY and dir_fd is None:
            stamp(path)
        return result

    return probe


def _moving(original: Callable[..., Any]) -> Callable[..., Any]:
    """Return the probe of a rename."""

    def probe(src: Any, dst: Any, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None) -> Any:
        here, there = HERE.resources.announced(src, src_dir_fd), HERE.resources.announced(dst, dst_dir_fd)
        call = partial(original, src, dst)
        if src_dir_fd is not None or dst_dir_fd is not None:
            call = partial(original, src, dst, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
        if here is None or there is None:
            return call()
        seems = _renaming(here, there)
        pacing.at(seems)
        here, there = name_now(here, src, src_dir_fd), name_now(there, dst, dst_dir_fd)
        step = _renaming(here, there)
        _keep_name(here, src, src_dir_fd)
        if step != seems:
            pacing.made(step)
        found = _found(dst, dst_dir_fd)
        if found is not None and found.st_nlink > 1:
            _keep_name(there, dst, dst_dir_fd)
        try:
            result = call()
        except OSError as error:
            refused(error)
            raise
        if links := _links(found):
            pacing.made(step._replace(also=(*step.also, *links)))
        _lost(found)
        return result

    return probe


def _renaming(here: FileName, there: FileName) -> Step:
    also = (*there.looks, *here.looks, (Action.UNLINK, here.name), there.entry)
    if here.entry != there.entry:
        also = (*also, here.entry)
    return Step(Action.RENAME, there.name, also=also, path=f"{here.path} to {there.path}")


def _linking(original: Callable[..., Any], *, looks: bool) -> Callable[..., Any]:
    """Return the probe of a call that makes a name, its second argument, for the first; a link looks that one up."""

    def probe(src: Any, dst: Any, *args: Any, **kwargs: Any) -> Any:
        to, of = kwargs.get("dst_dir_fd", kwargs.get("dir_fd")), kwargs.get("src_dir_fd")
        there = HERE.resources.announced(dst, to)
        here = HERE.resources.announced(src, of) if looks else None
        if there is None:
            return original(src, dst, *args, **kwargs)
        seems = _new_link(there, here)
        pacing.at(seems)
        here = None if here is None else name_now(here, src, of)
        step = _new_link(name_now(there, dst, to), here)
        if here is not None:
            _keep_name(here, src, of)
        if step != seems:
            pacing.made(step)
        try:
            result = original(src, dst, *args, **kwargs)
        except OSError as error:
            refused(error)
            raise
        if not looks:
            HERE.resources.inodes.link()
        if looks and (links := _links(_found(src, of))):
            pacing.made(step._replace(also=(*step.also, *links)))
        return result

    return probe


def _new_link(there: FileName, here: FileName | None) -> Step:
    looked = (*here.looks, (Action.LOOK, here.name)) if here is not None else ()
    step = there.step(Action.LINK)
    return step._replace(also=(*step.also, *looked))


def _looking(original: Callable[..., Any], *, follows: bool = True) -> Callable[..., Any]:
    """Return the probe of a call that looks whether a name stands for something, and what."""

    def probe(path: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(path, int):
            passed(path, kwargs.get("dir_fd"), Action.LOOK, follows=follows)
        return original(path, *args, **kwargs)

    return probe


def _examining(original: Callable[..., os.stat_result], *, follows: bool) -> Callable[..., os.stat_result]:
    """Return the probe of a call that says how much is in a file as well, and when it was changed."""

    def probe(path: Any, *args: Any, **kwargs: Any) -> os.stat_result:
        if isinstance(path, int):
            return _examine_descriptor(path)
        through = follows and kwargs.get("follow_symlinks", True)
        place = passed(path, kwargs.get("dir_fd"), Action.LOOK, follows=through)
        if place is None:
            return original(path, *args, **kwargs)
        found = original(path, *args, **kwargs)
        if stat.S_ISREG(found.st_mode):
            data = HERE.resources.data(found, place, path, kwargs.get("dir_fd"))
            pacing.made(place.with_data(Action.READ, data))
        return in_virtual_time(found)

    return probe


def _examine_descriptor(fd: int) -> os.stat_result:
    file = HERE.descriptors.of(fd)
    if file is not None:
        pacing.at(file.read._replace(also=((Action.LOOK, file.links),)))
    return in_virtual_time(_fstat(fd))


def _touching(original: Callable[..., None]) -> Callable[..., None]:
    """Return the probe of a call that changes a file's times or its mode."""

    def probe(path: Any, *args: Any, **kwargs: Any) -> None:
        if isinstance(path, int):
            file = HERE.descriptors.of(path)
            if file is not None:
                pacing.at(file.step(Action.TOUCH))
            original(path, *args, **kwargs)
            return stamp(path) if original is _utime and _is_now(*args, **kwargs) else None
        place = passed(path, kwargs.get("dir_fd"), Action.LOOK, follows=kwargs.get("follow_symlinks", True))
        if place is None:
            return original(path, *args, **kwargs)
        original(path, *args, **kwargs)
        if original is _utime and _is_now(*args, **kwargs):
            stamp(path)
        found = _found(path, kwargs.get("dir_fd"))
        if found is not None:
            data = HERE.resources.data(found, place, path, kwargs.get("dir_fd"))
            pacing.made(place.with_data(Action.TOUCH, data))
        return None

    return probe


def _is_now(times: Any = None, *, ns: Any = None, dir_fd: Any = None, follow_symlinks: bool = True) -> bool:
    """Whether `os.utime` is to write down that a file was changed now, by its own name."""
    return times is None and ns is None and dir_fd is None and follow_symlinks


def _truncating(path: Any, length: int) -> None:
    if isinstance(path, int):
        file = HERE.descriptors.of(path)
        if file is not None:
            pacing.at(file.step(Action.TRUNCATE))
        _truncate(path, length)
        return stamp(path)
    place = passed(path, None, Action.LOOK, follows=True)
    if place is None:
        return _truncate(path, length)
    _truncate(path, length)
    stamp(path)
    pacing.made(place.with_data(Action.TRUNCATE, HERE.resources.data(_stat(path), place, path)))
    return None


def _listed(path: Any) -> None:
    """Pass the scheduling point before a folder is listed."""
    if isinstance(path, int):
        path = _readlink(f"/proc/self/fd/{path}")
    seems = HERE.resources.announced(path)
    if seems is None:
        return
    step = _listing(seems, seems.path)
    pacing.at(step)
    try:
        found = _stat(path)
    except OSError:
        pacing.made(name_now(seems, path, follows=True).step(Action.LOOK))
        return
    if seems.path != ".":
        place = name_now(seems, path, follows=True)
        pacing.made(_listing(place, HERE.resources.inodes.name(found, place.path)))


def _listing(place: FileName, name: str) -> Step:
    looks = () if place.path == "." else (*place.looks, (Action.LOOK, place.name))
    return Step(Action.LIST, LIST + name, also=looks, path=place.path)


def _list(path: Any = ".") -> list[Any]:
    _listed("." if path is None else path)
    return _listdir(path)


class _Entries:
    """What `os.scandir` returns, read at once; it knows the files' times."""

    def __init__(self, path: Any) -> None:
        with _scandir(path) as entries:
            self._left = iter(list(entries))

    def __iter__(self) -> Iterator[os.DirEntry[Any]]:
        return self

    def __next__(self) -> os.DirEntry[Any]:
        return next(self._left)

    def __enter__(self) -> _Entries:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._left = iter([])


def _scan(path: Any = ".") -> _Entries:
    POLLING.looked_at_file(sys._getframe())
    _listed("." if path is None else path)
    return _Entries(path)


def _changing_folder(original: Callable[[Any], None]) -> Callable[[Any], None]:
    def probe(path: Any) -> None:
        original(path)
        HERE.resources.moved()

    return probe


_CHANGES: Final = {
    Action.UNLINK: ("unlink", "remove"),
    Action.MAKE_DIRECTORY: ("mkdir",),
    Action.REMOVE_DIRECTORY: ("rmdir",),
    Action.CREATE: ("mkfifo", "mknod"),
}
_TOUCHES: Final = ("utime", "chmod", "chown", "lchown", "setxattr", "removexattr", "fchmod", "fchown")


def _calls(names: Sequence[str]) -> list[Any]:
    return [call for name in names if (call := getattr(os, name, None)) is not None]


def _standins() -> Sequence[StandIn]:
    pairs: list[tuple[Any, Any]] = []
    for action, names in _CHANGES.items():
        pairs += [(call, _changing(call, action)) for call in _calls(names)]
    pairs += [(call, _moving(call)) for call in _calls(("rename", "replace"))]
    pairs += [(os.link, _linking(os.link, looks=True)), (os.symlink, _linking(os.symlink, looks=False))]
    pairs += [(call, _looking(call)) for call in _calls(("access", "getxattr", "listxattr"))]
    pairs += [(_readlink, _looking(_readlink, follows=False))]
    pairs += [(_stat, _examining(_stat, follows=True)), (_lstat, _examining(_lstat, follows=False))]
    pairs += [(call, _touching(call)) for call in _calls(_TOUCHES)]
    pairs += [(_fstat, _examine_descriptor), (_truncate, _truncating), (_listdir, _list), (_scandir, _scan)]
    pairs += [(call, _changing_folder(call)) for call in (_chdir, _fchdir)]
    pairs += [(call, _looking(call)) for call in (genericpath.exists, genericpath.isfile, genericpath.isdir)]
    pairs += [(call, _looking(call, follows=False)) for call in (posixpath.lexists, posixpath.islink)]
    found = [StandIn(original, probed(original, probe)) for original, probe in pairs]
    for name in ("exists", "is_file", "is_dir", "is_symlink"):
        if method := vars(Path).get(name):
            probe = _looking(method, follows=name != "is_symlink")
            found.append(StandIn(method, probed(method, probe), Path, name))
    return found


KIND = ProbeKind(
    name="names", summary="names in folders: os.rename to os.rmdir, os.stat to os.scandir, os.path", standins=_standins
)
