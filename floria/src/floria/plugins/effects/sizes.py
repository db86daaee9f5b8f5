"""Tells when files grow, pushed by the kernel (inotify): bounds the output of commands that write to files."""

import contextlib
import ctypes
import os
from collections.abc import Sequence
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
_IN_MODIFY = 0x2
_FLAGS = os.O_NONBLOCK | os.O_CLOEXEC


class SizeWatch:
    """Watches files. `descriptor` becomes readable when one was written to."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = files
        self.descriptor: int = _LIBC.inotify_init1(_FLAGS)
        if self.descriptor < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        for file in files:
            if _LIBC.inotify_add_watch(self.descriptor, os.fsencode(file), _IN_MODIFY) < 0:
                error = ctypes.get_errno()
                os.close(self.descriptor)
                raise OSError(error, os.strerror(error), str(file))

    def largest(self) -> int:
        """Take the pending notices; return the size of the largest file."""
        with contextlib.suppress(BlockingIOError):
            os.read(self.descriptor, 64 * 1024)
        return max(file.stat().st_size for file in self._files)

    def __enter__(self) -> "SizeWatch":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)
