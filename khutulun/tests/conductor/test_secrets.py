"""R105, T172: secrets are encrypted at rest, reach who needs them and nobody else; their rotation is an event."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from floria.entities import Handler, Property, VertexTemplate
from floria.store import exports
from floria.values import Call, Value
from khutulun import marks, model
from khutulun.testing.machine import ME, Machine, bundle, note

VALUE = "correct horse battery staple"
NEXT = "another horse, another battery"
OTHER = model.Principal(65_533, 65_533, "somebody")


def secret_note(name: str, *handlers: Handler) -> Any:
    """Return a note whose text comes from the secret `db`."""
    vertex, *edges = note(name, handlers=handlers)
    text: Value = Call("floria:concat", ["password: ", Call("khutulun:secret", ["db"])])
    assert isinstance(vertex, VertexTemplate)
    return msgspec.structs.replace(vertex, properties={**vertex.properties, "text": Property(updater=text)}), *edges


def traces(folder: Path, value: str, *, but: Path | None = None) -> list[str]:
    """Return the files below `folder` that hold `value`."""
    files = [file for file in folder.rglob("*") if file.is_file() and file != but]
    return [str(file) for file in files if value.encode() in file.read_bytes()]


def told(machine: Machine, service: str) -> Iterator[str]:
    """Yield everything that clients can be told about a service."""
    conductor = machine.running.conductor
    for answer in (
        conductor.service(ME, service),
        conductor.services(ME),
        conductor.history(ME, service),
        conductor.script(ME, service),
        conductor.validate(ME, service),
        conductor.secrets(ME),
        list(conductor.events(ME, after=0, limit=10_000)),
        list(conductor.events(ME, service=service, after=0)),
        conductor.execution(ME, conductor.service(ME, service).execution.id),  # type: ignore[union-attr]
    ):
        yield repr(answer)


def test_r105_a_secret_reaches_its_workload_and_nothing_else(
    machine: Machine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """T172: what the template, the graph, the store, logs and answers hold is a mark."""
    caplog.set_level(logging.DEBUG)
    conductor = machine.running.conductor
    conductor.set_secret(ME, "db", VALUE.encode())
    archive = conductor.upload(ME, bundle(secret_note("a")))
    planned = conductor.plan(ME, model.DeployRequest("s", archive))
    assert machine.wait(conductor.deploy(ME, model.DeployRequest("s", archive))).state == "done"

    assert machine.text("s-a-0") == f"password: {VALUE}"
    assert (tmp_path / "notes" / "s-a-0").stat().st_mode & 0o777 == 0o600
    (node,) = conductor.service(ME, "s").nodes
    assert marks.MARK.search(str(node.properties["told"].value))

    machine.running.store.backup(tmp_path / "backup")
    with (tmp_path / "export").open("wb") as file:
        exports.write(machine.running.store, file, blobs=True)
    assert traces(tmp_path, VALUE, but=tmp_path / "notes" / "s-a-0") == []
    assert all(VALUE not in answer for answer in (*told(machine, "s"), repr(planned), caplog.text))
    assert "password: <secret db>" in conductor.script(ME, "s")
    assert "password: <secret db>" in planned.script


def test_r105_a_secret_is_no_argument_of_a_command(machine: Machine) -> None:
    conductor = machine.running.conductor
    conductor.set_secret(ME, "db", VALUE.encode())
    machine.deploy("s", secret_note("a"))
    mark = str(conductor.service(ME, "s").nodes[0].properties["text"].value)
    with pytest.raises(model.Refused, match="among the arguments of sh") as caught:
        conductor.call(ME, "s", "a", "lifecycle.shout", {"word": mark})
    assert caught.value.problems[0].code == "exposed-secret"
    assert all(VALUE not in answer for answer in told(machine, "s"))


def test_r105_rotation_is_an_event_of_who_uses_it(machine: Machine) -> None:
    conductor = machine.running.conductor
    conductor.set_secret(ME, "db", VALUE.encode())
    machine.deploy("s", secret_note("a", Handler("secret-changed", Call("notes:update", [{}]))), note("b"))
    conductor.set_secret(ME, "db", VALUE.encode())  # the same: nothing happens
    conductor.set_secret(ME, "db", NEXT.encode())
    feed = conductor.events(ME, service="s", after=0, follow=True)
    assert next(one for one in feed if one.kind == "handling" and one.name == "secret-changed").node == "a"
    feed.close()
    assert machine.text("s-a-0") == f"password: {NEXT}"
    changed = [one for one in conductor.events(ME, service="s", after=0) if one.name == "secret-changed"]
    assert [(one.kind, one.node, one.data) for one in changed if one.kind == "event"] == [
        ("event", "a", {"secret": "db"})
    ]
    assert all(NEXT not in answer for answer in told(machine, "s"))


def test_r105_a_mark_works_for_its_own_service_only(machine: Machine) -> None:
    """R74"""
    conductor = machine.running.conductor
    conductor.set_secret(ME, "db", VALUE.encode(), "/one")
    archive = conductor.upload(ME, bundle(secret_note("a")))
    assert machine.wait(conductor.deploy(ME, model.DeployRequest("s", archive, "/one"))).state == "done"
    mark = str(conductor.service(ME, "s", "/one").nodes[0].properties["text"].value)
    thief = conductor.upload(ME, bundle(note("a", text=mark)))
    machine.wait(conductor.deploy(ME, model.DeployRequest("t", thief, "/two")))
    assert machine.text("t-a-0") == mark
    failed = machine.wait(conductor.deploy(ME, model.DeployRequest("u", archive, "/two")))
    assert failed.state == "failed"
    assert "there is no secret 'db' in /two/u; set it with" in failed.problems[0].message


def test_r105_the_nearest_secret_counts_and_one_in_use_stays(machine: Machine) -> None:
    conductor = machine.running.conductor
    conductor.set_secret(ME, "db", VALUE.encode())
    conductor.set_secret(ME, "db", NEXT.encode(), "/team")
    archive = conductor.upload(ME, bundle(secret_note("a")))
    machine.wait(conductor.deploy(ME, model.DeployRequest("s", archive, "/team")))
    assert machine.text("s-a-0") == f"password: {NEXT}"
    assert [(one.name, one.directory) for one in conductor.secrets(ME, "/team")] == [("db", "/team")]
    conductor.remove_secret(ME, "db", "/team")  # there is another one above
    with pytest.raises(model.Refused, match="is used by s") as caught:
        conductor.remove_secret(ME, "db")
    assert caught.value.problems[0].code == "secret-in-use"
    machine.wait(conductor.undeploy(ME, "s", "/team"))
    conductor.remove_secret(ME, "db")
    assert conductor.secrets(ME, "/team") == []


def test_r105_a_secret_that_was_asked_for_by_name_is_let_go_by_the_update_that_drops_it(machine: Machine) -> None:
    conductor = machine.running.conductor
    for name in ("named-one", "named-two"):
        conductor.set_secret(ME, name, VALUE.encode())
    machine.deploy("s", note("a", plain="x", secret="named-one"), note("b", secret="named-two"))
    assert machine.text("s-a-0") == VALUE

    def used(name: str) -> bool:
        try:
            conductor.remove_secret(ME, name)
        except model.Refused as refused:
            return refused.problems[0].code == "secret-in-use"
        return False

    def update(*nodes: Any) -> None:
        archive = conductor.upload(ME, bundle(*nodes))
        assert machine.wait(conductor.update(ME, model.DeployRequest("s", archive))).state == "done"

    update(note("a", plain="y", secret="named-one"), note("b", secret="named-two"))
    assert (used("named-one"), used("named-two")) == (True, True)
    update(note("a", plain="y"), note("b", secret="named-one"))
    assert (used("named-one"), used("named-two")) == (True, False)
    update(note("a", plain="y"), note("b"))
    assert not used("named-one")


def test_r105_the_key_is_a_file_of_its_own_and_without_it_nothing_opens(machine: Machine, tmp_path: Path) -> None:
    machine.running.conductor.set_secret(ME, "db", VALUE.encode())
    machine.deploy("s", secret_note("a"))
    key = tmp_path / "secrets.key"
    assert key.stat().st_mode & 0o777 == 0o600
    content = key.read_text()
    assert all(content.strip() not in file for file in traces(tmp_path, content.strip(), but=key))


@pytest.mark.parametrize(
    ("damage", "code"),
    [("ab" * 32, "sealed-secret"), ("nonsense", "no-key"), ("abcd", "no-key"), ("", "no-key")],
)
def test_r105_another_key_is_told_and_workloads_can_be_taken_down(tmp_path: Path, damage: str, code: str) -> None:
    machine = Machine(tmp_path)
    with machine.up() as running:
        running.conductor.set_secret(ME, "db", VALUE.encode())
        machine.deploy("s", secret_note("a"))
    key = tmp_path / "secrets.key"
    key.write_text(damage) if damage else key.unlink()
    with machine.up() as running:
        with pytest.raises(model.Refused) as caught:
            running.conductor.set_secret(ME, "db", NEXT.encode())
        assert caught.value.problems[0].code == code
        assert caught.value.problems[0].hint
        assert machine.wait(running.conductor.undeploy(ME, "s")).state == "done"


def test_r105_the_key_can_be_a_credential_of_the_service_manager(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "khutulun-secrets-key").write_text("cd" * 32)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    machine = Machine(tmp_path / "state")
    with machine.up() as running:
        running.conductor.set_secret(ME, "db", VALUE.encode())
        machine.deploy("s", secret_note("a"))
        assert machine.text("s-a-0") == f"password: {VALUE}"
    assert not (tmp_path / "state" / "secrets.key").exists()


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a b", b"long enough", "bad-name"),
        ("../a", b"long enough", "bad-name"),
        ("", b"long enough", "bad-name"),
        ("a", b"abc", "too-short"),
        ("a", b"   \n ", "too-short"),
        ("a", b"a\0bcdef", "too-short"),
        ("a", b"\xff\xfe\xfd\xfc\xfb", "not-text"),
        ("a", b"x" * 70_000, "too-large"),
    ],
)
def test_r105_what_is_no_secret_is_refused(machine: Machine, name: str, content: bytes, code: str) -> None:
    with pytest.raises(model.Refused) as caught:
        machine.running.conductor.set_secret(ME, name, content)
    assert caught.value.problems[0].code == code
    assert machine.running.conductor.secrets(ME) == []


def test_r104_secrets_are_set_by_operators_and_seen_by_nobody(machine: Machine) -> None:
    conductor = machine.running.conductor
    for attempt in (
        lambda: conductor.set_secret(OTHER, "db", VALUE.encode()),
        lambda: conductor.remove_secret(OTHER, "db"),
        lambda: conductor.secrets(OTHER),
    ):
        with pytest.raises(model.Refused) as caught:
            attempt()
        assert caught.value.problems[0].code == "not-permitted"
    with pytest.raises(model.Refused, match="there is no secret 'db' in /"):
        conductor.remove_secret(ME, "db")
