"""Archives that Puccini makes: conforming, complete, the same bytes each time, and unpacked again (T164, T165, R84)."""

import os
import subprocess
import tarfile
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from puccini import csar
from puccini.csar import ArchiveError, Format, Refusal, creation, meta, verification

from .conftest import SERVICE, zipped


@pytest.mark.parametrize("form", list(Format))
def test_a_folder_becomes_an_archive_and_a_folder_again(form: Format, folder: Path, tmp_path: Path) -> None:
    """T164, T176, T177: it conforms, and holds everything but what begins with a dot."""
    plan = creation.from_folder(folder)
    assert plan.left_out == (".git",)
    with csar.open(creation.content(plan, form)) as archive:
        assert csar.verify(archive) == []
        assert archive.entry == "service.yaml"
        assert csar.extract(archive, tmp_path / "out") == 5
    files = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert files == {"TOSCA.meta", "service.yaml", "types/base.yaml", "scripts/start me.sh", "plugins/web.py"}
    script = tmp_path / "out" / "scripts" / "start me.sh"
    assert script.read_bytes() == (folder / "scripts" / "start me.sh").read_bytes()
    assert os.access(script, os.X_OK)


@pytest.mark.parametrize("form", list(Format))
def test_the_same_input_gives_the_same_bytes(form: Format, folder: Path) -> None:
    """R84: whatever the times of the files."""
    first = creation.content(creation.from_folder(folder), form)
    for path in folder.rglob("*"):
        os.utime(path, (1, 1))
    assert creation.content(creation.from_folder(folder), form) == first


def test_other_programs_read_it(folder: Path, tmp_path: Path) -> None:
    """T157: plain zip and tar."""
    plan = creation.from_folder(folder)
    for form in Format:
        (tmp_path / f"a.{form}").write_bytes(creation.content(plan, form))
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.testzip() is None
    with tarfile.open(tmp_path / "a.tar.gz") as ball:
        assert "scripts/start me.sh" in ball.getnames()
    listed = subprocess.run(["tar", "-tf", tmp_path / "a.tar"], capture_output=True, text=True, check=True)
    assert listed.stdout.splitlines()[0] == "TOSCA.meta"


def test_an_entry_is_chosen_or_asked_for(folder: Path) -> None:
    """T161, T164."""
    (folder / "second.yaml").write_bytes(SERVICE)
    with pytest.raises(ArchiveError, match="nothing says where the definitions begin") as caught:
        creation.from_folder(folder)
    assert "--entry" in caught.value.hint
    plan = creation.from_folder(folder, entry="second.yaml", others=("service.yaml",), created_by="Me")
    with csar.open(creation.content(plan)) as archive:
        assert (archive.entry, archive.others) == ("second.yaml", ("service.yaml",))
        assert archive.meta is not None
        assert archive.meta.created_by == "Me"
    with pytest.raises(ArchiveError, match=r"has no file 'nope\.yaml'"):
        creation.from_folder(folder, entry="nope.yaml")


@pytest.mark.parametrize("place", ["TOSCA.meta", "TOSCA-Metadata/TOSCA.meta"])
def test_a_meta_in_the_folder_is_kept(place: str, folder: Path) -> None:
    """T158, T160: with its custom blocks; digests are made anew."""
    (folder / place).parent.mkdir(exist_ok=True)
    (folder / place).write_text(
        "CSAR-Version: 1.1\nCreated-By: Author\n\nAcme-Color: blue\n\nName: x\nPuccini-Digest: sha256:"
        + "0" * 64
        + "\n"
    )
    with csar.open(creation.content(creation.from_folder(folder))) as archive:
        assert archive.meta is not None
        assert (archive.meta.created_by, archive.meta.version) == ("Author", "2.0")
        assert {"Acme-Color": "blue"} in archive.meta.blocks
        assert "x" not in archive.meta.digests
        assert csar.verify(archive) == []


def test_hidden_and_excluded(folder: Path) -> None:
    plan = creation.from_folder(folder, hidden=True, exclude=lambda name: name.startswith("scripts"))
    assert ".git/config" in plan.files
    assert plan.left_out == ("scripts",)


def test_links_and_pipes_are_refused(folder: Path) -> None:
    """T163: an archive holds what it says, nothing from elsewhere."""
    (folder / "link").symlink_to("/etc/passwd")
    with pytest.raises(ArchiveError, match="symbolic link") as caught:
        creation.from_folder(folder)
    assert (caught.value.refusal, caught.value.entry) == (Refusal.LINK, "link")
    (folder / "link").unlink()
    os.mkfifo(folder / "pipe")
    with pytest.raises(ArchiveError, match="pipe"):
        creation.from_folder(folder)


def test_names_that_collide_are_refused(folder: Path) -> None:
    """T163: also on the way in."""
    (folder / "SERVICE.yaml.txt").write_bytes(b"")
    (folder / "service.yaml.TXT").write_bytes(b"")
    with pytest.raises(ArchiveError, match="differ only in case"):
        creation.content(creation.from_folder(folder))


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="No such file or directory"):
        creation.from_folder(tmp_path / "nope")


