"""Builders of archives, good and bad, byte by byte where a library would refuse to."""

import gzip
import io
import stat
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

SERVICE = b"tosca_definitions_version: tosca_2_0\nservice_template:\n  node_templates: {}\n"
META = b"CSAR-Version: 2.0\nCreated-By: Somebody\nEntry-Definitions: service.yaml\n"


def zipped(files: Mapping[str, bytes], *, links: Mapping[str, int] = {}, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip of `files`; `links` gives some of them another file type in their mode."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.create_system = 3
            info.compress_type = method
            kind = links.get(name, stat.S_IFDIR if name.endswith("/") else stat.S_IFREG)
            info.external_attr = (kind | 0o644) << 16
            archive.writestr(info, content)
    return out.getvalue()


def tarred(files: Mapping[str, bytes], *, kinds: Mapping[str, bytes] = {}, form: int = tarfile.USTAR_FORMAT) -> bytes:
    """Return a tarball of `files`; `kinds` makes some of them links or devices."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.type = kinds.get(name, tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE)
            if info.type in (tarfile.SYMTYPE, tarfile.LNKTYPE):
                info.linkname = content.decode()
            elif info.type in (tarfile.REGTYPE, tarfile.CONTTYPE):
                info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def gzipped(files: Mapping[str, bytes], *, kinds: Mapping[str, bytes] = {}) -> bytes:
    """Return a gzipped tarball of `files`."""
    return gzip.compress(tarred(files, kinds=kinds), mtime=0)


Packer = Callable[..., bytes]
PACKERS: dict[str, Packer] = {"zip": zipped, "tar": tarred, "tar.gz": gzipped}


@pytest.fixture(params=list(PACKERS))
def packer(request: pytest.FixtureRequest) -> Packer:
    """Each container format in turn."""
    return PACKERS[request.param]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A service in a folder, with what it needs."""
    place = tmp_path / "service"
    (place / "types").mkdir(parents=True)
    (place / "scripts").mkdir()
    (place / "plugins").mkdir()
    (place / "service.yaml").write_bytes(SERVICE)
    (place / "types" / "base.yaml").write_bytes(b"tosca_definitions_version: tosca_2_0\n")
    script = place / "scripts" / "start me.sh"
    script.write_bytes(b"#!/bin/sh\nexit 0\n")
    script.chmod(0o755)
    (place / "plugins" / "web.py").write_bytes(b"def describe(): ...\n")
    (place / ".git").mkdir()
    (place / ".git" / "config").write_bytes(b"[core]\n")
    return place
