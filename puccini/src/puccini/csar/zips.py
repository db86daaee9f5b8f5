"""Zip containers, as ISO/IEC 21320-1 restricts them: stored or deflated, not encrypted, not split (section 17.1.1.2).

The central directory and the local headers are both read and must agree, entries must not overlap, and what is
unpacked is counted while it is unpacked: an archive that says one thing to one reader and another to the next is
refused.
"""

import itertools
import stat
import struct
import threading
import zlib
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from puccini.csar import container, names
from puccini.csar.container import Entry
from puccini.csar.errors import ArchiveError, Refusal
from puccini.csar.limits import Limits

_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64 = struct.Struct("<4sLQL")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_STORED, _DEFLATED = 0, 8
_ENCRYPTED = 1 << 0 | 1 << 6 | 1 << 13
_PATCH, _DESCRIPTOR = 1 << 5, 1 << 3
_UNIX = 3
_MAX16, _MAX32 = 0xFFFF, 0xFFFFFFFF


class _Member(msgspec.Struct, frozen=True, kw_only=True):
    raw: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    mode: int


class ZipContainer:
    """An indexed zip file. Reading checks sizes and CRC."""

    def __init__(self, file: BinaryIO, limits: Limits) -> None:
        self._file, self._limits, self._lock = file, limits, threading.Lock()
        self._size = container.size_of(file)
        self._meter = container.Meter(self._size, limits)
        self._members: dict[str, tuple[_Member, int]] = {}
        self.entries: dict[str, Entry] = {}
        self._index()

    def chunks(self, name: str) -> Iterator[bytes]:
        member, start = self._members[name]
        crc = count = 0
        for chunk in self._inflated(name, member, start) if member.method == _DEFLATED else self._raw(member, start):
            count += len(chunk)
            if count > member.size:
                raise _corrupt(name, f"it unpacks to more than the {member.size} bytes that the directory promises")
            crc = zlib.crc32(chunk, crc)
            yield chunk
        if count != member.size:
            raise _corrupt(name, f"it unpacks to {count} bytes where the directory promises {member.size}")
        if crc != member.crc:
            raise _corrupt(name, f"its CRC is {crc:08x}; the directory says {member.crc:08x}")

    def close(self) -> None:
        self._file.close()

    def _index(self) -> None:
        start, size, count = _directory(self._file, self._size)
        if count > self._limits.entries:
            raise ArchiveError(
                Refusal.TOO_MANY,
                f"the archive holds {count} entries; {self._limits.entries} are allowed",
                hint="put what belongs together into one artifact file",
            )
        self._file.seek(start)
        directory = self._file.read(size)
        register = names.Register(self._limits)
        spans: list[tuple[int, int, str]] = []
        for member in _members(directory, count):
            name = names.normal(names.decode(member.raw), self._limits)
            folder = member.raw.endswith(b"/")
            _check_kind(name, member, folder=folder)
            data = self._data_offset(name, member, start)
            spans.append((member.offset, data + member.packed, name))
            register.add(name, folder=folder)
            if not folder:
                container.check_file_size(name, member.size, self._limits)
                self._meter.add(member.size, name)
                self._members[name] = member, data
                executable = bool(member.mode & stat.S_IXUSR)
                self.entries[name] = Entry(name=name, size=member.size, executable=executable)
        _check_spans(spans, start)

    def _data_offset(self, name: str, member: _Member, end: int) -> int:
        self._file.seek(member.offset)
        header = self._file.read(_LOCAL.size)
        if len(header) < _LOCAL.size or header[:4] != b"PK\x03\x04":
            raise _corrupt(name, "the directory points to where no entry is")
        _, _, flags, method, _, _, crc, packed, size, name_length, extra_length = _LOCAL.unpack(header)
        raw = self._file.read(name_length)
        if raw != member.raw:
            raise _corrupt(name, f"the entry itself is called {raw.decode(errors='backslashreplace')!r}")
        if method != member.method or (flags ^ member.flags) & _ENCRYPTED:
            raise _corrupt(name, "the entry and the directory disagree about how it is packed")
        known = not flags & _DESCRIPTOR and _MAX32 not in (packed, size)
        if known and (crc, packed, size) != (member.crc, member.packed, member.size):
            raise _corrupt(name, "the entry and the directory disagree about its size or CRC")
        data = member.offset + _LOCAL.size + name_length + extra_length
        if data + member.packed > end:
            raise _corrupt(name, "its content reaches into the directory")
        return int(data)

    def _raw(self, member: _Member, start: int) -> Iterator[bytes]:
        position, left = start, member.packed
        while left:
            with self._lock:
                self._file.seek(position)
                chunk = self._file.read(min(left, container.CHUNK))
            if not chunk:
                raise ArchiveError(Refusal.TRUNCATED, "the archive ends in the middle of an entry")
            position, left = position + len(chunk), left - len(chunk)
            yield chunk

    def _inflated(self, name: str, member: _Member, start: int) -> Iterator[bytes]:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            for packed in self._raw(member, start):
                while packed:
                    yield inflater.decompress(packed, container.CHUNK)
                    packed = inflater.unconsumed_tail
            yield inflater.flush()
        except zlib.error as error:
            raise _corrupt(name, "its compressed data is damaged") from error
        if not inflater.eof or inflater.unused_data:
            raise _corrupt(name, "its compressed data does not end where the directory says")


