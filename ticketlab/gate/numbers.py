"""System calls that the gate stops, by name: their numbers on x86-64 and on aarch64, from the kernel's tables."""

from __future__ import annotations

import platform
import sys
from functools import cache
from typing import Final, NamedTuple

from ticketlab.core.errors import TicketlabError

_TABLE: Final = """
read 0 63|write 1 64|open 2 -|close 3 57|stat 4 -|fstat 5 80|lstat 6 -|poll 7 -|lseek 8 62|mmap 9 222
pread64 17 67|pwrite64 18 68|readv 19 65|writev 20 66|access 21 -|pipe 22 -|select 23 -|shmat 30 196
dup2 33 -|nanosleep 35 101|sendfile 40 71|socket 41 198|connect 42 203|accept 43 202|sendto 44 206|recvfrom 45 207
sendmsg 46 211|recvmsg 47 212|bind 49 200|socketpair 53 199|clone 56 220|fork 57 -|vfork 58 -|execve 59 221
exit 60 93|wait4 61 260|kill 62 129|semop 65 193|msgsnd 69 189|msgrcv 70 188|fcntl 72 25|flock 73 32
fsync 74 82|fdatasync 75 83|truncate 76 45|ftruncate 77 46|chdir 80 49|fchdir 81 50|rename 82 -|mkdir 83 -
rmdir 84 -|creat 85 -|link 86 -|unlink 87 -|symlink 88 -|readlink 89 -|chmod 90 -|fchmod 91 52
utime 132 -|mknod 133 -|tkill 200 130|futex 202 98|semtimedop 220 192|clock_nanosleep 230 115
exit_group 231 94|epoll_wait 232 -|tgkill 234 131|utimes 235 -|mq_timedsend 242 182|mq_timedreceive 243 183
waitid 247 95|openat 257 56|mkdirat 258 34|mknodat 259 33|futimesat 261 -|newfstatat 262 79|unlinkat 263 35
renameat 264 38|linkat 265 37|symlinkat 266 36|readlinkat 267 78|fchmodat 268 53|faccessat 269 48|pselect6 270 72
ppoll 271 73|utimensat 280 88|epoll_pwait 281 22|fallocate 285 47|accept4 288 242|dup3 292 24|pipe2 293 59
preadv 295 69|pwritev 296 70|recvmmsg 299 243|sendmmsg 307 269|renameat2 316 276|getrandom 318 278|execveat 322 281
copy_file_range 326 285|preadv2 327 286|pwritev2 328 287|statx 332 291|getdents64 217 61|getdents 78 -
pidfd_send_signal 424 424|io_uring_setup 425 425|clone3 435 435|close_range 436 436|openat2 437 437|faccessat2 439 439
epoll_pwait2 441 441|futex_waitv 449 449|fchmodat2 452 452|futex_wake 454 454|futex_wait 455 455
setxattr 188 5|lsetxattr 189 6|fsetxattr 190 7|getxattr 191 8|lgetxattr 192 9|fgetxattr 193 10|listxattr 194 11
llistxattr 195 12|flistxattr 196 13|removexattr 197 14|lremovexattr 198 15|fremovexattr 199 16
chown 92 -|fchown 93 55|lchown 94 -|fchownat 260 54|shutdown 48 210|splice 275 76|tee 276 77|vmsplice 278 75
alarm 37 -|setitimer 38 103|timer_settime 223 110|timerfd_settime 286 86|inotify_add_watch 254 27
semget 64 190|msgget 68 186|shmget 29 194|mq_open 240 180|mq_unlink 241 181|add_key 248 217|request_key 249 218
rt_sigtimedwait 128 137|keyctl 250 219|ptrace 101 117|process_vm_writev 311 271|process_vm_readv 310 270
chroot 161 51|mount 165 40|umount2 166 39|pivot_root 155 41|move_mount 429 429|unshare 272 97|setns 308 268
ioctl 16 29|rt_sigaction 13 134|rt_sigprocmask 14 135|prctl 157 167|getppid 110 173|setpgid 109 154|getpgid 121 155
setsid 112 157|getsid 124 156|getpgrp 111 -|listen 50 201|setsockopt 54 208|signalfd 282 -|signalfd4 289 74
epoll_ctl 233 21|statfs 137 43|fstatfs 138 44|semctl 66 191|msgctl 71 187|shmctl 31 195|pidfd_getfd 438 438
fanotify_mark 301 263|open_by_handle_at 304 265|userfaultfd 323 282|io_setup 206 0|futex_requeue 456 456
setxattrat 463 463|getxattrat 464 464|listxattrat 465 465|removexattrat 466 466
rt_sigqueueinfo 129 138|rt_tgsigqueueinfo 297 240|sync 162 81|syncfs 306 267|msync 26 227
"""


class Machine(NamedTuple):
    """A processor's tables: the number of its kind in audits, and which of the two columns is its own."""

    audit: int
    column: int


_MACHINES: Final = {"x86_64": Machine(0xC000003E, 0), "aarch64": Machine(0xC00000B7, 1)}


def supported_machine() -> Machine:
    """Return this machine's tables; raises TicketlabError if programs cannot be stopped here."""
    machine = _MACHINES.get(platform.machine())
    if not sys.platform.startswith("linux") or machine is None:
        here = f"{platform.system()} on {platform.machine()}"
        raise TicketlabError(f"programs can be explored on Linux on x86_64 and aarch64, and this is {here}")
    return machine


@cache
def numbers(column: int) -> dict[str, int]:
    """Return the calls' numbers by name, in one of the columns; a machine need not have all calls."""
    rows = [row.split() for row in _TABLE.replace("\n", "|").split("|") if row.strip()]
    return {name: int(row[column]) for name, *row in rows if row[column] != "-"}


@cache
def names_by_number(column: int) -> dict[int, str]:
    """Return the calls' names by their numbers."""
    return {number: name for name, number in numbers(column).items()}
