"""How files of TOSCA 1.x are read: versions, places, one meaning with TOSCA 2.0, sessions, whatever input (R86, T6)."""

import contextlib
import random
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import puccini
from puccini import dialects
from puccini.diagnostics import Severity

ROOT = Path(__file__).parents[3]
SERVICES = Path(__file__).parent / "services"
PAGE = (ROOT / "docs" / "tosca-1.md").read_text()


def read(memory: Any, text: str, **files: str) -> puccini.Loaded:
    return puccini.load(memory({"main.yaml": text, **files}), "main.yaml")


@pytest.mark.parametrize("version", dialects.VERSIONS)
def test_t6_all_older_versions_are_read(version: str, memory: Any) -> None:
    text = (
        f"tosca_definitions_version: {version}\ntopology_template: {{ node_templates: {{ a: {{ type: Compute }} }} }}"
    )
    loaded = read(memory, text)
    assert not loaded.diagnostics
    assert loaded.service is not None


def test_t6_the_version_comes_first_or_there_is_a_warning(memory: Any) -> None:
    loaded = read(memory, "description: d\ntosca_definitions_version: tosca_simple_yaml_1_3\n")
    assert [(one.code, one.severity, one.line) for one in loaded.diagnostics] == [
        ("version-not-first", Severity.WARNING, 2)
    ]


def test_r86_diagnostics_stand_where_the_file_says_it(memory: Any) -> None:
    """R81: line, column, end and path are those of the file as it is written, also of what was rewritten."""
    loaded = read(
        memory,
        "tosca_definitions_version: tosca_simple_yaml_1_3\n"
        "node_types:\n"
        "  N:\n"
        "    derived_from: tosca.nodes.Root\n"
        "    requirements:\n"
        "    - r: { capability: Node, occurrences: [ 2, 1 ] }\n"
        "    properties:\n"
        "      p: { type: integer, constraints: [ { in_range: [ 1, 4 ] } ], default: 9 }\n",
    )
    found = [(one.code, one.line, one.column, one.end_column, one.path) for one in loaded.diagnostics]
    assert found == [
        ("bad-range", 6, 43, 51, "node_types/N/requirements/0/r/occurrences"),
        ("not-valid", 8, 77, 78, "node_types/N/properties/p/default"),
    ]
    assert loaded.diagnostics[0].message.startswith("occurrences: ")
    assert "9 does not satisfy" in loaded.diagnostics[1].message


OLD = """tosca_definitions_version: tosca_simple_yaml_1_3
capability_types:
  Host: { properties: { memory: { type: integer, default: 4, constraints: [ greater_than: 0 ] } } }
relationship_types:
  HostedOn: { valid_target_types: [ Host ] }
node_types:
  Machine: { capabilities: { host: Host } }
  App:
    properties: { port: { type: integer, constraints: [ in_range: [ 1, 9 ] ] }, name: { type: string } }
    requirements: [ host: { capability: Host, relationship: HostedOn } ]
topology_template:
  inputs: { port: { type: integer, default: 3 } }
  node_templates:
    machine: { type: Machine }
    app:
      type: App
      properties: { port: { get_input: port }, name: { concat: [ a, { get_property: [ SELF, port ] } ] } }
      requirements:
      - host: { node_filter: { capabilities: [ host: { properties: [ memory: { greater_or_equal: 4 } ] } ] } }
  outputs: { memory: { value: { get_property: [ machine, host, memory ] } } }
"""
NEW = """tosca_definitions_version: tosca_2_0
capability_types:
  Host: { properties: { memory: { type: integer, default: 4, validation: { $greater_than: [ $value, 0 ] } } } }
relationship_types:
  HostedOn: { valid_capability_types: [ Host ] }
node_types:
  Machine: { capabilities: { host: Host } }
  App:
    properties:
      port:
        type: integer
        validation: { $and: [ { $greater_or_equal: [ $value, 1 ] }, { $less_or_equal: [ $value, 9 ] } ] }
      name: { type: string }
    requirements: [ host: { capability: Host, relationship: HostedOn, count_range: [ 1, 1 ] } ]
service_template:
  inputs: { port: { type: integer, default: 3 } }
  node_templates:
    machine: { type: Machine }
    app:
      type: App
      properties: { port: { $get_input: port }, name: { $concat: [ a, { $get_property: [ SELF, port ] } ] } }
      requirements:
      - host:
          node_filter: { $greater_or_equal: [ { $get_property: [ SELF, TARGET, CAPABILITY, host, memory ] }, 4 ] }
  outputs: { memory: { value: { $get_property: [ machine, CAPABILITY, host, memory ] } } }
"""


def test_r86_the_same_service_in_both_versions_is_the_same_bundle(memory: Any) -> None:
    """One meaning: but for where things stand, what is compiled is equal."""
    bundles = []
    for text in (OLD, NEW):
        loaded = read(memory, text)
        assert not loaded.diagnostics, puccini.render(loaded.diagnostics, loaded.text)
        bundles.append(re.sub(r"main\.yaml:\d+:\d+", "", repr(puccini.compile(loaded, "shop"))))
    assert bundles[0] == bundles[1]


