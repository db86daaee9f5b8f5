"""Tells when files grow, pushed by the kernel (inotify): bounds the output of commands that write to files."""

import contextlib
import ctypes
import os
import threading
from collections.abc import Sequence
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
_IN_MODIFY = 0x2
_FLAGS = os.O_NONBLOCK | os.O_CLOEXEC
_local = threading.local()


class _Notices:
    """An inotify instance. Each thread keeps one, because closing one takes the kernel up to 20 ms."""

    def __init__(self) -> None:
        self.descriptor: int = _LIBC.inotify_init1(_FLAGS)
        if self.descriptor < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")

    def add(self, file: Path) -> int:
        watch: int = _LIBC.inotify_add_watch(self.descriptor, os.fsencode(file), _IN_MODIFY)
        if watch < 0:
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error), str(file))
        return watch

    def remove(self, watch: int) -> None:
        _LIBC.inotify_rm_watch(self.descriptor, watch)

    def take(self) -> None:
        """Take the pending notices."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self.descriptor, 64 * 1024):
                pass

    def __del__(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)


class SizeWatch:
    """Watches files as long as its ``with`` lasts. `descriptor` becomes readable when one was written to."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = files
        if not hasattr(_local, "notices"):
            _local.notices = _Notices()
        self._notices: _Notices = _local.notices
        self._watches: list[int] = []
        self.descriptor = self._notices.descriptor

    def largest(self) -> int:
        """Take the pending notices; return the size of the largest file."""
        self._notices.take()
        return max(file.stat().st_size for file in self._files)

    def __enter__(self) -> "SizeWatch":
        self._watches = [self._notices.add(file) for file in self._files]
        return self

    def __exit__(self, *_: object) -> None:
        for watch in self._watches:
            self._notices.remove(watch)
        self._notices.take()
