"""The Linux calls that Python 3.11 does not have: subreaper, inotify, timerfd, collapsing a file's head."""

import ctypes
import errno
import os
import struct

IN_MODIFY = 0x2
IN_CLOSE_WRITE = 0x8
IN_MOVED_TO = 0x80
IN_CREATE = 0x100
IN_DELETE_SELF = 0x400
IN_IGNORED = 0x8000

_PR_SET_CHILD_SUBREAPER = 36
_FALLOC_FL_COLLAPSE_RANGE = 0x08
_TFD_ABSTIME_CANCEL_ON_SET = 1 | 2
_TFD_FLAGS = os.O_CLOEXEC | os.O_NONBLOCK
_CLOCK_REALTIME = 0

_libc = ctypes.CDLL(None, use_errno=True)
_fallocate = getattr(_libc, "fallocate64", None) or _libc.fallocate
_fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]


def become_subreaper() -> None:
    """Orphaned descendants become children of this process instead of the machine's init."""
    _check(_libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl")


def inotify() -> int:
    """A new non-blocking inotify descriptor."""
    return _check(_libc.inotify_init1(_TFD_FLAGS), "inotify_init1")


def inotify_add(descriptor: int, path: str, mask: int) -> int:
    """Watch `path`; the watch's number is returned."""
    return _check(_libc.inotify_add_watch(descriptor, os.fsencode(path), ctypes.c_uint32(mask)), path)


def inotify_remove(descriptor: int, watch: int) -> None:
    """End a watch; one that ended by itself is no error."""
    if _libc.inotify_rm_watch(descriptor, watch) < 0 and ctypes.get_errno() != errno.EINVAL:
        _check(-1, "inotify_rm_watch")


def inotify_read(descriptor: int) -> list[tuple[int, int, str]]:
    """The pending events as (watch, mask, name); empty when there are none."""
    try:
        data = os.read(descriptor, 65536)
    except BlockingIOError:
        return []
    events, offset = [], 0
    while offset < len(data):
        watch, mask, _, length = struct.unpack_from("iIII", data, offset)
        name = data[offset + 16 : offset + 16 + length].rstrip(b"\0")
        events.append((watch, mask, os.fsdecode(name)))
        offset += 16 + length
    return events


def wall_timer() -> int:
    """A timer descriptor on the wall clock, readable when it elapses or when the clock is set."""
    return _check(_libc.timerfd_create(_CLOCK_REALTIME, _TFD_FLAGS), "timerfd_create")


def set_wall_timer(descriptor: int, when: float) -> None:
    """Let it elapse at `when` (Unix seconds); 0 disarms it."""
    spec = struct.pack("llll", 0, 0, int(when), int(when % 1 * 1_000_000_000))
    _check(_libc.timerfd_settime(descriptor, _TFD_ABSTIME_CANCEL_ON_SET, spec, None), "timerfd_settime")


def collapse_head(descriptor: int, length: int) -> bool:
    """Remove the first `length` bytes (whole blocks) of a file at once; False where the file system cannot."""
    if _fallocate(descriptor, _FALLOC_FL_COLLAPSE_RANGE, 0, length) == 0:
        return True
    if ctypes.get_errno() in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS, errno.EPERM):
        return False
    raise _error("fallocate")


def _check(result: int, what: str) -> int:
    if result < 0:
        raise _error(what)
    return result


def _error(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), what)