def _directory(file: BinaryIO, size: int) -> tuple[int, int, int]:
    """Return offset, size and number of entries of the central directory."""
    tail_size = min(size, _END.size + _MAX16)
    file.seek(size - tail_size)
    tail = file.read(tail_size)
    end = _find_end(tail)
    _, disk, first_disk, here, count, length, offset, _ = _END.unpack_from(tail, end)
    position = size - tail_size + end
    if _MAX16 in (disk, here, count) or _MAX32 in (length, offset):
        disk, first_disk, here, count, length, offset, position = _end64(file, position)
    if disk or first_disk or here != count:
        raise ArchiveError(Refusal.UNSUPPORTED, "the archive is split over several files", hint="join it first")
    if offset + length != position:
        raise _corrupt(None, "the directory is not where its end record says")
    if length < count * _CENTRAL.size:
        raise _corrupt(None, "the directory is too small for its number of entries")
    return offset, length, count


def _find_end(tail: bytes) -> int:
    position = tail.rfind(b"PK\x05\x06")
    while position >= 0:
        if len(tail) - position >= _END.size:
            comment = int.from_bytes(tail[position + 20 : position + 22], "little")
            if position + _END.size + comment == len(tail):
                return position
        position = tail.rfind(b"PK\x05\x06", 0, position)
    raise ArchiveError(
        Refusal.TRUNCATED,
        "the zip file has no directory at its end: it is truncated, or something follows it",
        hint="transfer it again, in binary mode",
    )


def _end64(file: BinaryIO, position: int) -> tuple[int, int, int, int, int, int, int]:
    if position < _LOCATOR64.size:
        raise _corrupt(None, "the zip64 directory is missing")
    file.seek(position - _LOCATOR64.size)
    signature, disk, offset, disks = _LOCATOR64.unpack(file.read(_LOCATOR64.size))
    if signature != b"PK\x06\x07" or disk or disks > 1:
        raise _corrupt(None, "the zip64 directory is missing")
    file.seek(offset)
    record = file.read(_END64.size)
    if len(record) < _END64.size or record[:4] != b"PK\x06\x06":
        raise _corrupt(None, "the zip64 directory is not where it should be")
    _, _, _, _, this, first, here, count, length, start = _END64.unpack(record)
    return this, first, here, count, length, start, offset


