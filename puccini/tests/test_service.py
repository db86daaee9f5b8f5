"""Compiled services in a Floria in memory: requirements find their targets, values are prepared (R82, R83)."""

from typing import Any

import msgspec
import pytest

import puccini
from floria import instantiation, updating
from floria.entities import Edge, Kind, Vertex
from floria.evaluation import Functions
from floria.ids import Id
from floria.store.interface import Query
from floria.store.memory import MemoryStore
from puccini import functions

TYPES = """
data_types:
  Size: { derived_from: scalar, data_type: integer, units: { B: 1, kB: 1000 } }
capability_types:
  Feature: {}
  Host: { properties: { cpus: { type: integer, default: 2 }, memory: { type: Size, default: 4 kB } } }
  Picky: { derived_from: Feature, valid_source_node_types: [ Chosen ] }
relationship_types:
  DependsOn: {}
  HostedOn: {}
  OnlyBig: { derived_from: HostedOn, valid_target_node_types: [ BigMachine ] }
node_types:
  Machine:
    properties: { address: { type: string, default: nowhere } }
    capabilities: { host: Host, feature: Feature }
  BigMachine: { derived_from: Machine }
  Service: { capabilities: { feature: Picky } }
  App:
    requirements:
    - host: { capability: Host, relationship: HostedOn }
    - feature: { capability: Feature, relationship: DependsOn }
    properties: { target: { type: string, required: false } }
  Chosen: { derived_from: App }
"""


class World:
    """A store with one service in it."""

    def __init__(self, load: Any, text: str, inputs: dict[str, Any] | None = None) -> None:
        loaded = load(TYPES + text)
        assert not loaded.failed, puccini.render(loaded.diagnostics, loaded.text)
        self.bundle = puccini.compile(loaded, "test")
        self.functions = Functions()
        functions.register(self.functions)
        self.store = MemoryStore()
        with self.store.read() as reader:
            plan = instantiation.plan(reader, self.bundle, name="test", functions=self.functions, inputs=inputs)
        with self.store.write() as tx:
            instantiation.apply(tx, plan)

    def vertexes(self) -> list[Vertex]:
        with self.store.read() as reader:
            return [one for one in reader.query(Query(kinds=(Kind.VERTEX,))) if isinstance(one, Vertex)]

    def name(self, id: Id) -> str:
        with self.store.read() as reader:
            found = reader.get(id)
        assert isinstance(found, Vertex)
        return f"{found.name}{found.index}" if "tosca:node" in found.classes else found.name

    def links(self) -> set[tuple[str, str, str]]:
        """Return source, requirement and target node of every edge."""
        with self.store.read() as reader:
            found = [one for one in reader.query(Query(kinds=(Kind.EDGE,))) if isinstance(one, Edge)]
            targets = [reader.get(one.target) for one in found]
        return {
            (self.name(one.source), one.name, self.name(target.parent))
            for one, target in zip(found, targets, strict=True)
            if isinstance(target, Vertex) and target.parent is not None
        }

    def value(self, node: str, name: str) -> Any:
        (found,) = [one for one in self.vertexes() if one.name == node]
        return found.properties[name].value


def refused(load: Any, text: str, inputs: dict[str, Any] | None = None) -> str:
    with pytest.raises(instantiation.InstantiationError) as caught:
        World(load, text, inputs)
    return str(caught.value)


def test_a_named_target(load: Any) -> None:
    """T118"""
    world = World(
        load,
        """
service_template:
  node_templates:
    one: { type: Machine }
    other: { type: Machine }
    app: { type: App, requirements: [ host: other ] }
""",
    )
    assert world.links() == {("app0", "host", "other0")}


def test_dangling_requirements_find_what_fits(load: Any) -> None:
    """T121, T122: by capability type, node type, and node filter."""
    world = World(
        load,
        """
service_template:
  node_templates:
    small: { type: Machine }
    big: { type: BigMachine, capabilities: { host: { properties: { cpus: 8 } } } }
    a: { type: App, requirements: [ host: { node: BigMachine } ] }
    b:
      type: App
      requirements:
      - host: { node_filter: { $less_than: [ { $get_property: [ SELF, CAPABILITY, cpus ] }, 8 ] } }
    c:
      type: App
      requirements:
      - host:
          node: Machine
          node_filter: { $greater_or_equal: [ { $get_property: [ SELF, CAPABILITY, memory ] }, 3 kB ] }
    d: { type: App, requirements: [ host: { relationship: OnlyBig } ] }
""",
    )
    links = world.links()
    assert {("a0", "host", "big0"), ("b0", "host", "small0"), ("d0", "host", "big0")} <= links
    assert len(links) == 4


def test_why_nothing_fits(load: Any) -> None:
    """R83: the requirement, where it is written, each candidate and the reason."""
    message = refused(
        load,
        """
service_template:
  node_templates:
    small: { type: Machine }
    app:
      type: App
      requirements:
      - host: { node_filter: { $greater_than: [ { $get_property: [ SELF, CAPABILITY, cpus ] }, 4 ] } }
""",
    )
    assert "main.yaml:32:9: test/app: requirement 'host' finds 0 of 1 targets" in message
    assert "test/small/host: $greater_than: [ $get_property: [ SELF, CAPABILITY, cpus ], 4 ] is false" in message
    assert "= 2" in message


