"""Service templates of TOSCA 1.x as people write them, from the file to the graph (R86): the files in ``services/``."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import puccini
from floria.instantiation import InstantiationError
from puccini import csar
from puccini.csar.source import ArchiveSource

from ..graphs import Graphs

INWARD = "tosca_definitions_version: tosca_simple_yaml_1_3\n"
INWARD_TYPES = (
    INWARD
    + """
capability_types:
  Slot: { derived_from: Root, properties: { width: { type: integer, default: 1 } } }
node_types:
  Tier:
    derived_from: Root
    properties: { size: { type: integer, required: false }, label: { type: string, default: plain } }
  Part:
    derived_from: Root
    properties: { size: { type: integer }, label: { type: string } }
    capabilities: { slot: Slot }
"""
)
INWARD_INSIDE = (
    INWARD
    + """
imports: [ types.yaml ]
topology_template:
  inputs: { usual: { type: integer, default: 7 } }
  substitution_mappings:
    node_type: Tier
    properties: { size: [ part, slot, width ], label: { mapping: [ part, label ] } }
  node_templates:
    part:
      type: Part
      properties: { size: { get_input: usual }, label: { concat: [ o, wn ] } }
      capabilities: { slot: { properties: { width: { get_input: usual } } } }
    other:
      type: Part
      properties: { size: { get_property: [ part, slot, width ] }, label: { get_property: [ part, label ] } }
"""
)
INWARD_MAIN = (
    INWARD
    + """
imports: [ types.yaml ]
topology_template:
  inputs: { size: { type: integer, default: 3 } }
  node_templates:
    tier: { type: Tier, directives: [ substitutable ], properties: { size: { get_input: size }, label: given } }
    bare: { type: Tier, directives: [ substitutable ] }
"""
)

FOLDER = Path(__file__).parent / "services"
SOURCE = puccini.FolderSource(FOLDER)


def deployed(entry: str, others: tuple[str, ...] = (), inputs: Mapping[str, Any] | None = None) -> Graphs:
    graphs = Graphs()
    graphs.deploy(SOURCE, inputs=inputs, others=others, entry=entry)
    return graphs


@pytest.mark.parametrize("name", ["wordpress", "nodecellar", "tier-inside"])
def test_r86_services_are_right_to_the_letter(name: str) -> None:
    loaded = puccini.load(SOURCE, f"{name}.yaml", strict=True)
    assert loaded.diagnostics == (), puccini.render(loaded.diagnostics, loaded.text)


def test_r86_wordpress_and_its_database() -> None:
    graphs = deployed("wordpress.yaml", inputs={"cpus": 4})
    assert graphs.edges("host") == [
        "apache -> web_server/host",
        "mysql -> mysql_server/host",
        "wordpress -> apache/host",
        "wordpress_db -> mysql/host",
    ]
    assert graphs.edges("database_endpoint") == ["wordpress -> wordpress_db/database_endpoint"]
    assert graphs.value("wordpress", "context_root") == "/blog4"
    assert graphs.value("wordpress", "admin_password") == "$ecret"
    assert graphs.value("wordpress", "wp_version") == "4.10"
    assert graphs.value("web_server/os", "version") == "18.10"
    assert graphs.value("mysql_server/host", "mem_size") == 4096 * 10**6
    assert graphs.value("wordpress_db/database_endpoint", "port") == 3306
    assert graphs.output("machines") == ["web_server", "mysql_server"]
    assert graphs.output("url") == "!floria.unset"


def test_r86_operations_of_nodes_and_relationships_are_handlers() -> None:
    """What is bound to which event; the handler keeps the operation's own name."""
    loaded = puccini.load(SOURCE, "wordpress.yaml")
    bundle = puccini.compile(loaded, "shop")
    handlers = {
        one.name: {handler.event: handler for handler in one.handlers} for one in (*bundle.vertexes, *bundle.edges)
    }
    assert list(handlers["wordpress"]) == ["lifecycle.create", "lifecycle.configure"]
    assert list(handlers["database_endpoint"]) == ["source.before-configure"]
    configure = handlers["wordpress"]["lifecycle.configure"]
    assert configure.name == "Standard.configure"
    operation: Any = configure.call.arguments[0]
    assert operation["artifact"]["file"] == "scripts/b.sh"
    assert operation["artifact"]["classes"][0] == "tosca-simple:1.3::tosca.artifacts.Implementation.Bash"
    assert [one["file"] for one in operation["dependencies"]] == ["scripts/c.sh"]
    assert operation["inputs"]["home"] == "$HOME/x"
    created: Any = handlers["mysql"]["lifecycle.create"].call.arguments[0]
    assert created["outputs"] == {"socket": ["SELF", "Standard.create.socket"]}


