"""Archives of TOSCA 1.x are CSAR 1.1, with the keynames that those have (T159, R86)."""

import subprocess
from pathlib import Path

import pytest

from puccini import csar
from puccini.csar import Format, creation, meta, packing, signatures

SERVICE = "tosca_definitions_version: {}\ntopology_template: {{ node_templates: {{ a: {{ type: Root }} }} }}\n"


@pytest.mark.parametrize(("version", "file"), [("1_3", "1.1"), ("1_2", "1.0"), ("1_0", "1.0")])
@pytest.mark.parametrize("form", list(Format))
def test_t159_what_is_made_of_1_x_is_csar_1_1(tmp_path: Path, version: str, file: str, form: Format) -> None:
    service = tmp_path / "service.yaml"
    service.write_text(SERVICE.format(f"tosca_simple_yaml_{version}"))
    for plan in (packing.from_file(service), creation.from_folder(tmp_path)):
        with csar.open(creation.content(plan, form)) as archive:
            assert archive.meta is not None
            assert archive.meta.place == "TOSCA-Metadata/TOSCA.meta"
            assert archive.entry == "service.yaml"
            assert csar.verify(archive) == []
            lines = archive.read(archive.meta.place).decode().splitlines()
            assert lines[:2] == [f"TOSCA-Meta-File-Version: {file}", "CSAR-Version: 1.1"]


def test_t159_the_version_is_that_of_the_definitions(tmp_path: Path) -> None:
    (tmp_path / "service.yaml").write_text(
        "tosca_definitions_version: tosca_2_0\nservice_template: { node_templates: {} }\n"
    )
    (tmp_path / "TOSCA.meta").write_text(
        "CSAR-Version: 1.1\nTOSCA-Meta-File-Version: 1.1\nX: y\nEntry-Definitions: service.yaml\n"
    )
    plan = creation.from_folder(tmp_path)
    assert (plan.meta.version, plan.meta.place, plan.meta.file_version) == ("2.0", "TOSCA.meta", None)
    assert meta.parse(creation.head(plan, digests=False)).version == "2.0"


def test_t159_an_archive_of_the_other_version_is_warned_of(tmp_path: Path) -> None:
    content = SERVICE.format("tosca_simple_yaml_1_3").encode()
    assert meta.suited(meta.Meta(), content).version == "1.1"
    (tmp_path / "service.yaml").write_bytes(content)
    plan = creation.from_folder(tmp_path)
    wrong = creation.Plan(files=plan.files, meta=meta.Meta(entry="service.yaml"))
    with csar.open(creation.content(wrong)) as archive:
        (finding,) = csar.verify(archive)
        assert finding.warning
        assert finding.message == "CSAR-Version is 2.0; archives of TOSCA 1.x say 1.1"


def test_t159_they_can_be_signed(tmp_path: Path) -> None:
    (tmp_path / "service.yaml").write_text(SERVICE.format("tosca_simple_yaml_1_3"))
    content = creation.content(creation.from_folder(tmp_path))
    private, folder = tmp_path / "key", tmp_path / "folder"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", private], check=True)
    trusted = tmp_path / "trusted"
    trusted.write_text(f"me {private.with_suffix('.pub').read_text()}")
    folder.mkdir()
    with csar.open(content) as archive:
        signed = creation.content(signatures.plan(archive, private, folder))
    with csar.open(signed) as archive:
        assert csar.signer(archive, trusted) == "me"
        assert csar.verify(archive) == []