def test_capabilities_that_accept_only_some_sources(load: Any) -> None:
    """T129: at link time."""
    text = """
service_template:
  node_templates:
    service: { type: Service }
    app: { type: TYPE, requirements: [ feature: {} ] }
"""
    assert World(load, text.replace("TYPE", "Chosen")).links() == {("app0", "feature", "service0")}
    assert "the capability does not accept App as the source" in refused(load, text.replace("TYPE", "App"))


def test_relationships_that_lead_only_to_some_nodes(load: Any) -> None:
    """T129"""
    message = refused(
        load,
        """
service_template:
  node_templates:
    small: { type: Machine }
    app: { type: App, requirements: [ host: { relationship: OnlyBig } ] }
""",
    )
    assert "OnlyBig leads only to node types BigMachine" in message


def test_optional_requirements(load: Any) -> None:
    """T124"""
    text = """
service_template:
  node_templates: { app: { type: App, requirements: [ host: { optional: true } ] } }
"""
    assert World(load, text).links() == set()


def test_counts_and_pairs(load: Any) -> None:
    """T106, T125, T128: representations with indices, matched pairs, full mesh."""
    world = World(
        load,
        """
service_template:
  inputs: { n: { type: integer } }
  node_templates:
    m: { type: Machine, count: { $get_input: n } }
    pair: { type: App, count: { $get_input: n }, requirements: [ host: [ m, $node_index ] ] }
    mesh: { type: App, count: 2, requirements: [ host: { node: m, count: { $get_input: n } } ] }
    all: { type: App, requirements: [ host: { node: m, count: UNBOUNDED } ] }
""",
        {"n": 3},
    )
    assert world.links() == {
        *((f"pair{i}", "host", f"m{i}") for i in range(3)),
        *((f"mesh{i}", "host", f"m{j}") for i in range(2) for j in range(3)),
        *(("all0", "host", f"m{j}") for j in range(3)),
    }


def test_allocation_fills_up(load: Any) -> None:
    """T126: scalars too."""
    text = """
service_template:
  node_templates:
    m: { type: Machine }
    app: { type: App, count: COUNT, requirements: [ host: { allocation: { memory: 2000 B } } ] }
"""
    assert len(World(load, text.replace("COUNT", "2")).links()) == 2
    assert "memory" in refused(load, text.replace("COUNT", "3"))


def test_random_pairs(load: Any) -> None:
    """T128: each target once."""
    world = World(
        load,
        """
service_template:
  node_templates:
    m: { type: Machine, count: 3, capabilities: { host: { properties: { cpus: 1 } } } }
    app: { type: App, count: 3, requirements: [ host: { node: Machine, allocation: { cpus: 1 } } ] }
""",
    )
    assert len({target for _, _, target in world.links()}) == 3


def test_inputs_are_prepared(load: Any) -> None:
    """T70, T54"""
    text = "service_template: { inputs: { size: { type: Size } }, node_templates: {} }\n"
    assert World(load, text, {"size": "5 kB"}).value("test", "size") == 5000
    assert "'miles' is not a unit of Size" in refused(load, text, {"size": "5 miles"})
    assert "'size' is required" in refused(load, text, {})


def test_values_are_pulled_through_relationships(load: Any) -> None:
    """T76, T93, T71"""
    world = World(
        load,
        """
service_template:
  node_templates:
    m: { type: Machine, properties: { address: here } }
    app:
      type: App
      requirements: [ host: m ]
      properties: { target: { $concat: [ "at ", { $get_property: [ SELF, RELATIONSHIP, host, TARGET, address ] } ] } }
  outputs:
    target: { value: { $get_property: [ app, target ] } }
""",
    )
    with world.store.write() as tx:
        updating.update(tx, [one.id for one in world.vertexes()], world.functions)
    assert world.value("app", "target") == "at here"
    assert world.value("test", "target") == "at here"


def test_circles_are_errors_with_their_chain(load: Any) -> None:
    """T100"""
    world = World(
        load,
        """
service_template:
  node_templates:
    a: { type: Machine, properties: { address: { $get_attribute: [ b, address ] } } }
    b: { type: Machine, properties: { address: { $get_attribute: [ a, address ] } } }
""",
    )
    with world.store.write() as tx:
        updating.update(tx, [one.id for one in world.vertexes()], world.functions)
    (a,) = [one for one in world.vertexes() if one.name == "a"]
    assert a.properties["address"].error is not None
    assert a.properties["address"].error.code == "floria.cycle"
    assert "test/a.address" in a.properties["address"].error.message
    assert a.properties["address"].value is msgspec.UNSET


def test_circles_of_workflows_are_told_with_their_chain_before_anything_is_compiled(load: Any) -> None:
    """T149 T150"""
    loaded = load(
        """
node_types: { N: {} }
service_template:
  node_templates: { n: { type: N } }
  workflows:
    steps:
      steps:
        a: { target: n, activities: [], on_success: [ b ] }
        b: { target: n, activities: [], on_failure: [ c ] }
        c: { target: n, activities: [], on_success: [ b ] }
    u: { steps: { a: { target: n, activities: [ inline: v ] } } }
    v: { steps: { a: { target: n, activities: [ inline: u ] } } }
"""
    )
    steps, inlined = loaded.diagnostics
    assert (steps.code, steps.line, [one.line for one in steps.related]) == ("step-circle", 10, [11])
    assert "(b -> c -> b)" in steps.message
    assert (inlined.code, inlined.line, [one.line for one in inlined.related]) == ("inline-circle", 12, [13])
    assert "(u -> v -> u)" in inlined.message
