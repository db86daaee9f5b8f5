"""What the two container formats have in common: entries, bounded reading, and how their content is recognised.

`puccini.csar.zips` and `puccini.csar.tars` read; `puccini.csar.archive` gives their entries a meaning.
"""

import io
from collections.abc import Callable, Iterator
from typing import BinaryIO, Protocol, TypeAlias

import msgspec

from puccini.csar.errors import ArchiveError, Refusal
from puccini.csar.formats import Format
from puccini.csar.limits import Limits

CHUNK = 1 << 16
BLOCK = 512


Progress: TypeAlias = Callable[[str, int], None]
"""Told the name and the size of each file that was dealt with."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A file of an archive: its normal name, its size in bytes, whether it may be executed."""

    name: str
    size: int
    executable: bool = False


class Container(Protocol):
    """An indexed container. All its names are normal and different."""

    entries: dict[str, Entry]

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield the content of a file, checked as far as the format allows once the last chunk was taken."""
        ...

    def close(self) -> None: ...


def recognise(file: BinaryIO) -> Format:
    """Return the format of an archive by its content; the name of a file proves nothing."""
    file.seek(0)
    head = file.read(BLOCK)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return Format.ZIP
    if head.startswith(b"\x1f\x8b"):
        return Format.TAR_GZ
    if head[257:262] == b"ustar" or (len(head) == BLOCK and not any(head)):
        return Format.TAR
    raise ArchiveError(
        Refusal.NOT_AN_ARCHIVE,
        "this is neither a zip file nor a tarball" if head else "this is an empty file",
        hint="a CSAR is a .zip, .csar, .tar, .tar.gz or .tgz file; create one with: puccini-csar create",
    )


class Meter:
    """Counts what comes out of an archive and refuses to go on past the limits."""

    def __init__(self, packed: int, limits: Limits) -> None:
        self._packed, self._limits, self._total = max(packed, 1), limits, 0

    def add(self, count: int, name: str | None = None) -> None:
        """Note `count` more bytes."""
        self._total += count
        if self._total > self._limits.total:
            raise ArchiveError(
                Refusal.TOO_LARGE,
                f"the archive unpacks to more than {self._limits.total} bytes",
                entry=name,
                hint="refer to large artifacts by URL instead",
            )
        if self._total > self._limits.ratio_floor and self._total > self._packed * self._limits.ratio:
            raise ArchiveError(
                Refusal.RATIO,
                f"the archive unpacks to more than {self._limits.ratio} times its size",
                entry=name,
                hint="this is how decompression bombs are made; keep very uniform files compressed in the archive",
            )


def check_file_size(name: str, size: int, limits: Limits) -> None:
    """Refuse a single file that is too large."""
    if size > limits.file:
        raise ArchiveError(
            Refusal.TOO_LARGE,
            f"the file is {size} bytes; {limits.file} are allowed",
            entry=name,
            hint="refer to large artifacts by URL instead",
        )


def size_of(file: BinaryIO) -> int:
    """Return the size of a seekable file."""
    return file.seek(0, io.SEEK_END)
