"""Large trees of files are remembered by content, and what is remembered is never trusted (T16, R81)."""

import os
import sqlite3
from pathlib import Path

import pytest

import puccini
from puccini.cache import loading
from puccini.cache.store import FILE, Store
from puccini.loading import Loaded

COUNT = 60
HEAD = "tosca_definitions_version: tosca_2_0\n"
SERVICE = """tosca_definitions_version: tosca_2_0
imports: [ f0.yaml ]
service_template:
  node_templates:
    one: { type: N3, properties: { size3: 4 }, capabilities: { c: { properties: { p: 5 } } } }
    two: { type: f:N7, requirements: [ { r: one } ] }
"""


def text(number: int) -> str:
    following = (number + 1) % COUNT
    parent = f"    derived_from: N{number - 1}\n" if number % 5 else ""
    return f"""{HEAD}
imports:
- f{following}.yaml
- {{ url: f{(number * 7) % COUNT}.yaml, namespace: f }}
data_types:
  D{number}: {{ derived_from: integer, validation: {{ $less_than: [ $value, {90 + number} ] }} }}
capability_types:
  C{number}: {{ properties: {{ p: {{ type: D{number}, default: 1 }} }} }}
relationship_types:
  R{number}: {{}}
node_types:
  N{number}:
{parent}    properties:
      size{number}: {{ type: D{following}, default: 2 }}
    capabilities:
      c{"" if number % 5 == 0 else number}: C{number}
    requirements:
    - r{"" if number % 5 == 0 else number}: {{ capability: C0, relationship: R{number}, count_range: [ 0, 1 ] }}
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    folder.mkdir()
    for number in range(COUNT):
        (folder / f"f{number}.yaml").write_text(text(number))
    (folder / "service.yaml").write_text(SERVICE)
    return folder


def load(tree: Path, cache: Path | None) -> tuple[Loaded, int]:
    """Load with a cache; return what came of it, and how many types it took."""
    store = Store(cache)
    try:
        loaded = loading.load(puccini.FolderSource(tree), "service.yaml", (), store)
    finally:
        store.close()
    expected = puccini.load(puccini.FolderSource(tree), "service.yaml")
    assert loaded.diagnostics == expected.diagnostics
    assert len(loaded.units) == len(expected.units) == COUNT + 1
    assert loaded.resolver is not None
    return loaded, len(loaded.resolver.types)


ALL = 4 * COUNT


def test_r81_only_what_is_needed_is_read_again(tree: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    _, first = load(tree, cache)
    loaded, again = load(tree, cache)
    assert first == ALL
    assert again < ALL // 2
    before = puccini.load(puccini.FolderSource(tree), "service.yaml")
    assert loaded.service is not None
    assert before.service is not None
    for name, node in loaded.service.nodes.items():
        other = before.service.nodes[name]
        assert node.type is not None
        assert other.type is not None
        assert (node.type.classes, node.type.node.origin) == (other.type.classes, other.type.node.origin)
    assert cache.stat().st_mode & 0o777 == 0o700
    assert (cache / FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("f3.yaml", "type: D4", "type: string"),
        ("f3.yaml", "default: 2", "default: 2000"),
        ("f30.yaml", "node_types:", "# more\nnode_types:"),
        ("f30.yaml", "R30: {}", "R30: { derived_from: R }"),
        ("f59.yaml", "- f0.yaml", "- nowhere.yaml"),
        ("service.yaml", "size3: 4", "size3: 4000"),
        ("service.yaml", "type: f:N7", "type: f:N77"),
        ("service.yaml", "type: N3", "type: N58"),
    ],
)
def test_a_change_is_seen_and_taken_back(tree: Path, tmp_path: Path, file: str, before: str, after: str) -> None:
    cache = tmp_path / "cache"
    load(tree, cache)
    content = (tree / file).read_text()
    assert before in content
    (tree / file).write_text(content.replace(before, after))
    load(tree, cache)
    load(tree, cache)
    (tree / file).write_text(content)
    assert load(tree, cache)[1] < ALL


def test_a_damaged_cache_is_made_anew(tree: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    load(tree, cache)
    for damage in (b"nonsense", (cache / FILE).read_bytes()[:5000], b""):
        (cache / FILE).write_bytes(damage)
        load(tree, cache)
        load(tree, cache)
        assert load(tree, cache)[1] < ALL


def test_rows_that_are_none_are_read_in_full(tree: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    load(tree, cache)
    for value in (b"\xc1", b"\x93\x01\x02\x03", "text", 7):
        with sqlite3.connect(cache / FILE) as connection:
            connection.execute("UPDATE summaries SET data = ?", (value,))
        connection.close()
        load(tree, cache)
        assert load(tree, cache)[1] < ALL


def test_what_is_open_to_others_is_not_used(tree: Path, tmp_path: Path) -> None:
    for place in ("open", "link", "file"):
        cache = tmp_path / place
        if place == "open":
            cache.mkdir()
            cache.chmod(0o777)
        elif place == "link":
            (tmp_path / "elsewhere").mkdir(mode=0o700)
            cache.symlink_to(tmp_path / "elsewhere")
        else:
            cache.mkdir(mode=0o700)
            (cache / FILE).symlink_to(tmp_path / "target")
        load(tree, cache)
        assert load(tree, cache)[1] == ALL
    assert not os.listdir(tmp_path / "elsewhere")
    assert not (tmp_path / "target").exists()


def test_without_a_place_nothing_is_kept(tree: Path) -> None:
    load(tree, None)
    assert load(tree, None)[1] == ALL


def test_the_cache_is_bounded(tmp_path: Path) -> None:
    store = Store(tmp_path / "cache", limit=400_000)
    for number in range(40):
        store.keep({number.to_bytes(4, "big") + bytes([one]): os.urandom(1000) for one in range(50)}, [])
    assert (tmp_path / "cache" / FILE).stat().st_size <= 400_000
    assert store.summary((39).to_bytes(4, "big") + bytes([49])) is not None
    assert store.summary(bytes(5)) is None
    store.close()


def test_small_services_leave_nothing_behind(tree: Path, tmp_path: Path) -> None:
    (tree / "f0.yaml").write_text(text(0).replace("- f1.yaml\n", "").replace("type: D1", "type: D0"))
    (tree / "service.yaml").write_text(f"{HEAD}imports: [ f0.yaml ]\n")
    store = Store(tmp_path / "cache")
    loaded = loading.load(puccini.FolderSource(tree), "service.yaml", (), store)
    store.close()
    assert len(loaded.units) == 2
    assert not (tmp_path / "cache" / FILE).exists() or (tmp_path / "cache" / FILE).stat().st_size < 50_000
