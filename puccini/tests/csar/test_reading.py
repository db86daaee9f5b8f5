"""Archives that are good: formats, where definitions begin, plugins, the archive as a repository (T157-T162, R84)."""

import gzip
import os
import struct
import tarfile
import tempfile
import threading
import zipfile
from pathlib import Path

import pytest

from puccini import csar, sources
from puccini.csar import ArchiveError, Carrier, Format, Refusal
from puccini.csar.source import ArchiveSource

from .conftest import META, SERVICE, Packer, gzipped, tarred, zipped


def test_without_meta_the_one_yaml_file_is_the_entry(packer: Packer) -> None:
    """T161: exactly one YAML file at the root; others may lie deeper."""
    with csar.open(packer({"main.yml": SERVICE, "types/base.yaml": b"x", "run.sh": b"exit"})) as archive:
        assert archive.entry == "main.yml"
        assert archive.meta is None
        assert archive.version == "2.0"
        assert archive.others == ()
        assert archive.read("run.sh") == b"exit"


@pytest.mark.parametrize("place", ["TOSCA.meta", "TOSCA-Metadata/TOSCA.meta"])
def test_meta_says_where_definitions_begin(place: str, packer: Packer) -> None:
    """T158, T159: at the root or in TOSCA-Metadata."""
    said = META.replace(b"service.yaml", b"defs/service.yaml") + b'Other-Definitions: a.yaml "b c.yaml"\n'
    files = {place: said, "defs/service.yaml": SERVICE, "a.yaml": SERVICE, "b c.yaml": SERVICE}
    with csar.open(packer(files)) as archive:
        assert archive.entry == "defs/service.yaml"
        assert archive.others == ("a.yaml", "b c.yaml")
        assert archive.meta is not None
        assert archive.meta.created_by == "Somebody"


def test_meta_without_an_entry_falls_back_to_the_one_yaml_file(packer: Packer) -> None:
    """T161: TOSCA.meta may leave the entry out."""
    with csar.open(packer({"TOSCA.meta": b"CSAR-Version: 2.0\n", "main.yaml": SERVICE})) as archive:
        assert archive.entry == "main.yaml"


@pytest.mark.parametrize("files", [{"a.yaml": SERVICE, "b.yaml": SERVICE}, {"x/a.yaml": SERVICE}, {}])
def test_no_entry_is_an_error(files: dict[str, bytes], packer: Packer) -> None:
    """T161: none or several YAML files at the root and nobody says which."""
    with pytest.raises(ArchiveError, match="does not say where its definitions begin") as caught:
        csar.open(packer(files))
    assert caught.value.refusal is Refusal.ENTRY
    assert "Entry-Definitions" in caught.value.hint


@pytest.mark.parametrize("key", ["Entry-Definitions", "Other-Definitions"])
def test_named_definitions_must_be_there(key: str, packer: Packer) -> None:
    """T159: with a hint at the file that was meant."""
    said = f"CSAR-Version: 2.0\n{key}: Service.yaml\n".encode()
    with pytest.raises(ArchiveError, match=r"holds no file 'Service\.yaml'") as caught:
        csar.open(packer({"TOSCA.meta": said, "service.yaml": SERVICE}))
    assert caught.value.refusal is Refusal.MISSING
    assert "there is service.yaml" in caught.value.hint


def test_two_metas_are_an_error(packer: Packer) -> None:
    """T158: only one."""
    files = {"TOSCA.meta": META, "TOSCA-Metadata/TOSCA.meta": META, "service.yaml": SERVICE}
    with pytest.raises(ArchiveError, match="holds two of them"):
        csar.open(packer(files))


def test_the_content_decides_the_format(tmp_path: Path) -> None:
    """T157: not the name of the file."""
    for form, content in ((Format.ZIP, zipped({"s.yaml": SERVICE})), (Format.TAR_GZ, gzipped({"s.yaml": SERVICE}))):
        place = tmp_path / "service.tar"
        place.write_bytes(content)
        with csar.open(place) as archive:
            assert archive.format is form
            assert archive.name == str(place)


def test_names_say_archive() -> None:
    """T157."""
    assert all(csar.is_archive(Path(f"a.{end}")) for end in ("csar", "zip", "tar", "tar.gz", "tgz", "CSAR"))
    assert not csar.is_archive(Path("a.yaml"))


def test_tarballs_of_other_programs() -> None:
    """T157: leading ./, folders as entries, long and non-ASCII names in the pax and the GNU way."""
    long = "deep/" * 20 + "x" * 120 + ".txt"
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        files = {"./": b"", "./s.yaml": SERVICE, "./dir/": b"", "./dir/é.txt": b"1", f"./{long}": b"2"}
        with csar.open(tarred(files, form=form)) as archive:
            assert archive.read("dir/é.txt") == b"1"
            assert archive.read(long) == b"2"


def test_zips_with_descriptors_and_zip64() -> None:
    """T157: sizes after the content, and 64-bit fields, as streaming writers make them."""

    class Unseekable:
        def __init__(self) -> None:
            self.content = b""

        def write(self, part: bytes) -> int:
            self.content += part
            return len(part)

        def flush(self) -> None: ...

    out = Unseekable()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[call-overload]
        with archive.open("s.yaml", "w", force_zip64=True) as file:
            file.write(SERVICE)
        archive.writestr("stored.bin", b"\0" * 100, zipfile.ZIP_STORED)
    with csar.open(out.content) as opened:
        assert opened.read("s.yaml") == SERVICE
        assert opened.read("stored.bin") == b"\0" * 100
        assert csar.verify(opened) == []


