"""What a FILE becomes on its way to the server: TOSCA is packed, everything else goes as it is."""

import os
import subprocess
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from khutulun import model
from khutulun.cli import design
from puccini import csar
from puccini.csar import creation, signatures

EXAMPLE = Path(__file__).parents[3] / "examples" / "hello"


def test_tosca_is_packed_with_what_it_names() -> None:
    with zipfile.ZipFile(BytesIO(design.read(EXAMPLE / "service.yaml"))) as packed:
        assert {"service.yaml", "scripts/alert.sh"} <= set(packed.namelist())


def test_a_folder_is_packed(tmp_path: Path) -> None:
    with zipfile.ZipFile(BytesIO(design.read(EXAMPLE))) as packed:
        assert "service.yaml" in packed.namelist()


def test_an_archive_stays_as_it_is(tmp_path: Path) -> None:
    content = csar.pack(EXAMPLE / "service.yaml")
    for name in ("hello.csar", "hello"):
        (tmp_path / name).write_bytes(content)
        assert design.read(tmp_path / name) == content


def test_a_bundle_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "bundle.yaml").write_text("root: 0000000000000000000000000a\n# tosca_definitions_version\n")
    assert design.read(tmp_path / "bundle.yaml") == (tmp_path / "bundle.yaml").read_bytes()


@pytest.mark.parametrize("place", ["missing.yaml", "../../../../../../../../etc/passwd", "/etc/passwd"])
def test_what_is_not_there_and_what_is_elsewhere_is_not_packed(place: str, tmp_path: Path) -> None:
    file = tmp_path / "service.yaml"
    file.write_text(f"tosca_definitions_version: tosca_2_0\nimports: [{place}]\n")
    with zipfile.ZipFile(BytesIO(design.read(file))) as packed:
        assert {name for name in packed.namelist() if not name.endswith("/")} <= {"service.yaml", "TOSCA.meta"}


def test_what_cannot_be_packed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "service.yaml").write_text("tosca_definitions_version: tosca_2_0\n")
    (tmp_path / "link").symlink_to("/etc/passwd")
    with pytest.raises(model.Refused) as caught:
        design.read(tmp_path)
    problem = caught.value.problems[0]
    assert (problem.code, problem.where) == ("link", "link")
    assert problem.hint


def test_r101_what_cannot_be_packed_is_told_with_what_can_be_done_here(tmp_path: Path) -> None:
    """Options of the archiver are not named as if they were those of a deployment."""
    with pytest.raises(model.Refused) as caught:
        design.read(tmp_path)
    assert (caught.value.problems[0].code, caught.value.problems[0].where) == ("entry-definitions", str(tmp_path))
    assert "--entry" not in caught.value.problems[0].hint
    (tmp_path / "a.yaml").write_text("tosca_definitions_version: tosca_2_0\n")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(model.Refused) as caught:
        design.read(tmp_path)
    assert caught.value.problems[0].where == "pipe"
    assert "puccini-csar create FOLDER --exclude" in caught.value.problems[0].hint


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_r101_what_never_ends_is_not_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "service.yaml" if kind == "pipe" else Path("/dev/zero")
    if kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(model.Refused, match="neither a file nor a folder"):
        design.read(path)


def test_r84_what_is_called_an_archive_and_is_none_is_not_sent(tmp_path: Path) -> None:
    (tmp_path / "a.csar").write_bytes(bytes(range(256)) * 100)
    with pytest.raises(model.Refused) as caught:
        design.read(tmp_path / "a.csar")
    assert caught.value.problems[0].where == str(tmp_path / "a.csar")


def test_an_archive_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.csar").write_bytes(b"PK\x03\x04 nonsense")
    assert design.read(tmp_path / "a.csar"), "the server judges archives, with positions"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("shop.yaml", "shop"),
        ("shop.tar.gz", "shop"),
        ("shop/service.yaml", "shop"),
        ("shop/main.yaml", "shop"),
        ("shop", "shop"),
    ],
)
def test_the_name_of_a_service(path: str, name: str, tmp_path: Path) -> None:
    file = tmp_path / path
    if "." in path:
        file.parent.mkdir(exist_ok=True)
        file.write_text("")
    else:
        file.mkdir()
    assert design.name(file) == name


def test_a_name_that_no_service_can_have(tmp_path: Path) -> None:
    file = tmp_path / "a b.yaml"
    file.write_text("")
    with pytest.raises(model.Refused) as caught:
        design.name(file)
    assert "--name" in caught.value.problems[0].hint


def test_only_what_is_signed_by_who_is_trusted(tmp_path: Path) -> None:
    """T165: and was not changed since; nothing else is sent."""
    key, file = tmp_path / "key", tmp_path / "hello.csar"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    trusted = tmp_path / "trusted"
    trusted.write_text(f"alice {key.with_suffix('.pub').read_text()}")
    file.write_bytes(csar.pack(EXAMPLE / "service.yaml"))
    for wrong in (file, EXAMPLE / "service.yaml"):
        with pytest.raises(model.Refused):
            design.check_signature(wrong, trusted)
    with csar.open(file) as archive:
        (tmp_path / "work").mkdir()
        plan = signatures.plan(archive, key, tmp_path / "work")
    file.write_bytes(creation.content(plan))
    design.check_signature(file, trusted)
    plan.files["scripts/alert.sh"].write_text("evil")
    with file.open("wb") as out:
        creation.write(plan, out)
    with pytest.raises(model.Refused):
        design.check_signature(file, trusted)


def test_t145_what_can_substitute_goes_along(tmp_path: Path) -> None:
    """T145: further files with substitution candidates are the archive's Other-Definitions."""
    for name in ("service.yaml", "inside.yaml"):
        (tmp_path / name).write_text("tosca_definitions_version: tosca_2_0\n")
    content = design.read(tmp_path / "service.yaml", [tmp_path / "inside.yaml"])
    with zipfile.ZipFile(BytesIO(content)) as packed:
        assert "Other-Definitions: inside.yaml" in packed.read("TOSCA.meta").decode().replace('"', "")
        assert "inside.yaml" in packed.namelist()
    (tmp_path / "a.csar").write_bytes(content)
    with pytest.raises(model.Refused):
        design.read(tmp_path / "a.csar", [tmp_path / "inside.yaml"])