def test_r86_the_profile_is_right_and_described() -> None:
    entry = dialects.CATALOG.find(dialects.PROFILE)
    assert entry is not None
    loaded = puccini.load(entry.source, entry.path, strict=True)
    assert loaded.diagnostics == (), puccini.render(loaded.diagnostics, loaded.text)
    assert loaded.resolver is not None
    names = {type.name for type in loaded.resolver.types.values()}
    assert names >= {
        "tosca.nodes.Compute",
        "tosca.nodes.Storage.BlockStorage",
        "tosca.nodes.network.Port",
        "tosca.nodes.Container.Application",
        "tosca.capabilities.Endpoint.Database",
        "tosca.relationships.RoutesTo",
        "tosca.relationships.network.BindsTo",
        "tosca.datatypes.network.PortSpec",
        "tosca.interfaces.relationship.Configure",
        "tosca.artifacts.Deployment.Image.Container.Docker",
        "tosca.groups.Root",
        "tosca.policies.Performance",
    }
    for type in loaded.resolver.types.values():
        assert type.definition is None or type.definition.description, type.name


def test_r86_a_profile_of_that_name_comes_first(memory: Any, catalog: Any) -> None:
    """Whoever has another profile puts it into a catalog."""
    own = (
        "tosca_definitions_version: tosca_simple_yaml_1_3\nnode_types: { tosca.nodes.Compute: { description: mine } }\n"
    )
    text = "tosca_definitions_version: tosca_simple_yaml_1_3\nnode_types: { A: { derived_from: tosca.nodes.Root } }\n"
    loaded = puccini.load(memory({"main.yaml": text}), "main.yaml", catalog({dialects.PROFILE: own}))
    assert [one.code for one in loaded.diagnostics] == ["unknown-type"]


def test_r86_a_session_finds_what_a_load_finds(memory: Any) -> None:
    """R81: while a file of TOSCA 1.x is edited."""
    text = (SERVICES / "wordpress.yaml").read_text()
    source = puccini.FolderSource(SERVICES)
    session = puccini.Session(source)
    for before, after in (
        ("", ""),
        ("num_cpus: 2", "num_cpus: 0"),
        ("tosca:Database", "tosca:Databse"),
        ("- host:", "- hst:"),
    ):
        edited = text.replace(before, after, 1) if before else text
        session.update("wordpress.yaml", edited)
        files = {f"scripts/{name}.sh": "" for name in "abc"}
        fresh = puccini.load(memory({"wordpress.yaml": edited, **files}), "wordpress.yaml")
        assert session.diagnostics("wordpress.yaml") == fresh.diagnostics
        assert bool(fresh.diagnostics) == bool(before)


def test_r86_the_examples_of_the_page_are_right(memory: Any) -> None:
    blocks = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    for block in blocks:
        text = block if "tosca_definitions_version" in block else f"tosca_definitions_version: tosca_2_0\n{block}"
        loaded = read(memory, text, **{"scripts/create.sh": "", "scripts/start.sh": ""})
        assert not loaded.diagnostics, puccini.render(loaded.diagnostics, loaded.text)
    assert len(blocks) == 2


@pytest.mark.parametrize("file", sorted(SERVICES.glob("*.yaml")), ids=lambda file: file.stem)
def test_r81_no_broken_file_crashes_the_reader(file: Path, memory: Any) -> None:
    """Parts of the file are put in the place of others; every report has its place in the file."""
    chance = random.Random(file.stem)
    content = yaml.safe_load(file.read_text())
    files = {other.name: other.read_text() for other in SERVICES.glob("*-types.yaml")}
    values: list[Any] = [None, True, 3, 2.5, "", "x", "$value", [], {}, [1, 2], {"get_input": 3}, {"a": {"b": None}}]
    for _ in range(60):
        text = yaml.safe_dump(_broken(content, chance, values), sort_keys=False)
        loaded = puccini.load(memory({"main.yaml": text, **files}), "main.yaml")
        count = text.count("\n") + 1
        for one in loaded.diagnostics:
            assert one.message
            assert 0 < one.line <= count
        with contextlib.suppress(puccini.Failed):
            puccini.compile(loaded, "shop")


def _broken(content: Any, chance: random.Random, values: list[Any]) -> Any:
    places: list[tuple[Any, Any]] = []
    copy = yaml.safe_load(yaml.safe_dump(content))
    stack = [copy]
    while stack:
        one = stack.pop()
        keys = list(one) if isinstance(one, dict) else range(len(one)) if isinstance(one, list) else ()
        for key in keys:
            places.append((one, key))
            stack.append(one[key])
    for _ in range(chance.randint(1, 3)):
        holder, key = chance.choice(places)
        if key == "tosca_definitions_version":
            continue
        other, inner = chance.choice(places)
        with contextlib.suppress(KeyError, IndexError):
            holder[key] = chance.choice([*values, yaml.safe_load(yaml.safe_dump(other[inner]))])
    return copy
