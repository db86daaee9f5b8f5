"""Hostile and broken archives: every one is refused with the reason, and nothing is written (T163, R84)."""

import gzip
import io
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest

from puccini import csar
from puccini.csar import ArchiveError, Format, Limits, Refusal

from .conftest import META, SERVICE, Packer, gzipped, tarred, zipped

GOOD = {"s.yaml": SERVICE}


def refused(content: bytes, limits: Limits | None = None) -> ArchiveError:
    """Open, read and extract everything; return the error that one of them raises."""
    with pytest.raises(ArchiveError) as caught, csar.open(content, limits=limits or Limits()) as archive:
        for name in archive.entries:
            archive.read(name)
    assert caught.value.message
    return caught.value


@pytest.mark.parametrize(
    "name",
    ["../x", "a/../../x", "..", "/etc/passwd", "//host/x", "C:/x", "c:x", "a\\..\\x", "\\x", "./../x", "a/.."],
)
def test_names_that_lead_out(name: str, packer: Packer) -> None:
    """T163: absolute names, .., drives, backslashes."""
    error = refused(packer({**GOOD, name: b"x"}))
    assert error.refusal is Refusal.ESCAPE
    assert error.hint


@pytest.mark.parametrize("name", ["a//x", "a/./x", "a\x01b", "a\nb", "a\u202etxt.exe", "a\u2028b"])
def test_names_that_are_not_plain(name: str, packer: Packer) -> None:
    """T163: empty segments, control characters, text that turns around."""
    assert refused(packer({**GOOD, name: b"x"})).refusal is Refusal.NAME


def test_names_that_are_too_long_or_deep(packer: Packer) -> None:
    """T163."""
    small = Limits(depth=3, name=40, segment=20)
    for name in ("a/b/c/d", "a" * 21, "/".join(["a" * 19] * 3)):
        error = refused(packer({**GOOD, name: b""}), small)
        assert error.refusal is Refusal.NAME


def test_names_that_are_not_utf8() -> None:
    """T163: bytes that no encoding was declared for."""
    for content in (zipped({**GOOD, "aXb": b""}), tarred({**GOOD, "aXb": b""})):
        broken = content.replace(b"aXb", b"a\xffb")
        if content[:2] != b"PK":
            broken = _checksummed(broken, broken.index(b"a\xffb"))
        assert refused(broken).refusal is Refusal.NAME


