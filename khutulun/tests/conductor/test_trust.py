"""A server that was told whom to trust deploys nothing else (T165)."""

import io
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from khutulun import model, paths, server
from khutulun.conductor import trust
from khutulun.testing.machine import ME
from puccini import csar
from puccini.csar import creation, signatures

SERVICE = "tosca_definitions_version: tosca_2_0\nservice_template: { node_templates: {} }\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("trust")
    for name in ("alice", "mallory"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", made / name], check=True)
    return made


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator[server.Running]:
    trusted = folder / "trusted"
    trusted.write_text(f"alice {(folder / 'alice.pub').read_text()}")
    where = paths.paths(paths.Scope.USER, folder / "state")
    with server.assembled(where, host="here", built_in={}, trusted=trusted) as made:
        yield made


def archive(text: str = SERVICE) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("service.yaml", text)
    return content.getvalue()


def signed(folder: Path, who: str, work: Path, text: str = SERVICE) -> bytes:
    work.mkdir()
    with csar.open(archive(text)) as plain:
        return creation.content(signatures.plan(plain, folder / who, work))


def request(running: server.Running, content: bytes, name: str = "s") -> model.DeployRequest:
    return model.DeployRequest(name, running.conductor.upload(ME, content), inputs={})


def test_t165_what_somebody_trusted_has_signed_is_deployed(
    folder: Path, running: server.Running, tmp_path: Path
) -> None:
    conductor = running.conductor
    asked = request(running, signed(folder, "alice", tmp_path / "work"))
    assert conductor.plan(ME, asked) is not None
    conductor.deploy(ME, asked)
    assert conductor.service(ME, "s").name == "s"


@pytest.mark.parametrize("kind", ["unsigned", "other", "changed", "text"])
def test_t165_nothing_else_is(kind: str, folder: Path, running: server.Running, tmp_path: Path) -> None:
    """Neither deployed, nor planned, nor updated to; and nothing is there afterwards."""
    kinds: dict[str, Callable[[], bytes]] = {
        "unsigned": archive,
        "other": lambda: signed(folder, "mallory", tmp_path / "work"),
        "changed": lambda: changed(signed(folder, "alice", tmp_path / "work")),
        "text": lambda: b"vertexes: []\n",
    }
    asked = request(running, kinds[kind](), "other")
    for act in (running.conductor.deploy, running.conductor.plan, running.conductor.update):
        with pytest.raises(model.Refused) as refused:
            act(ME, asked)
        (problem,) = refused.value.problems
        assert problem.code == ("bad-archive" if kind == "changed" else "not-signed")
        assert "trust" in problem.message
    with pytest.raises(model.Refused):
        running.conductor.service(ME, "other")


def test_t165_who_is_taken_out_is_no_longer_trusted(folder: Path, running: server.Running, tmp_path: Path) -> None:
    trusted = folder / "trusted"
    before = trusted.read_text()
    asked = request(running, signed(folder, "alice", tmp_path / "work"), "late")
    trusted.write_text(f"mallory {(folder / 'mallory.pub').read_text()}")
    try:
        with pytest.raises(model.Refused, match="nobody"):
            running.conductor.deploy(ME, asked)
    finally:
        trusted.write_text(before)


def test_t165_a_server_does_not_start_without_its_file(tmp_path: Path) -> None:
    with pytest.raises(model.Refused) as refused:
        trust.required(tmp_path / "nobody")
    assert refused.value.problems[0].code == "bad-trust"


def changed(content: bytes) -> bytes:
    """Return an archive with another definitions file; its signature is as it was."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(out, "w") as after:
        for name in before.namelist():
            data = before.read(name)
            after.writestr(name, data + b"# evil\n" if name == "service.yaml" else data)
    return out.getvalue()
