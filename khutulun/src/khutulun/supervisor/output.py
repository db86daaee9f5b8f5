"""The output of a workload: one file that the workload itself appends to; nothing is lost while no supervisor runs.

When the file grows above its bound, its older half goes: at once where the file system can take off a file's head
(ext4, XFS), else by keeping it as ``output.log.1`` and emptying the file. How many bytes have gone is kept beside it,
so that readers know where they are.
"""

import fcntl
import os

from khutulun.supervisor import linux

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")

NAME = "output.log"
CHUNK = 1 << 16
_BLOCK = 4096


class Output:
    """The files of one workload's output, in its folder."""

    def __init__(self, folder: str) -> None:
        self.path = f"{folder}/{NAME}"
        self.previous = f"{self.path}.1"
        self._dropped = f"{self.path}.dropped"

    def open(self) -> int:
        """A descriptor that a workload appends to."""
        return os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)

    def end(self) -> int:
        """The position after the last byte, counted from the very first that was ever written."""
        return self._locked(lambda descriptor: self.dropped() + os.fstat(descriptor).st_size)

    def begin(self) -> int:
        """The position of the oldest byte that is still there."""
        return self.dropped() - (os.path.getsize(self.previous) if os.path.exists(self.previous) else 0)

    def read(self, position: int) -> tuple[int, bytes]:
        """Up to 64 KiB from `position`; the position at which they begin is later when older ones have gone."""

        def take(descriptor: int) -> tuple[int, bytes]:
            dropped = self.dropped()
            start = max(position, self.begin())
            if start >= dropped:
                return start, os.pread(descriptor, CHUNK, start - dropped)
            with open(self.previous, "rb") as file:
                file.seek(start - self.begin())
                return start, file.read(CHUNK)

        return self._locked(take)

    def trim(self, maximum: int) -> None:
        """Drop the older half when there are more than `maximum` bytes."""
        if not os.path.exists(self.path) or os.path.getsize(self.path) <= maximum:
            return
        descriptor = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            size = os.fstat(descriptor).st_size
            block = max(_BLOCK, os.fstatvfs(descriptor).f_bsize)
            length = (size - maximum // 2) // block * block
            if length and linux.collapse_head(descriptor, length):
                self._drop(length)
            else:
                self._drop(self._move(descriptor))
        finally:
            os.close(descriptor)

    def dropped(self) -> int:
        """How many bytes the file has lost at its head."""
        try:
            with open(self._dropped, encoding="ascii") as file:
                return int(file.read() or 0)
        except FileNotFoundError:
            return 0

    def _locked(self, call: "Callable[[int], T]") -> "T":
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            descriptor = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            return call(descriptor)
        finally:
            os.close(descriptor)

    def _move(self, source: int) -> int:
        target = os.open(self.previous, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
        copied = 0
        try:
            while True:
                count = os.sendfile(target, source, copied, CHUNK)
                copied += count
                if count == 0:
                    os.ftruncate(source, 0)
                    return copied
        finally:
            os.close(target)

    def _drop(self, length: int) -> None:
        total = self.dropped() + length
        with open(self._dropped, "w", encoding="ascii") as file:
            file.write(str(total))
