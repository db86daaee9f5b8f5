"""How TOSCA becomes Floria: the shape of bundles that functions and orchestrators rely on (docs/tosca.md)."""

from typing import Any

import msgspec
import pytest

import puccini
from floria import codec
from floria.entities import Bundle, EdgeTemplate, Property, VertexTemplate
from floria.values import Call

TYPES = """
data_types:
  Size: { derived_from: scalar, data_type: integer, units: { B: 1, kB: 1000 } }
artifact_types:
  File: {}
  Bash: { derived_from: File, file_ext: [ sh ], properties: { timeout: { type: integer, default: 60 } } }
capability_types:
  Feature: {}
  Host:
    derived_from: Feature
    properties: { memory: { type: Size, default: 8 kB } }
    attributes: { load: { type: float } }
relationship_types:
  DependsOn: {}
  HostedOn: { derived_from: DependsOn, properties: { weight: { type: integer, default: 1 } } }
interface_types:
  Lifecycle:
    inputs: { verbose: { type: boolean, default: false } }
    operations:
      create: { inputs: { size: { type: Size, default: 1 kB } } }
      delete: {}
    notifications: { changed: {} }
  Events: { metadata: { handles: events } }
node_types:
  Base:
    properties:
      name: { type: string, default: base, metadata: { unit: text } }
      note: { type: string, required: false }
    attributes: { state: { type: string } }
  Machine:
    derived_from: Base
    capabilities: { host: Host }
  App:
    derived_from: Base
    requirements:
    - host: { capability: Host, relationship: HostedOn, count_range: [ 1, 1 ] }
    - helper: { capability: Feature, relationship: DependsOn }
    artifacts: { script: { type: Bash, file: create.sh } }
    interfaces:
      lifecycle:
        type: Lifecycle
        operations:
          create: { implementation: script, outputs: { state: [ SELF, state ] } }
      on: { type: Events }
"""
LINKED = TYPES.replace("count_range: [ 1, 1 ]", "count_range: [ 1, 2 ]").replace(
    "  HostedOn: { derived_from: DependsOn, properties: { weight: { type: integer, default: 1 } } }\n",
    """  Linked:
    derived_from: HostedOn
    interfaces:
      lifecycle: { operations: { create: { implementation: { primary: { type: Bash, file: create.sh } } } } }
  HostedOn:
    derived_from: DependsOn
    interfaces: { lifecycle: { type: Lifecycle, operations: { create: other.sh } } }
    properties: { weight: { type: integer, default: 1 } }
""",
)
FILES = {"create.sh": "#!/bin/sh\n", "other.sh": "#!/bin/sh\necho\n"}


def compiled(load: Any, text: str, name: str = "test", types: str = TYPES) -> Bundle:
    loaded = load(types + text, FILES)
    assert not loaded.failed, puccini.render(loaded.diagnostics, loaded.text)
    return puccini.compile(loaded, name)


def vertex(bundle: Bundle, *names: str) -> VertexTemplate:
    found = next(one for one in bundle.vertexes if one.id == bundle.root)
    for name in names:
        found = next(one for one in bundle.vertexes if one.parent == found.id and one.name == name)
    return found


def edges(bundle: Bundle, node: str, name: str) -> list[EdgeTemplate]:
    source = vertex(bundle, node).id
    return [one for one in bundle.edges if one.source == source and one.name == name]


def test_a_service(load: Any) -> None:
    """The service's vertex holds inputs and outputs; everything comes from somewhere."""
    bundle = compiled(
        load,
        """
service_template:
  metadata: { author: me }
  inputs:
    size: { type: Size, default: 2 kB }
    needed: { type: string }
  outputs:
    state: { value: { $get_attribute: [ a, state ] } }
    size: { type: Size, value: { $get_input: size } }
  node_templates:
    a: { type: Machine, description: the machine, metadata: { rack: 5 } }
""",
    )
    root = vertex(bundle)
    assert root.name == "test"
    assert root.classes == ("tosca:service",)
    assert root.metadata["author"] == "me"
    size = root.properties["size"]
    assert size.value == 2000
    assert size.classes == ("tosca:input",)
    assert size.preparer is not None
    assert size.preparer.function == "tosca:prepare"
    assert root.properties["needed"].value is msgspec.UNSET
    assert root.properties["needed"].classes == ("tosca:input", "floria:required")
    state = root.properties["state"]
    assert state.classes == ("tosca:output", "floria:output")
    assert state.updater == Call("tosca:get_attribute", ["a", "state"])
    assert root.properties["output:size"].updater == Call("tosca:get_input", ["size"])
    node = vertex(bundle, "a")
    assert node.classes == ("main.yaml::Machine", "main.yaml::Base", "tosca:node")
    assert node.metadata == {"rack": 5, "tosca.origin": "main.yaml:56:5", "tosca.description": "the machine"}


