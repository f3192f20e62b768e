"""Published faults of applications, made again small, each beside its fix.

From Pillai et al., "All File Systems Are Not Created Equal: On the Complexity of Crafting Crash-Consistent
Applications" (OSDI 2014), figure 4 and section 4.2: the order of the calls is that of the application; what stands in
the files is made up. A file that is there before is `FILES`' of the same fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

FILES_MODULE: Final = """
import os

def put(path, data, *, flags=os.O_CREAT | os.O_TRUNC, at=None, sync=False):
    file = os.open(path, os.O_WRONLY | flags, 0o644)
    os.write(file, data) if at is None else os.pwrite(file, data, at)
    if sync:
        os.fsync(file)
    os.close(file)

def append(path, data, *, sync=False):
    put(path, data, flags=os.O_CREAT | os.O_APPEND, sync=sync)

def sync(path):
    file = os.open(path, os.O_RDONLY)
    os.fsync(file)
    os.close(file)

def told(text):
    print(text, flush=True)
"""
CHECK_BEGINS: Final = """
import os, sys, zlib
told = sys.stdin.read()
def read(path):
    return open(path, "rb").read() if os.path.exists(path) else None
"""


class Published(NamedTuple):
    """A fault: what the application does, what must hold afterwards, the files before, and its fix.

    `convicted_by` has the models under which it goes wrong.
    """

    does: str
    check: str
    fixed: str
    files: Mapping[str, bytes] = {}
    convicted_by: tuple[str, ...] = ("ext4", "strict")


RECORD: Final = b"0003one"
PUBLISHED: Final[Mapping[str, Published]] = {
    "LevelDB: an appended log record without a checksum that recovery heeds": Published(
        'append("log", b"0003two", sync=True); told("put two")',
        """
log = read("log")
while log:
    size, log = int(log[:4]), log[4:]
    assert log[:size] in (b"one", b"two"), log[:size]
    log = log[size:]
""",
        """
import zlib
append("log", b"0003two" + b"%08x" % zlib.crc32(b"two"), sync=True); told("put two")
""",
        {"log": RECORD},
    ),
    "LevelDB: the folder of a new table is not forced before the manifest names it": Published(
        'put("2.ldb", b"table", sync=True); append("manifest", b"2.ldb;", sync=True); told("compacted")',
        """
for name in read("manifest").split(b";"):
    assert not name.strip(b"\\0") or os.path.exists(name), name
""",
        'put("2.ldb", b"table", sync=True); sync("."); append("manifest", b"2.ldb;", sync=True); told("compacted")',
        {"manifest": b"1.ldb;", "1.ldb": b"table"},
        ("strict",),
    ),
    "GDBM: the folder of a new database is never forced": Published(
        'put("db", b"header", sync=True); told("created")',
        'assert "created" not in told or read("db") == b"header"',
        'put("db", b"header", sync=True); sync("."); told("created")',
        convicted_by=("strict",),
    ),
    "GDBM: the header can be there before the bucket that it points to": Published(
        'put("db", b"bucket", flags=0, at=4096); put("db", b"1", flags=0, at=0, sync=True); told("stored")',
        'db = read("db"); assert db[:1] == b"0" or db[4096:] == b"bucket", db[4096:]',
        'put("db", b"bucket", flags=0, at=4096, sync=True); put("db", b"1", flags=0, at=0, sync=True); told("stored")',
        {"db": b"0" + bytes(4095)},
    ),
    "HSQLDB: the properties are removed before the new ones take their name": Published(
        'put("tmp", b"new", sync=True); os.unlink("props"); os.rename("tmp", "props")',
        'assert read("props") in (b"old", b"new"), read("props")',
        'put("tmp", b"new", sync=True); os.rename("tmp", "props")',
        {"props": b"old"},
    ),
    "HSQLDB: the log is removed before the script that replaces it has its name": Published(
        """
put("stmp", b"one two", sync=True)
os.unlink("log"); os.unlink("script"); os.rename("stmp", "script")
""",
        """
