"""Service templates in the style of those that orchestrators of TOSCA 1.x publish (R86): the files in ``real/``.

Each is validated, compiled and instantiated; ``real/index.yaml`` says what becomes of it.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

import puccini
from floria.instantiation import InstantiationError

from ..graphs import Graphs

FOLDER = Path(__file__).parent / "real"
SOURCE = puccini.FolderSource(FOLDER)
INDEX: list[dict[str, Any]] = yaml.safe_load((FOLDER / "index.yaml").read_text())


def deployed(case: dict[str, Any]) -> Graphs:
    graphs = Graphs()
    graphs.deploy(SOURCE, inputs=case.get("inputs"), others=tuple(case.get("others", ())), entry=case["file"])
    return graphs


@pytest.mark.parametrize("case", INDEX, ids=[case["file"] for case in INDEX])
def test_r86_a_real_service(case: dict[str, Any]) -> None:
    loaded = puccini.load(SOURCE, case["file"])
    assert not loaded.failed, puccini.render(loaded.diagnostics, loaded.text)
    assert [one.code for one in loaded.diagnostics] == case.get("warnings", [])
    if "refused" in case:
        with pytest.raises(InstantiationError, match=case["refused"]):
            deployed(case)
        return
    graphs = deployed(case)
    found = {edge.name for edge in graphs.current().edges.values()}
    assert {name: graphs.edges(name) for name in found} == case.get("edges", {})
    assert {name: graphs.output(name) for name in case.get("outputs", {})} == case.get("outputs", {})


def test_r86_every_file_is_in_the_index() -> None:
    written = {case["file"] for case in INDEX}
    for path in (*FOLDER.rglob("*.yaml"), *FOLDER.rglob("*.tosca")):
        name = str(path.relative_to(FOLDER))
        loaded = puccini.load(SOURCE, name) if "tosca_definitions_version" in path.read_text() else None
        if loaded is not None:
            assert not loaded.failed, puccini.render(loaded.diagnostics, loaded.text)
            assert (loaded.service is not None) == (name in written), name
    assert len(written) >= 25


def test_r86_no_more_relationships_lead_to_a_capability_than_may() -> None:
    """``occurrences`` of a capability, in its definition and in a template: the next source finds another, or none."""
    graphs = deployed({"file": "simple/relationships.yaml"})
    assert graphs.edges("plug") == [
        "first -> board/slot",
        "first -> board/slot",
        "second -> spare/slot",
    ]
    text = (FOLDER / "simple" / "relationships.yaml").read_text()
    third = "third: { type: example.Card, properties: { name: x }, requirements: [ host: machine, plug: spare ] }"
    more = text.replace("    second:\n", f"    {third}\n    second:\n")
    with pytest.raises(InstantiationError, match=r"tosca.occurrences: 1 asked, 0 left"):
        graphs.deploy(_Changed(more), name="more", entry="simple/relationships.yaml")


def test_r86_triggers_act_where_and_when_they_say() -> None:
    """``target_filter`` by type and by name, ``schedule`` as a condition, a condition about another node."""
    loaded = puccini.load(SOURCE, "simple/triggers.yaml")
    bundle = puccini.compile(loaded, "shop")
    handlers = {
        vertex.name: [
            (one.name, str(one.condition)) for one in vertex.handlers if one.name.partition(".")[0] != "Standard"
        ]
        for vertex in bundle.vertexes
        if vertex.name in ("dbms", "db")
    }
    assert [name for name, _ in handlers["dbms"]] == [
        "healing.ill",
        "windows.night",
        "windows.past",
        "windows.elsewhere",
    ]
    assert [name for name, _ in handlers["db"]] == ["windows.past", "windows.elsewhere"]
    conditions = dict(handlers["dbms"])
    assert "tosca:within" in conditions["windows.night"]
    assert "started" in conditions["windows.night"]
    assert "'machine', 'CAPABILITY', 'endpoint', 'ip_address'" in conditions["windows.elsewhere"]


class _Changed(puccini.FolderSource):
    """The folder, with another text of one file."""

    def __init__(self, text: str) -> None:
        super().__init__(FOLDER)
        self._text = text

    def read(self, path: str) -> bytes:
        return self._text.encode() if path == "simple/relationships.yaml" else super().read(path)