def test_properties_attributes_and_capabilities(load: Any) -> None:
    """T66, T67, T68, T107: literals are values, expressions are updaters, what is not assigned is there too."""
    bundle = compiled(
        load,
        """
service_template:
  inputs: { name: { type: string } }
  node_templates:
    a:
      type: Machine
      count: 3
      properties: { name: { $get_input: name } }
      attributes: { state: new }
      capabilities: { host: { properties: { memory: 4 kB } } }
    b: { type: Machine, count: { $length: [ [ 1, 2 ] ] } }
""",
    )
    a, b = vertex(bundle, "a"), vertex(bundle, "b")
    assert (a.count, b.count) == (3, Call("tosca:length", [[1, 2]]))
    assert a.properties["name"].updater == Call("tosca:get_input", ["name"])
    assert a.properties["name"].metadata == {"unit": "text"}
    assert b.properties["name"].value == "base"
    assert b.properties["note"] == Property(preparer=Call("tosca:prepare", [{"type": "string"}]))
    assert a.properties["state"].classes == ("tosca:attribute",)
    assert a.properties["state"].value == "new"
    host = vertex(bundle, "a", "host")
    assert host.classes == ("main.yaml::Host", "main.yaml::Feature", "tosca:capability:host", "tosca:capability")
    assert host.properties["memory"].value == 4000
    assert vertex(bundle, "b", "host").properties["memory"].value == 8000
    assert host.properties["load"].classes == ("tosca:attribute",)


def test_requirements_become_edges_with_finders(load: Any) -> None:
    """T118, T120, T122, T126"""
    bundle = compiled(
        load,
        """
service_template:
  node_templates:
    m: { type: Machine, count: 2 }
    a:
      type: App
      requirements:
      - host: [ m, $node_index ]
      - helper:
          node: Machine
          count: 2
          optional: true
          node_filter: { $equal: [ { $get_property: [ SELF, TARGET, name ] }, x ] }
      - helper: { capability: Host, count: UNBOUNDED, allocation: { memory: 1 kB } }
    b: { type: App }
""",
    )
    (host,) = edges(bundle, "a", "host")
    assert host.classes == ("main.yaml::HostedOn", "main.yaml::DependsOn", "tosca:relationship")
    assert host.properties["weight"].value == 1
    assert host.finder is not None
    assert host.finder.owner == vertex(bundle, "m").id
    assert host.finder.owner_index == Call("tosca:node_index", [])
    assert host.finder.classes == ("main.yaml::Host", "tosca:capability")
    assert host.finder.predicate is True
    first, second = edges(bundle, "a", "helper")
    assert (first.count, first.optional, second.count, second.optional) == (2, True, "unbounded", False)
    assert first.finder is not None
    assert second.finder is not None
    assert first.finder.owner_classes == ("main.yaml::Machine", "tosca:node")
    assert "tosca:filter" in str(first.finder.predicate)
    assert "tosca:filter" not in str(second.finder.predicate)
    assert second.finder.allocation == {"memory": 1000}
    (implicit,) = edges(bundle, "b", "host")
    assert implicit.count == 1
    assert edges(bundle, "b", "helper") == []