script, log = read("script") or b"", read("log") or b""
assert b"one" in script and b"two" in script + log, (script, log)
""",
        'put("stmp", b"one two", sync=True); os.rename("stmp", "script"); sync("."); os.unlink("log")',
        {"script": b"one", "log": b"two"},
    ),
    "Git: an object's name is not forced before a branch points to it": Published(
        """
os.mkdir("o/x"); put("o/x/tmp", b"commit", sync=True); os.link("o/x/tmp", "o/x/y"); os.unlink("o/x/tmp")
put("branch.lock", b"x/y", sync=True); os.rename("branch.lock", "branch")
""",
        'branch = read("branch"); assert read("o/" + branch.decode()) == b"commit", branch',
        """
os.mkdir("o/x"); put("o/x/tmp", b"commit", sync=True); os.link("o/x/tmp", "o/x/y"); os.unlink("o/x/tmp")
sync("o/x"); sync("o")
put("branch.lock", b"x/y", sync=True); os.rename("branch.lock", "branch")
""",
        {"o/w": b"commit", "branch": b"w"},
        ("strict",),
    ),
    "Git: a commit that was told of is not durable": Published(
        'put("branch.lock", b"new", sync=True); os.rename("branch.lock", "branch"); told("finished commit")',
        'assert "finished" not in told or read("branch") == b"new", read("branch")',
        'put("branch.lock", b"new", sync=True); os.rename("branch.lock", "branch"); sync("."); told("finished commit")',
        {"branch": b"old"},
    ),
    "Git: the first index is renamed into place before its data is forced": Published(
        'put("index.lock", b"file a"); os.rename("index.lock", "index")',
        'assert read("index") in (None, b"file a"), read("index")',
        'put("index.lock", b"file a", sync=True); os.rename("index.lock", "index")',
    ),
    "Mercurial: the dirstate is renamed over the old one before its data is forced": Published(
        'put("tmp", b"new" * 200); os.rename("tmp", "dirstate")',
        'assert read("dirstate") in (b"old", b"new" * 200), read("dirstate")',
        'put("tmp", b"new" * 200, sync=True); os.rename("tmp", "dirstate")',
        {"dirstate": b"old"},
        ("strict",),
    ),
    "Mercurial: the changelog can be there before the file that it names": Published(
        'append("filelog", b"rev1"); append("changelog", b"1")',
        'assert (read("changelog") or b"").strip(b"\\0") == b"" or read("filelog") == b"rev1", read("filelog")',
        'append("filelog", b"rev1", sync=True); sync("."); append("changelog", b"1")',
    ),
    "HDFS: the checksum and the image are renamed one after the other": Published(
        """
put("ckpt", b"new image", sync=True); put("md5.tmp", b"%08x" % 1, sync=True)
os.rename("md5.tmp", "md5"); os.rename("ckpt", "fsimage")
""",
        'assert (read("md5"), read("fsimage")) in ((b"old", b"image"), (b"00000001", b"new image")), read("fsimage")',
        'put("ckpt", b"md5 1, new image", sync=True); os.rename("ckpt", "fsimage")',
        {"md5": b"old", "fsimage": b"image"},
    ),
    "ZooKeeper: the name of a new log is never forced": Published(
        'os.mkdir("v"); put("v/log", b"create /a", sync=True); told("created /a")',
        'assert "created" not in told or read("v/log") == b"create /a", read("v/log")',
        'os.mkdir("v"); put("v/log", b"create /a", sync=True); sync("v"); sync("."); told("created /a")',
        convicted_by=("strict",),
    ),
}
"""The faults by the application and what it does wrong."""
FIXED_CHECKS: Final[Mapping[str, str]] = {
    "LevelDB: an appended log record without a checksum that recovery heeds": """
log = read("log")
found = [log[4:7]]
rest = log[7:]
if rest[4:7] and rest[7:15] == b"%08x" % zlib.crc32(rest[4:7]):
    found.append(rest[4:7])
assert found == ([b"one", b"two"] if "two" in told else found[:1] + [b"two"] * (len(found) - 1)), found
""",
    "HDFS: the checksum and the image are renamed one after the other": """
assert read("fsimage") in (b"image", b"md5 1, new image"), read("fsimage")
""",
}
"""What must hold of a fix, if it is not the same: its files look otherwise."""
