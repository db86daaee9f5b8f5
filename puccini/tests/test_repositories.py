"""Repositories and URLs (sections 6.5, 6.8.2, 12.2): files that are elsewhere, and their checksums."""

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import puccini
from puccini import csar, repositories
from puccini.csar.source import ArchiveSource

SCRIPT = b"#!/bin/sh\necho hello\n"
SHA256 = hashlib.sha256(SCRIPT).hexdigest()
TYPES = "tosca_definitions_version: tosca_2_0\nartifact_types: { Script: { file_ext: [ sh ] }, Image: {} }\n"
SERVICE = """tosca_definitions_version: tosca_2_0
imports: [ IMPORT ]
repositories: { there: REPOSITORY }
interface_types: { I: { operations: { run: {} } } }
node_types: { N: { interfaces: { i: { type: I } } } }
service_template:
  node_templates:
    n:
      type: N
      artifacts: { script: { type: Script, file: ARTIFACT, MORE } }
      interfaces: { i: { operations: { run: script } } }
"""


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """A folder with types and a script."""
    folder = tmp_path / "there"
    (folder / "scripts").mkdir(parents=True)
    (folder / "types.yaml").write_text(TYPES)
    (folder / "scripts" / "run.sh").write_bytes(SCRIPT)
    return folder


@pytest.fixture
def web(there: Path) -> Iterator[str]:
    """The folder on a web server."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(there))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def _load(
    folder: Path, *, imported: str, repository: str, artifact: str = "scripts/run.sh", more: str = "repository: there"
) -> puccini.Loaded:
    folder.mkdir(exist_ok=True)
    text = SERVICE.replace("IMPORT", imported).replace("REPOSITORY", repository)
    (folder / "service.yaml").write_text(text.replace("ARTIFACT", artifact).replace("MORE", more))
    return puccini.load(puccini.FolderSource(folder), "service.yaml")


def _digests(loaded: puccini.Loaded) -> list[str]:
    bundle = puccini.compile(loaded, "s")
    contents = dict(puccini.blobs(loaded))
    assert set(contents) == set(bundle.blobs)
    return list(bundle.blobs.values())


def test_a_repository_that_is_a_folder(tmp_path: Path, there: Path) -> None:
    """T14, T113: imports and artifacts come from it, and checksums are verified."""
    at = {"imported": "{ url: types.yaml, repository: there }", "repository": f"file://{there}"}
    loaded = _load(tmp_path / "s", **at)
    assert loaded.diagnostics == ()
    assert _digests(loaded) == [f"sha256:{SHA256}"]
    template = next(one for one in puccini.compile(loaded, "s").vertexes if one.name == "script")
    assert template.metadata["tosca.file"] == "there/scripts/run.sh"
    right = f"repository: there, checksum: {SHA256}, checksum_algorithm: SHA-256"
    assert _digests(_load(tmp_path / "s", **at, more=right))
    with pytest.raises(puccini.Failed) as caught:
        puccini.compile(_load(tmp_path / "s", **at, more=right.replace(SHA256, "a" * 64)), "s")
    assert [one.code for one in caught.value.diagnostics] == ["wrong-checksum"]


def test_a_file_by_its_url(tmp_path: Path, there: Path) -> None:
    """T13, T113: a file URL is a place on this machine."""
    url = f"file://{there}"
    loaded = _load(
        tmp_path / "s",
        imported=f"{url}/types.yaml",
        repository=url,
        artifact=f"{url}/scripts/run.sh",
        more="properties: {}",
    )
    assert _digests(loaded) == [f"sha256:{SHA256}"]


def test_what_is_not_there(tmp_path: Path, there: Path) -> None:
    """T15, T113: a file that its repository does not have."""
    at = {"imported": "{ url: types.yaml, repository: there }", "repository": f"file://{there}"}
    loaded = _load(tmp_path / "s", **at, artifact="scripts/walk.sh")
    assert [one.code for one in loaded.diagnostics] == ["missing-file"]
    with pytest.raises(puccini.Failed) as caught:
        puccini.compile(loaded, "s")
    assert {one.code for one in caught.value.diagnostics} == {"missing-file"}


def test_a_repository_inside_of_an_archive(tmp_path: Path, there: Path) -> None:
    """T162, T113: a path is a place in the archive, which nothing leads out of."""
    _load(there, imported="/types.yaml", repository="scripts/", artifact="run.sh")
    with csar.open(csar.pack(there / "service.yaml"), name="service.csar") as archive:
        loaded = puccini.load(ArchiveSource(archive), "service.yaml")
        assert _digests(loaded) == [f"sha256:{SHA256}"]


def test_nothing_is_fetched_unless_it_may(tmp_path: Path, web: str) -> None:
    """T13, T14, T113: over a network only when the user allows it."""
    at = {"imported": f"{web}/types.yaml", "repository": web}
    (problem,) = _load(tmp_path / "s", **at).diagnostics[:1]
    assert problem.code == "import-failed"
    assert "--allow-network" in problem.hint
    (tmp_path / "s" / "types.yaml").write_text(TYPES)
    here = _load(tmp_path / "s", imported="types.yaml", repository=web)
    with pytest.raises(puccini.Failed) as caught:
        puccini.compile(here, "s")
    assert "--allow-network" in caught.value.diagnostics[0].hint
    with repositories.network():
        loaded = _load(tmp_path / "s", **at)
        assert loaded.diagnostics == ()
        assert _digests(loaded) == [f"sha256:{SHA256}"]
        absent = _load(tmp_path / "s", **at, artifact="nothing.sh")
        with pytest.raises(puccini.Failed) as caught:
            puccini.compile(absent, "s")
    (problem,) = caught.value.diagnostics
    assert (problem.code, problem.hint) == ("unreadable-file", "check the URL")
    assert problem.message.endswith("/nothing.sh answers 404 File not found")


def test_what_is_no_file_stays_a_name(tmp_path: Path, there: Path) -> None:
    """T113: an artifact whose type has no files is the name of something in its repository, for those who use it."""
    at = {"imported": f"file://{there}/types.yaml", "repository": "https://images.example"}
    loaded = _load(tmp_path / "s", **at, artifact="app:1.0")
    text = (tmp_path / "s" / "service.yaml").read_text().replace("type: Script", "type: Image")
    (tmp_path / "s" / "service.yaml").write_text(text)
    loaded = puccini.load(loaded.entry.source, "service.yaml")  # type: ignore[union-attr]
    template = next(one for one in puccini.compile(loaded, "s").vertexes if one.name == "script")
    assert template.metadata["tosca.file"] == "app:1.0"
    assert template.metadata["tosca.repository_url"] == "https://images.example"