@pytest.mark.parametrize(
    "names",
    [("A.txt", "a.TXT"), ("straße", "STRASSE"), ("é", "e\u0301"), ("Dir/a", "dir/b"), ("a", "a/b"), ("A/x", "a")],
)
def test_names_that_collide(names: tuple[str, str], packer: Packer) -> None:
    """T163: one file on a system that ignores case or normalises names; a file that is also a folder."""
    assert refused(packer({**GOOD, names[0]: b"1", names[1]: b"2"})).refusal is Refusal.DUPLICATE


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_that_are_there_twice() -> None:
    """T163: what is checked and what is used would differ."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("s.yaml", SERVICE)
        archive.writestr("s.yaml", b"other")
    assert refused(out.getvalue()).refusal is Refusal.DUPLICATE
    one, two = tarred({"s.yaml": SERVICE})[:1024], tarred({"./s.yaml": b"other"})
    assert refused(one + two).refusal is Refusal.DUPLICATE


def test_links_in_zips() -> None:
    """T163: a symbolic link, to wherever."""
    error = refused(zipped({**GOOD, "link": b"/etc/passwd"}, links={"link": stat.S_IFLNK}))
    assert (error.refusal, error.entry) == (Refusal.LINK, "link")


@pytest.mark.parametrize("kind", [stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK])
def test_devices_in_zips(kind: int) -> None:
    """T163."""
    assert refused(zipped({**GOOD, "node": b""}, links={"node": kind})).refusal is Refusal.DEVICE


@pytest.mark.parametrize("pack", [tarred, gzipped])
@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_links_in_tarballs(kind: bytes, pack: Packer) -> None:
    """T163: symbolic and hard."""
    for target in (b"/etc/passwd", b"../../x", b"s.yaml"):
        assert refused(pack({**GOOD, "link": target}, kinds={"link": kind})).refusal is Refusal.LINK


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_devices_in_tarballs(kind: bytes) -> None:
    """T163."""
    assert refused(tarred({**GOOD, "node": b""}, kinds={"node": kind})).refusal is Refusal.DEVICE


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_SPARSE, b"M", b"V", b"Z"])
def test_unknown_kinds_in_tarballs(kind: bytes) -> None:
    """T163: sparse files, volumes, whatever comes."""
    assert refused(tarred({**GOOD, "node": b""}, kinds={"node": kind})).refusal is Refusal.UNSUPPORTED


def test_a_file_that_is_too_large(packer: Packer) -> None:
    """T163: one file, and all of them together."""
    limits = Limits(file=1000, total=5000, ratio=10**9)
    assert refused(packer({**GOOD, "big": os.urandom(1001)}), limits).refusal is Refusal.TOO_LARGE
    many = {f"f{number}": os.urandom(900) for number in range(20)}
    assert refused(packer({**GOOD, **many}), limits).refusal is Refusal.TOO_LARGE


@pytest.mark.parametrize("pack", [zipped, gzipped])
def test_a_bomb(pack: Packer) -> None:
    """T163: kilobytes that become megabytes."""
    bomb = pack({**GOOD, "zeros": bytes(40 * 1024 * 1024)})
    assert len(bomb) < 100_000
    error = refused(bomb)
    assert error.refusal is Refusal.RATIO
    assert "decompression bombs" in error.hint


def test_a_bomb_that_lies_about_its_size() -> None:
    """T163: the directory promises 10 bytes, the content is more."""
    content = zipped({**GOOD, "zeros": bytes(100_000)})
    lying = content.replace(struct.pack("<L", 100_000), struct.pack("<L", 10))
    error = refused(lying)
    assert error.refusal is Refusal.CORRUPT
    assert "more than the 10 bytes" in error.message


def test_a_bomb_of_overlapping_entries() -> None:
    """T163: many entries that share one content."""
    inner = _local(b"b", SERVICE) + SERVICE
    outer = _local(b"a", inner) + inner
    directory = _central(b"a", inner, 0) + _central(b"b", SERVICE, len(outer) - len(inner))
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 2, 2, len(directory), len(outer), 0)
    error = refused(outer + directory + end)
    assert error.refusal is Refusal.CORRUPT
    assert "overlaps with 'a'" in error.message


def test_a_bomb_inside_headers() -> None:
    """T163: an extended header that is larger than any name."""
    header = tarfile.TarInfo("././@PaxHeader")
    header.type, header.size = tarfile.XHDTYPE, 10 * 1024 * 1024
    content = header.tobuf(tarfile.USTAR_FORMAT) + bytes(header.size) + tarred(GOOD)
    for packed in (content, gzip.compress(content)):
        error = refused(packed, Limits(ratio=10**9))
        assert error.refusal is Refusal.TOO_LARGE
        assert "extended header" in error.message


def test_too_many_entries(packer: Packer) -> None:
    """T163."""
    files = {f"f{number}": b"" for number in range(51)}
    assert refused(packer({**GOOD, **files}), Limits(entries=50)).refusal is Refusal.TOO_MANY


def test_an_encrypted_zip() -> None:
    """T163: said as such, with what to do."""
    content = bytearray(zipped(GOOD))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    error = refused(bytes(content))
    assert error.refusal is Refusal.ENCRYPTED
    assert "without a password" in error.hint


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compression(method: int) -> None:
    """T157: ISO/IEC 21320-1 has stored and deflated."""
    assert refused(zipped(GOOD, method=method)).refusal is Refusal.UNSUPPORTED


def test_a_wrong_crc() -> None:
    """T163: content that was changed."""
    content = bytearray(zipped({**GOOD, "a.txt": b"hello hello"}, method=zipfile.ZIP_STORED))
    content[content.index(b"hello hello")] ^= 1
    error = refused(bytes(content))
    assert (error.refusal, error.entry) == (Refusal.CORRUPT, "a.txt")
    assert "CRC" in error.message


def test_two_truths_in_one_zip() -> None:
    """T163: the entry and the directory must agree on name, method, size and CRC."""
    content = zipped({**GOOD, "safe.sh": b"x"}, method=zipfile.ZIP_STORED)
    local = content.index(b"safe.sh")
    renamed = content[:local] + b"evil.sh" + content[local + 7 :]
    assert "the entry itself is called 'evil.sh'" in refused(renamed).message
    for offset in (8, 14, 18, 22):
        at = content.index(b"safe.sh") - 30 + offset
        changed = bytearray(content)
        changed[at] ^= 8
        assert refused(bytes(changed)).refusal is Refusal.CORRUPT


def test_something_around_a_zip() -> None:
    """T163: a program in front, or bytes behind: two readers would see two things."""
    content = zipped(GOOD)
    assert refused(b"#!/bin/sh\n" + content).refusal is Refusal.NOT_AN_ARCHIVE
    assert refused(content + b"more").refusal is Refusal.TRUNCATED
    shifted = b"PK\x03\x04junk" + content
    assert refused(shifted).refusal is Refusal.CORRUPT


def test_something_behind_a_tarball() -> None:
    """T163."""
    assert refused(tarred(GOOD) + b"x" * 512).refusal is Refusal.CORRUPT
    assert refused(gzip.compress(tarred(GOOD)) + b"garbage").refusal is Refusal.CORRUPT


@pytest.mark.parametrize("content", [b"", b"PK", b"hello world", b"\x1f\x8b", b"\x7fELF" + bytes(600), SERVICE, META])
def test_not_an_archive(content: bytes) -> None:
    """T163, R81."""
    error = refused(content)
    assert error.refusal in (Refusal.NOT_AN_ARCHIVE, Refusal.TRUNCATED)
    assert error.hint


def test_every_truncation_is_noticed(packer: Packer) -> None:
    """T163: at no length does half an archive pass as a whole one."""
    content = packer({**GOOD, "a/b.txt": os.urandom(300), "c.txt": b"abc" * 100})
    end = len(content)
    if content[:2] != b"PK" and content[:2] != b"\x1f\x8b":
        end = len(content.rstrip(b"\0")) + 1
    step = 1 if end < 1500 else 13
    for length in range(0, end, step):
        assert refused(content[:length]).refusal in (
            Refusal.NOT_AN_ARCHIVE,
            Refusal.TRUNCATED,
            Refusal.CORRUPT,
        )


def test_a_damaged_tar_header_is_not_the_end() -> None:
    """T163: what follows it must not vanish silently."""
    content = bytearray(tarred({**GOOD, "second": b"x"}))
    content[content.index(b"second") + 100] ^= 1
    error = refused(bytes(content))
    assert error.refusal is Refusal.CORRUPT
    assert "header at byte 1024" in error.message


@pytest.mark.parametrize("content", [b"99 path=x\n", b"x path=y\n", b"8 pathx\n", b"12 size=12x\n", b"12 size=-1\n\n"])
def test_damaged_extended_headers(content: bytes) -> None:
    """T163."""
    header = tarfile.TarInfo("././@PaxHeader")
    header.type, header.size = tarfile.XHDTYPE, len(content)
    whole = header.tobuf(tarfile.USTAR_FORMAT) + content.ljust(512, b"\0") + tarred(GOOD)
    assert refused(whole).refusal is Refusal.CORRUPT


def test_extended_headers_that_hide_something() -> None:
    """T163: a global header that renames every file; sparse files in pax clothes."""
    for kind, record, refusal in (
        (tarfile.XGLTYPE, b"path=../x\n", Refusal.CORRUPT),
        (tarfile.XHDTYPE, b"GNU.sparse.major=1\n", Refusal.UNSUPPORTED),
        (tarfile.XHDTYPE, b"path=../x\n", Refusal.ESCAPE),
        (tarfile.XHDTYPE, b"size=9999999\n", Refusal.TRUNCATED),
    ):
        content = f"{len(record) + 3} ".encode() + record
        header = tarfile.TarInfo("././@PaxHeader")
        header.type, header.size = kind, len(content)
        whole = header.tobuf(tarfile.USTAR_FORMAT) + content.ljust(512, b"\0") + tarred(GOOD)
        assert refused(whole).refusal is refusal


def test_folders_with_content_and_files_in_disguise() -> None:
    """T163: name and mode must agree on what an entry is."""
    assert refused(zipped({**GOOD, "dir/": b"content"})).refusal is Refusal.CORRUPT
    assert refused(zipped({**GOOD, "dir/": b""}, links={"dir/": stat.S_IFREG})).refusal is Refusal.CORRUPT
    assert refused(zipped({**GOOD, "file": b""}, links={"file": stat.S_IFDIR})).refusal is Refusal.CORRUPT


def test_a_split_zip() -> None:
    """T157: one file is one archive."""
    content = bytearray(zipped(GOOD))
    content[-18] = 1
    assert refused(bytes(content)).refusal is Refusal.UNSUPPORTED


@pytest.mark.parametrize("form", list(Format))
def test_a_refused_archive_writes_nothing(form: Format, tmp_path: Path) -> None:
    """R84: extraction is all or nothing."""
    pack: dict[Format, Packer] = {Format.ZIP: zipped, Format.TAR: tarred, Format.TAR_GZ: gzipped}
    target = tmp_path / "out"
    with pytest.raises(ArchiveError):
        csar.extract(csar.open(pack[form]({**GOOD, "../evil": b"x"})), target)
    content = bytearray(zipped({**GOOD, "z.txt": b"hello hello"}, method=zipfile.ZIP_STORED))
    content[content.index(b"hello hello")] ^= 1
    with csar.open(bytes(content)) as archive, pytest.raises(ArchiveError):
        csar.extract(archive, target)
    assert list(tmp_path.iterdir()) == []


def _local(name: bytes, content: bytes) -> bytes:
    size = len(content)
    return (
        struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 0, 0, 33, zlib.crc32(content), size, size, len(name), 0) + name
    )


def _central(name: bytes, content: bytes, offset: int) -> bytes:
    size, mode = len(content), 0o100644 << 16
    fields = (0x0314, 20, 0, 0, 0, 33, zlib.crc32(content), size, size, len(name), 0, 0, 0, 0, mode, offset)
    return struct.pack("<4s6H3L5H2L", b"PK\x01\x02", *fields) + name


def _checksummed(content: bytes, header: int) -> bytes:
    """Return a tarball with the checksum of the header at `header` made right again."""
    block = bytearray(content[header : header + 512])
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return content[:header] + bytes(block) + content[header + 512 :]