def _members(directory: bytes, count: int) -> Iterator[_Member]:
    position = 0
    for _ in range(count):
        if len(directory) - position < _CENTRAL.size or directory[position : position + 4] != b"PK\x01\x02":
            raise _corrupt(None, "the directory is damaged")
        fields = _CENTRAL.unpack_from(directory, position)
        maker, flags, method, crc, packed, size = fields[1], fields[3], fields[4], fields[7], fields[8], fields[9]
        name_length, extra_length, comment_length, disk = fields[10:14]
        attributes, offset = fields[15], fields[16]
        position += _CENTRAL.size
        raw = directory[position : position + name_length]
        extra = directory[position + name_length : position + name_length + extra_length]
        position += name_length + extra_length + comment_length
        if position > len(directory) or disk not in (0, _MAX16):
            raise _corrupt(None, "the directory is damaged")
        size, packed, offset = _wide(extra, size, packed, offset)
        yield _Member(
            raw=raw,
            flags=flags,
            method=method,
            crc=crc,
            packed=packed,
            size=size,
            offset=offset,
            mode=attributes >> 16 if maker >> 8 == _UNIX else 0,
        )
    if position != len(directory):
        raise _corrupt(None, "the directory holds more than its entries")


def _wide(extra: bytes, *sizes: int) -> tuple[int, int, int]:
    """Return the sizes and the offset with those that did not fit in 32 bits taken from the zip64 field."""
    numbers = list(sizes)
    if _MAX32 in numbers:
        field = _extra_field(extra, 1)
        for index, number in enumerate(numbers):
            if number == _MAX32:
                if len(field) < 8:
                    raise _corrupt(None, "a zip64 size is missing")
                numbers[index], field = int.from_bytes(field[:8], "little"), field[8:]
    return numbers[0], numbers[1], numbers[2]


def _extra_field(extra: bytes, wanted: int) -> bytes:
    while len(extra) >= 4:
        tag, length = struct.unpack_from("<2H", extra)
        if tag == wanted:
            return extra[4 : 4 + length]
        extra = extra[4 + length :]
    return b""


def _check_kind(name: str, member: _Member, *, folder: bool) -> None:
    kind = stat.S_IFMT(member.mode)
    if kind == stat.S_IFLNK:
        raise ArchiveError(
            Refusal.LINK, "this is a symbolic link", entry=name, hint="pack the file that it leads to in its place"
        )
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise ArchiveError(
            Refusal.DEVICE, "this is a device, pipe or socket", entry=name, hint="an archive holds files and folders"
        )
    if folder != (kind == stat.S_IFDIR) and kind:
        raise _corrupt(name, "its name and its mode disagree about whether it is a folder")
    if folder and (member.size or member.packed > 2):
        raise _corrupt(name, "it is a folder, yet it has content")
    if not folder and not name:
        raise ArchiveError(Refusal.NAME, "an entry has no name", hint="pack the archive again")
    if member.flags & _ENCRYPTED:
        raise ArchiveError(
            Refusal.ENCRYPTED, "the entry is encrypted", entry=name, hint="pack it again without a password"
        )
    if member.method not in (_STORED, _DEFLATED) or member.flags & _PATCH:
        raise ArchiveError(
            Refusal.UNSUPPORTED,
            f"it is packed with method {member.method}; a CSAR has stored (0) and deflated (8) entries",
            entry=name,
            hint="pack it again with: puccini-csar create",
        )
    if member.method == _STORED and member.size != member.packed:
        raise _corrupt(name, "it is stored, yet its two sizes differ")


def _check_spans(spans: list[tuple[int, int, str]], directory: int) -> None:
    """Refuse entries that share bytes, and content that no entry accounts for in front of the first one."""
    spans.sort()
    if (spans[0][0] if spans else directory) != 0:
        raise _corrupt(None, "something that is no entry lies before the first one")
    for (_, end, name), (start, _, other) in itertools.pairwise(spans):
        if start < end:
            raise _corrupt(other, f"it overlaps with {name!r}")


def _corrupt(name: str | None, why: str) -> ArchiveError:
    return ArchiveError(
        Refusal.CORRUPT, f"the archive is damaged: {why}", entry=name, hint="transfer it again, or pack it again"
    )