@pytest.mark.parametrize("form", list(Format))
def test_digests_tell_what_was_changed(form: Format, folder: Path, tmp_path: Path) -> None:
    """T165: a changed, a missing, an added file."""
    with csar.open(creation.content(creation.from_folder(folder), form)) as archive:
        csar.extract(archive, tmp_path / "out")
    place = tmp_path / "out"
    (place / "service.yaml").write_bytes(SERVICE + b"# changed\n")
    (place / "types" / "base.yaml").unlink()
    (place / "new.txt").write_bytes(b"")
    said = (place / "TOSCA.meta").read_bytes()
    with csar.open(_tampered(place, said)) as archive:
        found = {
            (one.entry, one.message.partition(";")[0]) for one in csar.verify(archive) if one.refusal is Refusal.DIGEST
        }
    assert {entry for entry, _ in found} == {"service.yaml", "types/base.yaml", "new.txt"}


def test_digests_are_optional(folder: Path) -> None:
    """T165."""
    with csar.open(creation.content(creation.from_folder(folder), digests=False)) as archive:
        assert archive.meta is not None
        assert archive.meta.digests == {}
        assert csar.verify(archive) == []


def test_verification_finds_what_is_no_definition(folder: Path) -> None:
    """T159, T177: definitions are YAML files that begin as TOSCA files do."""
    (folder / "service.yaml").write_bytes(b"foo: bar\n")
    (folder / "second.txt").write_bytes(b"# a comment\n\n---\ntosca_definitions_version: tosca_2_0\n")
    plan = creation.from_folder(folder, entry="service.yaml", others=("second.txt",))
    with csar.open(creation.content(plan)) as archive:
        found = [(one.entry, one.refusal, one.warning) for one in csar.verify(archive)]
    assert found == [("service.yaml", Refusal.ENTRY, False), ("second.txt", Refusal.ENTRY, False)]


def test_verification_looks_into_plugins(folder: Path) -> None:
    """R31: the content is what the suffix says."""
    (folder / "plugins" / "good.wasm").write_bytes(b"\0asm\r\0\1\0")
    (folder / "plugins" / "bad.wasm").write_bytes(b"hello")
    (folder / "plugins" / "tool.run").write_bytes(b"#!/bin/sh\n")
    (folder / "plugins" / "text.run").write_bytes(b"")
    with csar.open(creation.content(creation.from_folder(folder))) as archive:
        found = [(one.entry, one.refusal) for one in csar.verify(archive)]
    assert found == [("plugins/bad.wasm", Refusal.PLUGIN), ("plugins/text.run", Refusal.PLUGIN)]


def test_an_old_version_is_a_warning(folder: Path) -> None:
    """R86."""
    old = csar.Meta(version="1.1", entry="service.yaml")
    with csar.open(_tampered(folder, meta.render(old))) as archive:
        findings = csar.verify(archive)
    assert [(one.warning, one.refusal) for one in findings] == [(True, Refusal.META)]


def test_extraction_needs_an_empty_place(folder: Path, tmp_path: Path) -> None:
    """R84: nothing is overwritten."""
    target = tmp_path / "out"
    with csar.open(creation.content(creation.from_folder(folder))) as archive:
        (tmp_path / "file").write_bytes(b"")
        (tmp_path / "link").symlink_to(tmp_path)
        for place in ("file", "link"):
            with pytest.raises(ArchiveError, match="is not a folder"):
                csar.extract(archive, tmp_path / place)
        target.mkdir()
        csar.extract(archive, target)
        with pytest.raises(ArchiveError, match="is not empty"):
            csar.extract(archive, target)
        with pytest.raises(ArchiveError, match="cannot write"):
            csar.extract(archive, tmp_path / "file" / "below")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "link", "out", "service"]


def test_uniform_files_do_not_look_like_a_bomb(folder: Path) -> None:
    """R10, T163: a disk image full of nothing is stored as it is, so that the reader takes it."""
    with (folder / "disk.img").open("wb") as image:
        image.truncate(40 * 1024 * 1024)
    with csar.open(creation.content(creation.from_folder(folder))) as archive:
        assert csar.verify(archive) == []


segments = st.text("aB é-_.", min_size=1, max_size=6).map(str.strip).filter(lambda name: name.strip(".") != "")
trees = st.dictionaries(st.lists(segments, min_size=1, max_size=3).map("/".join), st.binary(max_size=300), max_size=6)


@given(trees, st.sampled_from(list(Format)))
@settings(max_examples=150, deadline=None)
def test_whatever_is_packed_comes_out_again(tree: dict[str, bytes], form: Format) -> None:
    """R84: any names and contents; names that collide are refused and nothing else."""
    with tempfile.TemporaryDirectory() as place:
        files = {"service.yaml": Path(place) / "entry"}
        files["service.yaml"].write_bytes(SERVICE)
        for number, (name, content) in enumerate(tree.items()):
            files[f"t/{name}"] = Path(place) / str(number)
            files[f"t/{name}"].write_bytes(content)
        plan = creation.Plan(files=files, meta=meta.Meta(entry="service.yaml"))
        try:
            packed = creation.content(plan, form)
        except ArchiveError as error:
            if error.refusal is not Refusal.DUPLICATE:
                raise
            return
        with csar.open(packed) as archive:
            assert csar.verify(archive) == []
            assert {f"t/{name}": content for name, content in tree.items()} == {
                name: archive.read(name) for name in archive.entries if name.startswith("t/")
            }


def test_findings_are_data() -> None:
    finding = verification.Finding(refusal=Refusal.DIGEST, message="x", entry="a")
    assert not finding.warning


def _tampered(folder: Path, said: bytes) -> bytes:
    """Return a zip of a folder as it is, whatever its ``TOSCA.meta`` says."""

    files = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }
    return zipped({**files, "TOSCA.meta": said})