def test_a_zip64_directory() -> None:
    """T157: the end record with 64-bit fields; one that contradicts itself is refused."""
    content = zipped({"s.yaml": SERVICE})
    end = content.rindex(b"PK\x05\x06")
    start = content.index(b"PK\x01\x02")
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, end - start, start)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
    last = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    with csar.open(content[:end] + record + locator + last) as archive:
        assert archive.read("s.yaml") == SERVICE
    for broken in (record.replace(b"PK\x06\x06", b"PK\x06\x08") + locator, locator, b""):
        with pytest.raises(ArchiveError, match="zip64"):
            csar.open(content[:end] + broken + last)


def test_a_gzip_of_several_members() -> None:
    """T157: gzip files may be concatenated."""
    whole = tarred({"s.yaml": SERVICE})
    with csar.open(gzip.compress(whole[:700]) + gzip.compress(whole[700:])) as archive:
        assert archive.read("s.yaml") == SERVICE


def test_the_executable_bit_is_kept(folder: Path) -> None:
    from puccini.csar import creation

    for form in Format:
        with csar.open(creation.content(creation.from_folder(folder), form)) as archive:
            assert archive.entries["scripts/start me.sh"].executable
            assert not archive.entries["service.yaml"].executable


def test_plugins_are_found_by_name(packer: Packer) -> None:
    """R31: the suffix says the carrier; folders in plugins/ are free."""
    files = {
        "s.yaml": SERVICE,
        "plugins/web.wasm": b"\0asm",
        "plugins/my_db.py": b"x",
        "plugins/old-thing.run": b"#!",
        "plugins/web/README.md": b"free",
        "other/plugins/no.txt": b"free",
    }
    with csar.open(packer(files)) as archive:
        assert {name: one.carrier for name, one in archive.plugins.items()} == {
            "web": Carrier.WASM,
            "my_db": Carrier.PYTHON,
            "old-thing": Carrier.EXECUTABLE,
        }
        assert archive.plugins["web"].file == "plugins/web.wasm"


def test_carriers_are_those_of_floria() -> None:
    """R33: the same names as in the plugin contract."""
    from floria.plugins import carriers

    assert {one.value for one in Carrier} == {one.value for one in carriers.Carrier}


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (["plugins/web.js"], "only plugins lie directly in plugins/"),
        (["plugins/README"], "only plugins lie directly in plugins/"),
        (["plugins/web.py", "plugins/web.wasm"], "the plugin 'web' is there twice"),
        (["plugins/Web.py"], "is no name for a plugin"),
        (["plugins/.py"], "is no name for a plugin"),
        (["plugins/" + "a" * 64 + ".py"], "is no name for a plugin"),
    ],
)
def test_the_plugin_rules(names: list[str], why: str, packer: Packer) -> None:
    """R31: explicit rules, each with its error."""
    with pytest.raises(ArchiveError, match=why) as caught:
        csar.open(packer({"s.yaml": SERVICE, **dict.fromkeys(names, b"x")}))
    assert caught.value.refusal is Refusal.PLUGIN


def test_the_archive_is_the_repository(packer: Packer) -> None:
    """T162: it is read as a folder is."""
    with csar.open(packer({"s.yaml": SERVICE, "types/a.yaml": b"a"}), name="shop.csar") as archive:
        source = ArchiveSource(archive)
        assert source.read(sources.resolve("s.yaml", "types/a.yaml")) == b"a"
        assert source.read(sources.resolve("types/a.yaml", "/s.yaml")) == SERVICE
        assert source.exists("types/a.yaml")
        assert not source.exists("types")
        assert source.name == ""
        assert source.root.startswith("csar:shop.csar:")
        with pytest.raises(sources.SourceError, match="there is no file 'nope'"):
            source.read("nope")


def test_a_damaged_file_is_an_error_of_the_source() -> None:
    """R81: what breaks later is reported the same way."""
    content = bytearray(zipped({"s.yaml": SERVICE, "a.txt": b"hello hello"}, method=zipfile.ZIP_STORED))
    content[content.index(b"hello hello")] ^= 1
    with csar.open(bytes(content)) as archive, pytest.raises(sources.SourceError, match=r"cannot be read.*CRC"):
        ArchiveSource(archive).read("a.txt")


def test_several_threads_read_at_once(packer: Packer) -> None:
    """One archive serves a compiler and an upload at the same time."""
    files = {f"f{number}": bytes([number]) * 200_000 for number in range(8)}
    found: dict[str, bytes] = {}
    with csar.open(packer({"s.yaml": SERVICE, **files})) as archive:
        threads = [
            threading.Thread(target=lambda name=name: found.update({name: archive.read(name)})) for name in files
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == files


def test_a_missing_file_is_named(packer: Packer) -> None:
    with csar.open(packer({"s.yaml": SERVICE, "a/B.txt": b""})) as archive:
        with pytest.raises(ArchiveError, match="holds no file") as caught:
            archive.read("b.txt")
        assert caught.value.hint == "there is a/B.txt"


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="No such file") as caught:
        csar.open(tmp_path / "nope.csar")
    assert caught.value.refusal is Refusal.UNREADABLE


def test_no_space_for_unpacking(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """R81: a full disk is an error like any other."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    content = gzipped({"s.yaml": SERVICE, "big": os.urandom(40 * 1024 * 1024)})
    with pytest.raises(ArchiveError, match="cannot be read") as caught:
        csar.open(content)
    assert caught.value.refusal is Refusal.UNREADABLE
    assert "space for temporary files" in caught.value.hint