def test_r86_every_template_says_where_it_stands_in_the_file() -> None:
    bundle = puccini.compile(puccini.load(SOURCE, "wordpress.yaml"), "shop")
    lines = (FOLDER / "wordpress.yaml").read_text().splitlines()
    for one in bundle.vertexes:
        if "tosca:node" in one.classes:
            file, line, column = str(one.metadata["tosca.origin"]).split(":")
            assert file == "wordpress.yaml"
            assert lines[int(line) - 1][int(column) - 1 :].startswith(f"{one.name}:")


def test_r86_requirements_are_resolved_by_filters() -> None:
    """The database has no machine by name: the one that is large enough is found."""
    graphs = deployed("nodecellar.yaml")
    assert "mongo_dbms -> mongo_server/host" in graphs.edges("host")
    assert graphs.edges("application") == ["balancer -> nodecellar/app_endpoint"]
    assert graphs.edges("database_connection") == ["nodecellar -> mongo_db/feature"]


def test_r86_an_input_that_is_not_allowed_is_refused() -> None:
    with pytest.raises(InstantiationError, match="cpus"):
        deployed("nodecellar.yaml", inputs={"cpus": 3})


def test_r86_a_tier_is_substituted_by_another_template() -> None:
    graphs = deployed("tier-front.yaml", ("tier-inside.yaml",))
    assert graphs.output("address") == "10.1.2.3"
    assert graphs.value("data/tier-inside/machine/host", "disk_size") == 2 * 10**9
    assert graphs.value("data/tier-inside/database", "name") == "shop"


def test_r86_archives_of_version_1_1(tmp_path: Path) -> None:
    """T159 as it was: ``TOSCA-Metadata``, a folder of definitions, keynames of others in the first block."""
    content = io.BytesIO()
    meta = (
        "TOSCA-Meta-File-Version: 1.1\nCSAR-Version: 1.1\nCreated-By: me\nEntry-Definitions: Definitions/service.yaml\n"
    )
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("TOSCA-Metadata/TOSCA.meta", f"{meta}X-Y: z\n")
        archive.writestr(
            "Definitions/service.yaml", (FOLDER / "nodecellar.yaml").read_text().replace("scripts/", "../")
        )
        archive.writestr("Definitions/cellar-types.yaml", (FOLDER / "cellar-types.yaml").read_text())
        for name in ("a.sh", "b.sh"):
            archive.writestr(name, ":\n")
    with csar.open(content.getvalue()) as opened:
        loaded = puccini.load(ArchiveSource(opened), opened.entry)
        assert loaded.diagnostics == (), puccini.render(loaded.diagnostics, loaded.text)
        assert set(puccini.compile(loaded, "shop").blobs) == {"a.sh", "b.sh"}


def test_r86_an_archive_without_metadata() -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("service.yaml", "tosca_definitions_version: tosca_simple_yaml_1_3\ntopology_template: {}\n")
        archive.writestr("types/more.yaml", "")
    with csar.open(content.getvalue()) as opened:
        assert not puccini.load(ArchiveSource(opened), opened.entry).diagnostics


def test_r86_properties_of_nodes_inside_get_those_of_the_substituted_node(memory: Any) -> None:
    """T133: where the node has no value, and where the template stands alone, what is assigned inside counts."""
    graphs = Graphs()
    source = memory({"types.yaml": INWARD_TYPES, "inside.yaml": INWARD_INSIDE, "main.yaml": INWARD_MAIN})
    graphs.deploy(source, others=("inside.yaml",), inputs={"size": 5})
    assert graphs.value("tier/inside/part", "label") == "given"
    assert graphs.value("tier/inside/part/slot", "width") == 5
    assert graphs.value("tier/inside/part", "size") == 7
    assert graphs.value("tier/inside/other", "size") == 5
    assert graphs.value("tier/inside/other", "label") == "given"
    assert graphs.value("bare/inside/part", "label") == "plain"
    graphs.deploy(source, name="alone", entry="inside.yaml")
    assert graphs.value("part", "label", "alone") == "own"
    assert graphs.value("other", "size", "alone") == 7
    graphs.update("shop", {"size": 6}, source, ("inside.yaml",))
    assert graphs.value("tier/inside/part/slot", "width") == 6
    assert graphs.value("tier/inside/other", "size") == 6