def test_operations_become_handlers(load: Any) -> None:
    """T42, T110, T111, T153: the template's artifact takes the place of the type's."""
    bundle = compiled(
        load,
        """
service_template:
  node_templates:
    m: { type: Machine }
    a:
      type: App
      artifacts: { script: { type: Bash, file: other.sh, properties: { timeout: 5 } } }
      interfaces:
        lifecycle:
          inputs: { verbose: true }
          operations:
            create: { inputs: { size: 3 kB, more: $node_index } }
            delete: { implementation: { primary: create.sh, timeout: 9 } }
          notifications: { changed: { implementation: { primary: script, dependencies: [ create.sh ] } } }
        on: { operations: { failed: other.sh } }
    b: { type: App }
""",
    )
    a = vertex(bundle, "a")
    assert [one.event for one in a.handlers] == [
        "lifecycle.create",
        "lifecycle.delete",
        "lifecycle.changed",
        "failed",
    ]
    create = a.handlers[0].call
    assert create.function == "tosca:operation"
    assert create.arguments == [
        {
            "interface": "lifecycle",
            "operation": "create",
            "artifact": {
                "name": "script",
                "classes": ["main.yaml::Bash", "main.yaml::File"],
                "file": "other.sh",
                "properties": {"timeout": 5},
                "blob": bundle.blobs["other.sh"],
            },
            "dependencies": [],
            "inputs": {"verbose": True, "size": 3000, "more": Call("tosca:node_index", [])},
            "outputs": {"state": ["SELF", "state"]},
        }
    ]
    delete: Any = a.handlers[1].call.arguments[0]
    assert delete["timeout"] == 9
    changed: Any = a.handlers[2].call.arguments[0]
    assert changed["dependencies"][0]["name"] == "create.sh"
    (only,) = vertex(bundle, "b").handlers
    plain: Any = only.call.arguments[0]
    assert plain["artifact"]["file"] == "create.sh"
    assert plain["inputs"] == {"verbose": False, "size": 1000}
    artifact = vertex(bundle, "a", "script")
    assert artifact.classes == ("main.yaml::Bash", "main.yaml::File", "tosca:artifact")
    assert artifact.metadata["tosca.file"] == "other.sh"
    assert artifact.metadata["tosca.blob"] == bundle.blobs["other.sh"]
    assert artifact.properties["timeout"].value == 5


def test_operations_of_relationships(load: Any) -> None:
    bundle = compiled(
        load,
        """
service_template:
  relationship_templates:
    link: { type: Linked, interfaces: { lifecycle: { operations: { delete: other.sh } } } }
  node_templates:
    m: { type: Machine }
    a: { type: App, requirements: [ host: m, host: { node: m, relationship: link, optional: true } ] }
""",
        types=LINKED,
    )
    first, second = edges(bundle, "a", "host")
    assert [one.event for one in first.handlers] == ["lifecycle.create"]
    assert [one.event for one in second.handlers] == ["lifecycle.create", "lifecycle.delete"]
    assert second.metadata["tosca.template"] == "link"


def test_groups_policies_and_triggers(load: Any) -> None:
    """T114 to T116"""
    bundle = compiled(
        load,
        """
group_types: { Set: { properties: { name: { type: string } } } }
policy_types: { Heal: {} }
service_template:
  node_templates: { m: { type: Machine }, n: { type: Machine } }
  groups: { set: { type: Set, members: [ m ], properties: { name: x } } }
  policies:
  - heal:
      type: Heal
      targets: [ set, n ]
      triggers:
        t:
          event: failed
          condition: { $equal: [ { $get_attribute: [ m, state ] }, broken ] }
          action:
          - set_state: healing
          - call_operation: { operation: lifecycle.create, inputs: {} }
""".replace("call_operation: { operation: lifecycle.create, inputs: {} }", "delegate: deploy"),
    )
    group = vertex(bundle, "set")
    assert group.classes == ("main.yaml::Set", "tosca:group")
    assert group.properties["name"].value == "x"
    assert group.metadata["tosca.members"] == [{"kind": "node", "name": "m"}]
    policy = vertex(bundle, "heal")
    assert policy.classes == ("main.yaml::Heal", "tosca:policy")
    (handler,) = policy.handlers
    assert handler.event == "failed"
    assert isinstance(handler.condition, Call)
    assert handler.call == Call(
        "tosca:actions",
        [
            {
                "policy": "heal",
                "trigger": "t",
                "actions": [
                    {"kind": "set_state", "subject": "healing", "inputs": {}},
                    {"kind": "delegate", "subject": "deploy", "inputs": {}},
                ],
            }
        ],
    )
    assert vertex(bundle, "m").handlers == policy.handlers
    assert vertex(bundle, "n").handlers == policy.handlers


