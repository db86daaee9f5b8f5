"""Tar containers, plain or gzipped: UStar, with the pax and GNU extensions that common programs write (17.1.1.1).

Only files and folders are taken. Headers are read one by one here, because a damaged header must be an error and
not the end of the archive, and because nothing may be read into memory before its size was checked.
"""

import gzip
import tarfile
import tempfile
import threading
import zlib
from collections.abc import Iterator
from typing import IO, BinaryIO

from puccini.csar import container, names
from puccini.csar.container import BLOCK, Entry
from puccini.csar.errors import ArchiveError, Refusal
from puccini.csar.limits import MIB, Limits

_HEADER_LIMIT = 64 * 1024
_SPOOL = 32 * MIB
_LINKS = (tarfile.LNKTYPE, tarfile.SYMTYPE)
_SPECIAL = (tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE)
_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)


class TarContainer:
    """An indexed tarball. A gzipped one is unpacked once, to memory or a temporary file, and checked on the way."""

    def __init__(self, file: BinaryIO, limits: Limits, *, gzipped: bool) -> None:
        self._limits, self._lock = limits, threading.Lock()
        self._meter = container.Meter(container.size_of(file), limits)
        file.seek(0)
        self._file: IO[bytes] = file
        if gzipped:
            self._file = self._unzipped(file)
            file.close()
        self._size = self._file.seek(0, 2)
        self._places: dict[str, int] = {}
        self.entries: dict[str, Entry] = {}
        try:
            self._index(metered=not gzipped)
        except BaseException:
            self._file.close()
            raise

    def chunks(self, name: str) -> Iterator[bytes]:
        position, left = self._places[name], self.entries[name].size
        while left:
            with self._lock:
                self._file.seek(position)
                chunk = self._file.read(min(left, container.CHUNK))
            if not chunk:
                raise _truncated()
            position, left = position + len(chunk), left - len(chunk)
            yield chunk

    def close(self) -> None:
        self._file.close()

    def _unzipped(self, file: BinaryIO) -> IO[bytes]:
        spool: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_SPOOL)  # noqa: SIM115 - closed by close()
        try:
            self._unzip(file, spool)
        except BaseException:
            spool.close()
            raise
        return spool

    def _unzip(self, file: BinaryIO, spool: IO[bytes]) -> None:
        try:
            with gzip.GzipFile(fileobj=file, mode="rb") as stream:
                while chunk := stream.read(container.CHUNK):
                    self._meter.add(len(chunk))
                    spool.write(chunk)
        except EOFError as error:
            raise _truncated() from error
        except (zlib.error, gzip.BadGzipFile) as error:
            raise _corrupt("its compressed data is damaged") from error

    def _index(self, *, metered: bool) -> None:
        register = names.Register(self._limits)
        position, extensions = 0, _Extensions()
        while (header := self._header(position)) is not None:
            position += BLOCK
            if header.type in (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME):
                extensions.take(header, self._read(position, header.size))
                position += _padded(header.size)
                continue
            raw, size = extensions.apply(header)
            name = names.normal(names.decode(raw), self._limits)
            folder = header.type == tarfile.DIRTYPE
            _check_kind(name, header)
            register.add(name, folder=folder)
            size = 0 if folder else size
            if position + size > self._size:
                raise _truncated()
            if not folder:
                self._add(name, position, size, executable=bool(header.mode & 0o100), metered=metered)
            position += _padded(size)
            extensions = _Extensions()

    def _add(self, name: str, position: int, size: int, *, executable: bool, metered: bool) -> None:
        if not name:
            raise ArchiveError(Refusal.NAME, "an entry has no name", hint="pack the archive again")
        container.check_file_size(name, size, self._limits)
        if metered:
            self._meter.add(size, name)
        self._places[name] = position
        self.entries[name] = Entry(name=name, size=size, executable=executable)

    def _header(self, position: int) -> tarfile.TarInfo | None:
        self._file.seek(position)
        block = self._file.read(BLOCK)
        if len(block) < BLOCK:
            raise _truncated()
        if not any(block):
            self._check_end(position)
            return None
        try:
            header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            raise _corrupt(f"the header at byte {position} is not one ({error})") from error
        if header.size < 0:
            raise _corrupt(f"the header at byte {position} has a negative size")
        return header

    def _check_end(self, position: int) -> None:
        self._file.seek(position)
        while block := self._file.read(container.CHUNK):
            if any(block):
                raise _corrupt("something follows its end")

    def _read(self, position: int, size: int) -> bytes:
        if size > _HEADER_LIMIT:
            raise ArchiveError(
                Refusal.TOO_LARGE,
                f"an extended header is {size} bytes; {_HEADER_LIMIT} are allowed",
                hint="pack the archive again",
            )
        self._file.seek(position)
        content = self._file.read(size)
        if len(content) < size:
            raise _truncated()
        return content


class _Extensions:
    """What extended headers say about the next entry."""

    def __init__(self) -> None:
        self._name: bytes | None = None
        self._size: int | None = None

    def take(self, header: tarfile.TarInfo, content: bytes) -> None:
        if header.type == tarfile.GNUTYPE_LONGNAME:
            self._name = content.rstrip(b"\0")
            return
        for key, value in _records(content):
            if key.startswith(b"GNU.sparse."):
                raise ArchiveError(
                    Refusal.UNSUPPORTED, "the archive holds a sparse file", hint="pack it without --sparse"
                )
            if header.type == tarfile.XGLTYPE:
                if key in (b"path", b"size", b"linkpath"):
                    raise _corrupt("a global header names a file")
            elif key == b"path":
                self._name = value
            elif key == b"size":
                if not value.isdigit() or len(value) > 18:
                    raise _corrupt("an extended header has a wrong size")
                self._size = int(value)

    def apply(self, header: tarfile.TarInfo) -> tuple[bytes, int]:
        name = header.name.encode("utf-8", "surrogateescape") if self._name is None else self._name
        return name, header.size if self._size is None else self._size


def _records(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the key and value of each pax record: ``LENGTH KEY=VALUE newline``."""
    while content:
        digits, blank, _ = content.partition(b" ")
        if not blank or not digits.isdigit() or len(digits) > 8:
            raise _corrupt("an extended header is damaged")
        length = int(digits)
        record = content[len(digits) + 1 : length]
        key, equals, value = record.partition(b"=")
        if not equals or not value.endswith(b"\n") or length > len(content):
            raise _corrupt("an extended header is damaged")
        yield key, value[:-1]
        content = content[length:]


def _check_kind(name: str, header: tarfile.TarInfo) -> None:
    if header.type in _LINKS or header.type == tarfile.GNUTYPE_LONGLINK:
        raise ArchiveError(
            Refusal.LINK, "this is a link", entry=name, hint="pack the file that it leads to (tar --dereference)"
        )
    if header.type in _SPECIAL:
        raise ArchiveError(
            Refusal.DEVICE, "this is a device or pipe", entry=name, hint="an archive holds files and folders"
        )
    if header.type not in _FILES and header.type != tarfile.DIRTYPE:
        raise ArchiveError(
            Refusal.UNSUPPORTED,
            f"entries of type {header.type.decode('latin-1')!r} are not supported",
            entry=name,
            hint="pack it again with: puccini-csar create, or tar --format=ustar",
        )


def _padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK


def _truncated() -> ArchiveError:
    return ArchiveError(Refusal.TRUNCATED, "the tarball is truncated", hint="transfer it again, in binary mode")


def _corrupt(why: str) -> ArchiveError:
    return ArchiveError(Refusal.CORRUPT, f"the archive is damaged: {why}", hint="transfer it again, or pack it again")
