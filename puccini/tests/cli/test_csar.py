"""``puccini-csar`` as a user sees it (R84, R101)."""

import io
import os
import pty
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from .conftest import Run


@pytest.mark.parametrize("name", ["shop.csar", "shop.zip", "shop.tar", "shop.tar.gz", "shop.tgz"])
def test_there_and_back(name: str, run: Run, place: Path) -> None:
    """R84: create, inspect, verify, extract, in every format."""
    found = run("puccini-csar", "create", place, "--file", name)
    assert found.code == 0
    assert f"{name}: 4 files" in found.out
    assert "definitions begin in service.yaml" in found.out
    found = run("puccini-csar", "inspect", name)
    assert found.code == 0
    assert "plugin     greet (python, plugins/greet.py)" in found.out
    assert "begins in  service.yaml" in found.out
    assert run("puccini-csar", "verify", name).out == f"{name}: valid\n"
    found = run("puccini-csar", "extract", name, "-C", "out")
    assert found.code == 0
    assert (Path("out") / "scripts" / "start.sh").read_text() == "#!/bin/sh\n"


def test_from_a_file(run: Run, place: Path) -> None:
    """T164: what the file touches, under a name of its own."""
    found = run("puccini-csar", "create", place / "service.yaml", "--output", "json")
    assert found.code == 0
    assert found.data["archive"] == "service.csar"
    assert found.data["files"] == ["plugins/greet.py", "scripts/alert.sh", "scripts/start.sh", "service.yaml"]
    assert run("puccini-csar", "create", place / "service.yaml").code == 3
    assert run("puccini-csar", "create", place / "service.yaml", "--force").code == 0


def test_the_same_bytes(run: Run, place: Path) -> None:
    """R84."""
    for name in ("a.csar", "b.csar"):
        run("puccini-csar", "create", place, "--file", name)
    assert Path("a.csar").read_bytes() == Path("b.csar").read_bytes()


def test_results_as_data(run: Run, place: Path) -> None:
    """R101."""
    run("puccini-csar", "create", place, "--file", "shop.csar", "--created-by", "Me")
    found = run("puccini-csar", "inspect", "shop.csar", "--output", "json").data
    assert found["created_by"] == "Me"
    assert found["plugins"] == [{"name": "greet", "carrier": "python", "file": "plugins/greet.py"}]
    assert {"name": "service.yaml", "size": (place / "service.yaml").stat().st_size, "executable": False} in found[
        "files"
    ]
    assert run("puccini-csar", "verify", "shop.csar", "--output", "json").data == {
        "archive": "shop.csar",
        "valid": True,
        "findings": [],
    }
    found = run("puccini-csar", "extract", "shop.csar", "-C", "out", "--output", "yaml")
    assert "files: 5" in found.out


def test_extract_names_its_folder(run: Run, place: Path, tmp_path: Path) -> None:
    run("puccini-csar", "create", place, "--file", "copy.tar.gz")
    assert run("puccini-csar", "extract", "copy.tar.gz").out.startswith("copy: 5 files")
    found = run("puccini-csar", "extract", "copy.tar.gz")
    assert found.code == 3
    assert "error: the folder copy is not empty" in found.err
    assert "hint: name a folder that does not exist yet" in found.err


def test_a_changed_file_is_found(run: Run, place: Path) -> None:
    """T165."""
    run("puccini-csar", "create", place, "--file", "shop.zip")
    out = io.BytesIO()
    with zipfile.ZipFile("shop.zip") as old, zipfile.ZipFile(out, "w") as new:
        for info in old.infolist():
            content = old.read(info)
            new.writestr(info, b"#!/bin/sh\nrm\n" if info.filename == "scripts/start.sh" else content)
    Path("shop.zip").write_bytes(out.getvalue())
    found = run("puccini-csar", "verify", "shop.zip")
    assert found.code == 1
    assert "error: scripts/start.sh: the content is sha256:" in found.err
    assert found.out == "shop.zip: invalid\n"
    data = run("puccini-csar", "verify", "shop.zip", "--output", "json").data
    assert [one["code"] for one in data["findings"]] == ["digest"]


