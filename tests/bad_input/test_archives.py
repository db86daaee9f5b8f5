"""Hostile archives, and archives with plugins that want something: nothing of them is kept without a yes (R35)."""

import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from testbed import checkout
from tests.bad_input import refusals
from tests.bad_input.served import Served
from tests.bad_input.test_commands import GOOD

PLUGIN = str(checkout.ROOT / "examples/python-plugin/service.yaml")


def zipped(*entries: tuple[str, bytes], link: str = "") -> bytes:
    """Return a zip with the good design and these entries."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("service.yaml", GOOD)
        for name, content in entries:
            archive.writestr(name, content)
        if link:
            info = zipfile.ZipInfo("scripts/link.sh")
            info.external_attr = 0o120777 << 16
            archive.writestr(info, link)
    return made.getvalue()


def tarred(*members: tarfile.TarInfo) -> bytes:
    """Return a tar with the good design and these members."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        info = tarfile.TarInfo("service.yaml")
        info.size = len(GOOD)
        archive.addfile(info, io.BytesIO(GOOD.encode()))
        for member in members:
            archive.addfile(member)
    return made.getvalue()


def member(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, target
    return made


def _empty() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("readme.txt", "nothing")
    return made.getvalue()


def bomb() -> bytes:
    return zipped(*((f"f{number}", b"\0" * 50_000_000) for number in range(25)))


def encrypted() -> bytes:
    content = bytearray(zipped())
    for marker, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = content.index(marker) + offset
        struct.pack_into("<H", content, at, struct.unpack_from("<H", content, at)[0] | 1)
    return bytes(content)


ARCHIVES: dict[str, tuple[Callable[[], bytes], str]] = {
    "leads out": (lambda: zipped(("../../../etc/cron.d/evil", b"x")), "../../../etc/cron.d/evil"),
    "absolute": (lambda: zipped(("/etc/cron.d/evil", b"x")), "/etc/cron.d/evil"),
    "backslashes": (lambda: zipped(("..\\..\\evil", b"x")), "evil"),
    "a name twice": (lambda: zipped(("a.txt", b"x"), ("A.TXT/../a.txt", b"y")), "a.txt"),
    "a symbolic link": (lambda: zipped(link="/etc/passwd"), "scripts/link.sh"),
    "a link in a tar": (lambda: tarred(member("l", tarfile.SYMTYPE, "/etc/passwd")), "l"),
    "a hard link in a tar": (lambda: tarred(member("l", tarfile.LNKTYPE, "/etc/passwd")), "l"),
    "a device in a tar": (lambda: tarred(member("d", tarfile.CHRTYPE)), "d"),
    "a pipe in a tar": (lambda: tarred(member("p", tarfile.FIFOTYPE)), "p"),
    "a bomb": (bomb, ""),
    "a bomb in gzip": (lambda: gzip.compress(b"\0" * 300_000_000), ""),
    "half of a zip": (lambda: zipped(("x", b"y" * 999))[:300], ""),
    "garbage after the signature": (lambda: b"PK\3\4" + b"garbage" * 999, ""),
    "encrypted": (encrypted, "service.yaml"),
    "no design": (_empty, "where its definitions begin"),
    "a TOSCA.meta of garbage": (lambda: zipped(("TOSCA.meta", b"\xff\xfe")), "TOSCA.meta"),
    "a TOSCA.meta that leads out": (
        lambda: zipped(("TOSCA.meta", b"CSAR-Version: 2.0\nCreated-By: x\nEntry-Definitions: ../../etc/passwd\n")),
        "TOSCA.meta",
    ),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ARCHIVES)
def test_r35_a_hostile_archive_is_refused_and_nothing_changes(served: Served, tmp_path: Path, name: str) -> None:
    make, says = ARCHIVES[name]
    file = tmp_path / "x.csar"
    file.write_bytes(make())
    with served.unchanged():
        refusals.check(served.run("service", "deploy", str(file), "--name", "x"), says)


def test_r36_plugins_of_a_design_are_granted_by_a_yes_and_never_else(served: Served) -> None:
    with served.unchanged():
        ended = served.run("service", "deploy", PLUGIN, "--name", "x")
        refusals.check(ended, "nobody can be asked", hint="--yes")
        assert "notes' asks for:" in ended.stderr
        refusals.check(served.run("service", "plan", PLUGIN, "--name", "x"), "nobody can be asked", hint="--yes")
    served.do("service", "deploy", PLUGIN, "--name", "x", "--yes")
    served.do("service", "undeploy", "x")
    served.forget()