def test_workflows(load: Any) -> None:
    """T148: the handler of the event 'run' holds the steps as data."""
    bundle = compiled(
        load,
        """
service_template:
  node_templates: { m: { type: Machine } }
  workflows:
    v: { steps: {} }
    w:
      inputs: { n: { type: integer, default: 1 } }
      precondition: { $greater_than: [ { $get_input: n }, 0 ] }
      steps:
        one: { target: m, activities: [ set_state: up ], on_success: two }
        two:
          target: m
          filter: [ { $equal: [ { $get_attribute: [ SELF, state ] }, up ] } ]
          activities: [ inline: v ]
      outputs: { x: [ m, state ] }
""",
    )
    workflow = vertex(bundle, "w")
    assert workflow.classes == ("tosca:workflow",)
    assert workflow.properties["n"].value == 1
    (run,) = workflow.handlers
    assert run.event == "run"
    plain: Any = run.call.arguments[0]
    assert plain["steps"]["one"]["on_success"] == ["two"]
    assert plain["steps"]["two"]["filter"] == [
        Call("tosca:equal", [Call("tosca:get_attribute", ["SELF", "state"]), "up"])
    ]
    assert plain["outputs"] == {"x": ["m", "state"]}


def test_custom_functions(load: Any) -> None:
    """T96: a call says what the function is and what implements it."""
    bundle = compiled(
        load,
        """
functions:
  greet:
    signatures:
    - { arguments: [ string ], result: string, implementation: { primary: { type: Bash, file: other.sh } } }
service_template:
  node_templates: { m: { type: Machine, properties: { name: { $greet: [ you ] } } } }
""",
    )
    updater: Any = vertex(bundle, "m").properties["name"].updater
    assert updater.function == "tosca:call"
    definition, arguments = updater.arguments
    assert arguments == ["you"]
    assert definition["function"] == "greet"
    (signature,) = definition["signatures"]
    assert signature["arguments"] == [{"type": "string"}]
    assert signature["artifact"]["blob"] == bundle.blobs["other.sh"]


SERVICE = """
service_template:
  inputs: { n: { type: integer, default: 1 } }
  node_templates:
    m: { type: Machine, count: { $get_input: n } }
    a: { type: App, requirements: [ host: m ] }
"""


def test_compiling_twice_gives_the_same(load: Any) -> None:
    assert compiled(load, SERVICE) == compiled(load, SERVICE)


def test_ids_depend_on_the_service_and_on_names(load: Any) -> None:
    one, other = compiled(load, SERVICE, name="one"), compiled(load, SERVICE, name="other")
    assert {v.id for v in one.vertexes}.isdisjoint({v.id for v in other.vertexes})
    changed = compiled(load, SERVICE.replace("default: 1", "default: 2"), name="one")
    assert [v.id for v in changed.vertexes] == [v.id for v in one.vertexes]


@pytest.mark.parametrize("format", list(codec.Format))
def test_bundles_survive_every_format(load: Any, format: codec.Format) -> None:
    """R77"""
    bundle = compiled(load, SERVICE)
    assert codec.decode_bundle(codec.encode_bundle(bundle, format), format) == bundle


def test_classes_carry_all_ancestors(load: Any) -> None:
    bundle = compiled(load, SERVICE)
    classes = {one.name: (one.parents, one.classes) for one in bundle.classes}
    assert classes["main.yaml::HostedOn"] == (("main.yaml::DependsOn",), ("main.yaml::DependsOn",))
    assert classes["tosca:node"] == ((), ())
    used = {name for one in (*bundle.vertexes, *bundle.edges) for name in one.classes}
    assert set(classes) == used


def test_nothing_is_compiled_from_a_file_with_errors(load: Any) -> None:
    loaded = load("service_template: { node_templates: { a: { type: Missing } } }\n")
    with pytest.raises(puccini.Failed) as caught:
        puccini.compile(loaded)
    assert [one.code for one in caught.value.diagnostics] == ["unknown-type"]


def test_nothing_is_compiled_without_a_service(load: Any) -> None:
    with pytest.raises(puccini.Failed, match="no service template"):
        puccini.compile(load("node_types: {}\n"))
