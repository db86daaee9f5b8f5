"""Signatures of archives, with OpenSSH's own program (T165)."""

import io
import subprocess
import zipfile
from pathlib import Path

import pytest

from puccini import csar
from puccini.csar import ArchiveError, Format, Refusal, creation, meta, signatures

SERVICE = "tosca_definitions_version: tosca_2_0\nservice_template: { node_templates: {} }\n"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return make(tmp_path / "key")


def make(path: Path, passphrase: str = "") -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", path], check=True)
    return path


def trusted(path: Path, **keys: Path) -> Path:
    path.write_text("".join(f"{who} {key.with_suffix('.pub').read_text()}" for who, key in keys.items()))
    return path


def signed(folder: Path, key: Path, form: Format = Format.ZIP) -> bytes:
    content = folder / "service"
    content.mkdir(exist_ok=True)
    (content / "service.yaml").write_text(SERVICE)
    (content / "run.sh").write_text("#!/bin/sh\n")
    (content / "run.sh").chmod(0o755)
    plain = creation.content(creation.from_folder(content), form)
    work = folder / f"work-{form}-{key.name}"
    work.mkdir()
    with csar.open(plain) as archive:
        return creation.content(signatures.plan(archive, key, work), form)


@pytest.mark.parametrize("form", list(Format))
def test_whoever_signed_is_told(form: Format, key: Path, tmp_path: Path) -> None:
    """T165: of those who are trusted; nothing else of the archive is changed."""
    data = signed(tmp_path, key, form)
    other = make(tmp_path / "other")
    with csar.open(data) as archive:
        assert csar.verify(archive) == []
        assert csar.signer(archive, trusted(tmp_path / "trusted", bob=other, alice=key)) == "alice"
        assert archive.entries["run.sh"].executable
        assert archive.meta is not None
        assert meta.SIGNATURE not in archive.meta.digests


def test_who_is_not_trusted_did_not_sign(key: Path, tmp_path: Path) -> None:
    """T165."""
    with csar.open(signed(tmp_path, key)) as archive, pytest.raises(ArchiveError) as refused:
        csar.signer(archive, trusted(tmp_path / "trusted", bob=make(tmp_path / "other")))
    assert refused.value.refusal is Refusal.SIGNATURE
    assert "nobody in" in refused.value.message


def changed(data: bytes, **contents: bytes | None) -> bytes:
    """Return an archive with other contents under some names, or without them."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        given = {name.replace("__", "."): content for name, content in contents.items()}
        for name in dict.fromkeys([*old.namelist(), *given]):
            content = given.get(name, old.read(name) if name in old.namelist() else None)
            if content is not None:
                new.writestr(name, content)
    return out.getvalue()


def test_changes_are_found(key: Path, tmp_path: Path) -> None:
    """T163, T165: of files by their digests, of digests by the signature, and of the signature itself."""
    data = signed(tmp_path, key)
    keys = trusted(tmp_path / "trusted", alice=key)
    with csar.open(changed(data, run__sh=b"#!/bin/sh\nevil\n")) as archive:
        assert [one.refusal for one in csar.verify(archive)] == [Refusal.DIGEST]
    with csar.open(changed(data, more__sh=b"#!/bin/sh\nevil\n")) as archive:
        assert [one.refusal for one in csar.verify(archive)] == [Refusal.DIGEST]
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        said = packed.read("TOSCA.meta")
        signature = packed.read(meta.SIGNATURE)
    for other in (
        changed(data, TOSCA__meta=said + b"\n"),
        changed(data, TOSCA__meta=b"CSAR-Version: 2.0\nEntry-Definitions: service.yaml\n"),
        changed(data, TOSCA__meta__sig=signature[:100]),
        changed(data, TOSCA__meta__sig=b"nonsense"),
        changed(data, TOSCA__meta__sig=None),
    ):
        with csar.open(other) as archive, pytest.raises(ArchiveError) as refused:
            csar.signer(archive, keys)
        assert refused.value.refusal is Refusal.SIGNATURE
        assert refused.value.hint


def test_signing_again_replaces_the_signature(key: Path, tmp_path: Path) -> None:
    """T165."""
    other = make(tmp_path / "other")
    work = tmp_path / "again"
    work.mkdir()
    with csar.open(signed(tmp_path, key)) as archive:
        data = creation.content(signatures.plan(archive, other, work))
    with csar.open(data) as archive:
        assert csar.verify(archive) == []
        assert csar.signer(archive, trusted(tmp_path / "trusted", bob=other)) == "bob"


def test_a_folder_with_a_signature_is_packed_without(key: Path, tmp_path: Path) -> None:
    """T165: it is that of another archive."""
    with csar.open(signed(tmp_path, key)) as archive:
        csar.extract(archive, tmp_path / "out")
    plan = creation.from_folder(tmp_path / "out")
    assert plan.left_out == (meta.SIGNATURE,)
    assert meta.SIGNATURE not in plan.files


@pytest.mark.parametrize("name", ["missing", "not-a-key"])
def test_a_key_that_is_none(name: str, tmp_path: Path) -> None:
    """T165: what is wrong, what to do."""
    (tmp_path / "not-a-key").write_text("x\n")
    with pytest.raises(ArchiveError) as refused:
        signed(tmp_path, tmp_path / name)
    assert refused.value.refusal is Refusal.UNREADABLE
    assert refused.value.hint
