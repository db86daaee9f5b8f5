"""A TOSCA file becomes an archive with everything it touches and nothing else (T164, R31)."""

from pathlib import Path

import pytest

import puccini
from puccini import csar
from puccini.csar import ArchiveError, Format, Refusal, packing
from puccini.csar.source import ArchiveSource
from puccini.diagnostics import Failed

SERVICE = """\
tosca_definitions_version: tosca_2_0
imports:
- types/web.yaml
artifact_types:
  Script: { file_ext: [ sh ] }
service_template:
  inputs:
    note: { type: string, default: notes.txt }
  node_templates:
    web:
      type: Web
      artifacts:
        page: { type: Page, file: content/index.html }
      interfaces:
        standard:
          operations:
            create: scripts/create.sh
            start:
              implementation:
                primary: { type: Script, file: /scripts/start.sh }
                dependencies: [ scripts/lib.sh ]
              inputs: { note: secret.txt }
"""
TYPES = """\
tosca_definitions_version: tosca_2_0
artifact_types:
  Page: {}
interface_types:
  Standard:
    operations: { create: {}, start: { inputs: { note: { type: string } } } }
node_types:
  Web:
    artifacts:
      logo: { type: Page, file: logo.svg }
    interfaces:
      standard: { type: Standard }
"""
FILES = {
    "service.yaml": SERVICE,
    "types/web.yaml": TYPES,
    "types/logo.svg": "<svg/>",
    "content/index.html": "<html/>",
    "scripts/create.sh": "#!/bin/sh\n",
    "scripts/start.sh": "#!/bin/sh\n",
    "scripts/lib.sh": "#!/bin/sh\n",
    "plugins/greet.py": "x = 1\n",
    "plugins/greet/README.md": "free\n",
    "notes.txt": "not touched\n",
    "secret.txt": "not touched\n",
}
TOUCHED = {
    "TOSCA.meta",
    "service.yaml",
    "types/web.yaml",
    "types/logo.svg",
    "content/index.html",
    "scripts/create.sh",
    "scripts/start.sh",
    "scripts/lib.sh",
    "plugins/greet.py",
}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        path = tmp_path / "shop" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return tmp_path / "shop"


def test_everything_that_is_touched_is_packed(place: Path) -> None:
    """T164: imports, artifacts of types and templates, implementations, dependencies, plugins; no more."""
    with csar.open(csar.pack(place / "service.yaml")) as archive:
        assert set(archive.entries) == TOUCHED
        assert archive.entry == "service.yaml"
        assert set(archive.plugins) == {"greet"}
        assert csar.verify(archive) == []


@pytest.mark.parametrize("form", list(Format))
def test_what_is_packed_compiles_to_the_same_bundle(form: Format, place: Path) -> None:
    """T162: the archive is the repository; the receiver needs nothing else."""
    loaded = puccini.load(puccini.FolderSource(place), "service.yaml")
    assert not loaded.failed
    with csar.open(packing.pack(place / "service.yaml", form=form)) as archive:
        again = puccini.load(ArchiveSource(archive), archive.entry)
        assert not again.failed
        assert puccini.compile(again, "shop") == puccini.compile(loaded, "shop")


def test_a_profile_that_is_not_at_hand_loses_nothing(place: Path) -> None:
    """R31: the sender need not have the profiles of the receiver."""
    (place / "service.yaml").write_text(SERVICE.replace("- types/web.yaml", "- profile: acme:1.0"))
    with csar.open(csar.pack(place / "service.yaml")) as archive:
        assert {"content/index.html", "scripts/create.sh", "scripts/start.sh", "scripts/lib.sh"} <= set(archive.entries)


def test_an_entry_below_the_root(place: Path, tmp_path: Path) -> None:
    """T162: with the root above it, a leading slash and .. lead where they should."""
    plan = packing.from_file(place / "service.yaml", root=tmp_path)
    assert plan.meta.entry == "shop/service.yaml"
    with pytest.raises(ArchiveError, match="is not in"):
        packing.from_file(place / "service.yaml", root=place / "types")


def test_folders_and_archives_are_packed_as_they_are(place: Path, tmp_path: Path) -> None:
    with csar.open(csar.pack(place)) as archive:
        assert "notes.txt" in archive.entries
    whole = tmp_path / "shop.csar"
    whole.write_bytes(csar.pack(place))
    assert csar.pack(whole) == whole.read_bytes()
    whole.write_bytes(whole.read_bytes()[:-30])
    with pytest.raises(ArchiveError):
        csar.pack(whole)


def test_what_is_broken_is_sent_for_the_receiver_to_judge(place: Path) -> None:
    """R81: the receiver reports it with positions; `check` reports it here."""
    (place / "service.yaml").write_text("tosca_definitions_version: [")
    with csar.open(csar.pack(place / "service.yaml")) as archive:
        assert archive.read("service.yaml") == b"tosca_definitions_version: ["
    with pytest.raises(Failed):
        packing.from_file(place / "service.yaml", check=True)


def test_links_are_refused(place: Path) -> None:
    """T163: also behind a folder."""
    (place / "content").rename(place / "real")
    (place / "content").symlink_to("real")
    with pytest.raises(ArchiveError, match="symbolic link") as caught:
        csar.pack(place / "service.yaml")
    assert caught.value.refusal is Refusal.LINK


def test_what_lies_outside_is_refused(place: Path, tmp_path: Path) -> None:
    """T162: a path on this machine means nothing to the receiver."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "web.yaml").write_text(TYPES)
    (place / "service.yaml").write_text(SERVICE.replace("types/web.yaml", f"url: file://{tmp_path}/other/web.yaml"))
    with pytest.raises(ArchiveError, match="lies outside of") as caught:
        csar.pack(place / "service.yaml")
    assert "copy it" in caught.value.hint


def test_a_bad_plugin_is_refused(place: Path) -> None:
    """R31."""
    (place / "plugins" / "notes.txt").write_text("")
    with pytest.raises(ArchiveError, match="only plugins lie directly in plugins/"):
        csar.pack(place / "service.yaml")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="No such file"):
        csar.pack(tmp_path / "nope.yaml")


def test_aliases_are_followed_once(place: Path) -> None:
    """R35, R81: a file of aliases that multiply takes no time."""
    lines = ["tosca_definitions_version: tosca_2_0", "dsl_definitions:", "  a0: &a0 { interfaces: [ scripts/lib.sh ] }"]
    lines += [f"  a{level}: &a{level} [ {', '.join([f'*a{level - 1}'] * 9)} ]" for level in range(1, 7)]
    (place / "service.yaml").write_text("\n".join(lines))
    with csar.open(csar.pack(place / "service.yaml")) as archive:
        assert "service.yaml" in archive.entries
