"""The floria command: output for people and programs, exit codes, errors with hints."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import floria.store
from floria import cli, codec, ids, yaml
from floria.store.interface import Query, Store
from floria.testing import samples


class Result(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: object) -> Result:
        code = cli.run([str(argument) for argument in arguments])
        return Result(code, *capfd.readouterr())

    return run


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "store.db"
    monkeypatch.setenv("FLORIA_STORE", str(path))
    with closing(floria.store.open(str(path))) as store:
        fill(store)
    return path  # type: ignore[return-value]


def fill(store: Store) -> None:
    host = samples.vertex("host", "Node", room=9)
    web = samples.vertex("web", "Process", "Node", directory="/shop", port=80, data=b"\x00")
    part = samples.vertex("part", parent=web, directory="/shop")
    edge = samples.edge("on", web, host)
    samples.put(store, host, web, part, edge)
    with store.write() as transaction:
        transaction.allocate(host.id, "room", 4, edge.id)
        transaction.claim("space", "key", web.id)
        transaction.append("topic", "key", {"b": b"\xff"}, subject="a/b")
    store.put_blob(b"blob" * 500_000)


def everything(path: Path) -> tuple[dict[ids.Id, Any], Any, Any, Any, Any]:
    with closing(floria.store.open(str(path), read_only=True)) as store, store.read() as reader:
        found = {entity.id: entity for entity in reader.query(Query())}
        journal = [(record.key, record.time, record.body, record.subject) for record in reader.journal("topic")]
        return found, reader.claims("space"), reader.allocations(), journal, list(store.blobs())


def id_of(path: Path, name: str) -> ids.Id:
    return next(id for id, entity in everything(path)[0].items() if entity.name == name)


def test_get_shows_an_entity_whole(address: Path, run: Run) -> None:
    id = id_of(address, "web")
    expected = everything(address)[0][id]
    assert codec.entity_from_plain(json.loads(run("get", id, "--output", "json").out)) == expected
    assert codec.entity_from_plain(yaml.load(run("--output", "yaml", "get", id).out)[0]) == expected
    assert "name: web" in run("get", id).out
    assert len(json.loads(run("get", id, id_of(address, "host"), "--output", "json").out)) == 2


def test_list_and_query_select(address: Path, run: Run) -> None:
    def names(*arguments: object) -> list[str]:
        return sorted(entity["name"] for entity in json.loads(run(*arguments, "--output", "json").out))

    web = id_of(address, "web")
    assert names("list") == ["host", "on", "part", "web"]
    assert names("list", "/shop", "--kind", "vertex") == ["part", "web"]
    assert names("query", "--class", "Node", "--class", "Process") == ["web"]
    assert names("query", "--where", "port < 81", "--where", "data exists") == ["web"]
    assert names("query", "--directory", "/", "--only") == ["host", "on"]
    assert names("query", "--parent", web) == names("query", "--within", web) == ["part"]
    assert names("query", "--name", "nobody") == []
    assert names("path", web, "out:on/target") == ["host"]
    assert names("path", web, id_of(address, "host"), "in/source/children") == ["part"]
    assert len(yaml.load(run("list", "--output", "yaml").out)[0]) == 4


def test_people_get_a_table_and_are_told_when_there_is_more(address: Path, run: Run) -> None:
    result = run("list", "--limit", 3)
    assert result.out.startswith("KIND ")
    assert len(result.out.splitlines()) == 4
    assert result.err.startswith("note: there is more after ")
    last = result.err.split()[5].rstrip(";")
    assert len(run("query", "--after", last).out.splitlines()) == 2
    assert run("list", "--limit", 0).err == ""


def test_an_export_and_a_backup_are_for_their_owner_alone(address: Path, run: Run, tmp_path: Path) -> None:
    """R105: whatever the umask, and also in the place of a file that everybody could read."""
    before = os.umask(0)
    try:
        for command in ("export", "backup"):
            file = tmp_path / command
            file.touch(0o666)
            assert run(command, "--replace", file).code == 0
            assert file.stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(before)


def test_an_export_can_be_imported_elsewhere_and_holds_everything(address: Path, run: Run, tmp_path: Path) -> None:
    """R77: nothing is lost on the way, bytes and journals included."""
    assert run("export", "--blobs", tmp_path / "graph").err == "exported 4 entities, 1 journal records, 1 blobs\n"
    copy = tmp_path / "copy.db"
    assert run("--store", copy, "import", tmp_path / "graph").code == 0
    (found, *rest), (expected, *others) = everything(copy), everything(address)
    assert rest == others
    assert [(item.name, item.properties) for item in found.values()] == [
        (item.name, item.properties) for item in expected.values()
    ]
    again = run("--store", copy, "import", tmp_path / "graph")
    assert again.code == 1
    assert "is there already" in again.err
    assert "hint: use --replace" in again.err
    assert run("--store", copy, "import", "--replace", tmp_path / "graph").code == 0
    assert everything(copy)[1:] == everything(address)[1:]


def test_backup_and_restore_are_one_command_each(address: Path, run: Run, tmp_path: Path) -> None:
    """R78: while another process has the store open."""
    before = everything(address)
    with closing(floria.store.open(str(address))):
        assert run("backup", tmp_path / "backup").code == 0
        refused = run("restore", "--replace", tmp_path / "backup")
        assert (refused.code, "has it open for writing" in refused.err) == (1, True)
    refused = run("backup", tmp_path / "backup")
    assert refused.err.startswith(f"error: {tmp_path / 'backup'}: it is there already\nhint: ")
    assert run("--store", tmp_path / "new.db", "restore", tmp_path / "backup").code == 0
    assert everything(tmp_path / "new.db") == before
    assert run("restore", "--replace", tmp_path / "backup").code == 0
    assert everything(address) == before


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda text: "", "it is not an export"),
        (lambda text: '{"floria": "export", "version": 9}\n' + text, "of version 9; this program knows 1"),
        (lambda text: text + "nonsense\n", "graph:12: this is not JSON"),
        (lambda text: text + "[1]\n", r"graph:12: \[1\] is no entry of an export"),
        (lambda text: text + '{"new": 1}\n', "graph:12: .* is not known"),
        (lambda text: text.replace('"name":"host"', '"name":5'), r"graph:\d: name: Expected `str`, got `int`"),
        (lambda text: text.replace('"data":"Ymxv', '"data":"YmxY'), "graph:4: the blob sha256:.* is damaged"),
        (lambda text: text.replace('"last":true', '"last":false'), "it ends in the midst of a blob"),
        (lambda text: text.replace('"amount":4', '"amount":40'), "graph:9: room of .*: 40 asked, 9 left"),
    ],
)
def test_a_bad_export_changes_nothing(
    address: Path, run: Run, tmp_path: Path, change: Callable[[str], str], problem: str
) -> None:
    assert run("export", "--blobs", tmp_path / "graph").code == 0
    (tmp_path / "graph").write_text(change((tmp_path / "graph").read_text()))
    with closing(floria.store.open(str(tmp_path / "copy.db"))):
        pass
    before = everything(tmp_path / "copy.db")
    result = run("--store", tmp_path / "copy.db", "import", tmp_path / "graph")
    assert result.code == 1
    assert re.search(problem, result.err), result.err
    assert everything(tmp_path / "copy.db") == before


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["get", "nonsense"], 2, "error: Invalid value for 'ID...': 'nonsense' is not an id"),
        (["get", "0" * 26], 1, "error: there is no entity 0000"),
        (["list", "shop"], 2, "directory is 'shop'; '/' or '/name/name' was expected"),
        (["--store", "memory:", "list"], 1, "error: a store in memory is empty when it is opened"),
        (["frobnicate"], 2, "error: No such command 'frobnicate'"),
        (["list", "--kind", "thing"], 2, "error: Invalid value for '--kind'"),
        (["query", "--where", "port"], 1, "error: 'port', at 5: an operator"),
        (["path", "0" * 26, "out/off"], 1, "error: 'out/off', at 5: 'off' is no axis"),
        (["import", "/nowhere"], 1, "error: "),
        (["export", "/nowhere/x"], 1, "error: "),
        (["backup", "/nowhere/x"], 1, "error: "),
        (["restore", "/nowhere/x"], 1, "error: /nowhere/x: there is no such backup"),
        (["--store", "nosql://x", "list"], 1, "error: nosql://x: there is no store for nosql:"),
        (["--store", "/nowhere/x.db", "list"], 1, "error: /nowhere/x.db: there is no store"),
    ],
)
def test_errors_say_what_and_what_to_do(address: Path, run: Run, arguments: list[str], code: int, message: str) -> None:
    result = run(*arguments)
    assert result.code == code
    assert message in result.err
    assert "Traceback" not in result.err
    assert result.out == ""


def test_without_a_store_the_usage_is_wrong(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLORIA_STORE", raising=False)
    result = run("list")
    assert (result.code, result.err.splitlines()[0]) == (
        2,
        "error: no store was named: give --store ADDRESS or set FLORIA_STORE",
    )


def test_a_closed_pipe_ends_quietly(address: Path) -> None:
    command = f"{sys.executable} -m floria.cli list --limit 0 --output json | head -c 1"
    result = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert (result.stdout, result.stderr) == ("[", "")


def test_every_command_has_help_that_tells_what_it_does(run: Run) -> None:
    for name, command in cli.cli.commands.items():
        assert len(command.help or "") > 40, name
        assert run(name, "--help").code == 0