def test_a_hostile_archive(run: Run, place: Path) -> None:
    """T163: refused by every command, with the same reason; nothing is written."""
    with zipfile.ZipFile("evil.csar", "w") as archive:
        archive.writestr("service.yaml", "tosca_definitions_version: tosca_2_0\n")
        archive.writestr("../evil.sh", "#!/bin/sh\n")
    for command in ("inspect", "verify", "extract"):
        found = run("puccini-csar", command, "evil.csar")
        assert found.code == 1
        assert "error: evil.csar: the name '../evil.sh' leads out of the archive through '..'" in found.err
        assert "hint: the archive is refused whole" in found.err
    data = run("puccini-csar", "verify", "evil.csar", "--output", "json").data
    assert data["findings"][0]["code"] == "path-escape"
    assert not Path("evil").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (["create", "shop", "--file", "shop.rar"], 2, "the name says no format"),
        (["create", "nope", "--file", "x.csar"], 3, "No such file"),
        (["create", "shop/service.yaml", "--file", "no/such/x.csar"], 3, "No such file"),
        (["create", "shop", "--file", "x.csar", "--entry", "nope.yaml"], 1, "has no file 'nope.yaml'"),
        (["create", "shop", "--file", "x.csar", "--root", "."], 2, "--root is for a TOSCA file"),
        (["create", "shop/service.yaml", "--file", "x.csar", "--hidden"], 2, "are for folders"),
        (["create", "shop/bad.yaml", "--file", "x.csar"], 1, "shop/bad.yaml is not valid"),
        (["inspect", "nope.csar"], 3, "No such file"),
        (["verify", "nope.csar", "--output", "json"], 3, "No such file"),
        (["inspect", "shop/service.yaml"], 1, "neither a zip file nor a tarball"),
        (["extract"], 2, "Usage:"),
        (["nope"], 2, "there is no command 'nope'"),
        ([], 2, "Usage:"),
    ],
)
def test_bad_use(arguments: list[str], code: int, why: str, run: Run, place: Path) -> None:
    """R101: an honest exit code, error and hint, nothing written."""
    (place / "bad.yaml").write_text("tosca_definitions_version: tosca_2_0\nfoo: bar\n")
    found = run("puccini-csar", *arguments)
    assert found.code == code, found.err
    assert why in found.err
    assert not list(Path().glob("*x.csar*"))


def test_what_is_left_out_is_said(run: Run, place: Path) -> None:
    """R84: nothing disappears silently."""
    (place / ".secret").write_text("x")
    (place / "notes.tmp").write_text("x")
    found = run("puccini-csar", "create", place, "--file", "a.csar", "--exclude", "*.tmp")
    assert "left out: .secret, notes.tmp" in found.out
    found = run("puccini-csar", "create", place, "--file", "b.csar", "--hidden", "--output", "json")
    assert ".secret" in found.data["files"]


def test_an_archive_inside_its_own_folder(run: Run, place: Path) -> None:
    """R84: it does not swallow itself."""
    inside = place / "shop.csar"
    assert run("puccini-csar", "create", place, "--file", inside).code == 0
    first = inside.read_bytes()
    assert run("puccini-csar", "create", place, "--file", inside, "--force").code == 0
    assert inside.read_bytes() == first


def test_progress_is_for_terminals(run: Run, place: Path, tmp_path: Path) -> None:
    """R101: what takes time shows how far it is, where somebody looks; nowhere else."""
    (place / "blob.bin").write_bytes(os.urandom(17 * 1024 * 1024))
    program = Path(sys.executable).parent / "puccini-csar"
    assert run("puccini-csar", "create", place, "--file", "big.csar").err == ""
    master, slave = pty.openpty()
    try:
        ran = subprocess.run([program, "verify", "big.csar"], stdout=subprocess.PIPE, stderr=slave, check=True)
        shown = os.read(master, 4096).decode()
    finally:
        os.close(master)
        os.close(slave)
    assert ran.stdout == b"big.csar: valid\n"
    assert "verifying" in shown
    assert "100%" in shown


def test_sign_and_verify(run: Run, place: Path) -> None:
    """T165: exit 1 for what is not signed by somebody who is trusted; 3 for what cannot be read."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "key"], check=True)
    Path("trusted").write_text(f"alice {Path('key.pub').read_text()}")
    assert run("puccini-csar", "create", place, "--file", "a.csar").code == 0
    found = run("puccini-csar", "verify", "a.csar", "--trust", "trusted", "--output", "json")
    assert (found.code, found.data["signer"], found.data["findings"][0]["code"]) == (1, None, "signature")
    assert run("puccini-csar", "sign", "a.csar", "--key", "key", "--file", "b.csar").code == 0
    found = run("puccini-csar", "verify", "b.csar", "--trust", "trusted", "--output", "json")
    assert (found.code, found.data["signer"], found.data["findings"]) == (0, "alice", [])
    assert "signed by alice" in run("puccini-csar", "verify", "b.csar", "--trust", "trusted").out
    assert run("puccini-csar", "inspect", "b.csar", "--output", "json").data["signed"] is True
    assert run("puccini-csar", "verify", "b.csar", "--trust", "nope").code == 3
    assert run("puccini-csar", "sign", "b.csar", "--key", "nope").code == 3
    assert run("puccini-csar", "sign", "b.csar").code == 2
    Path("c.csar").write_bytes(Path("b.csar").read_bytes()[:-30])
    assert run("puccini-csar", "sign", "c.csar", "--key", "key").code == 1
