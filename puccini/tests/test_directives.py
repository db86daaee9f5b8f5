"""The directives of nodes, capabilities and requirements (sections 7.2.1, 8.3, 8.5): what is selected, and where."""

from typing import Any

import pytest

from floria.instantiation import InstantiationError

from .graphs import VERSION, Graphs

TYPES = (
    VERSION
    + """
capability_types: { Host: { properties: { slots: { type: integer, default: 4 } } } }
relationship_types: { HostedOn: {} }
node_types:
  Compute: { properties: { zone: { type: string, default: east } }, capabilities: { host: Host } }
  Rack: { derived_from: Compute }
  Software: { requirements: [ host: { capability: Host, relationship: HostedOn, count_range: [ 1, 4 ] } ] }
"""
)
PROVIDER = """
    small: { type: Compute, capabilities: { host: { properties: { slots: 2 } } } }
    rack: { type: Rack, capabilities: { host: { properties: { slots: 8 } } } }
"""
ONE = "\n    small: { type: Compute }"
SLOTS = "{ $get_property: [ SELF, CAPABILITY, host, slots ] }"
FILTER = f"node_filter: {{ $greater_than: [ {SLOTS}, {{ $get_input: least }} ] }}"


@pytest.fixture
def deploy(memory: Any) -> Any:
    def run(nodes: str, graphs: Graphs | None = None, name: str = "shop", others: Any = None, **inputs: Any) -> Graphs:
        made = graphs or Graphs()
        made.deploy(_source(memory, nodes, others), name, inputs, tuple(others or ()))
        return made

    return run


def _source(memory: Any, nodes: str, others: Any = None) -> Any:
    text = f"""{VERSION}
imports: [ types.yaml ]
service_template:
  inputs: {{ least: {{ type: integer, default: 4 }} }}
  node_templates:{nodes}
"""
    return memory({"types.yaml": TYPES, "main.yaml": text, **(others or {})})


def test_a_node_of_another_service_is_selected(deploy: Any) -> None:
    """T105: by its type and filter, under a name of this service; it is not copied, and its properties are seen."""
    graphs = deploy(PROVIDER, name="racks")
    deploy(
        f"""
    box: {{ type: Compute, directives: [ select ], {FILTER} }}
    soft: {{ type: Software, requirements: [ host: box ] }}
    soft2: {{ type: Software, requirements: [ host: {{ node: box, allocation: {{ slots: 3 }} }} ] }}
  outputs: {{ zone: {{ value: {{ $get_property: [ box, zone ] }} }} }}""",
        graphs,
    )
    assert graphs.nodes() == ["soft", "soft2"]
    assert graphs.edges("host") == ["soft -> racks/rack/host", "soft2 -> racks/rack/host"]
    assert graphs.output("zone") == "east"
    (edge,) = [one for one in graphs.current().edges.values() if one.allocation]
    with graphs.store.read() as reader:
        assert reader.allocated(edge.target, "slots") == 3


def test_without_a_filter_the_type_decides(deploy: Any) -> None:
    """T105: derived types are of the type; nothing else of the template counts."""
    graphs = deploy(PROVIDER, name="racks")
    deploy("\n    box: { type: Rack, directives: [ select ], properties: { zone: west } }", graphs)
    assert graphs.edges("select") == ["box -> racks/rack"]


def test_nothing_to_select_is_explained(deploy: Any) -> None:
    """T104, R83: every node of the type, with the reason; and what follows in the list is tried."""
    graphs = deploy(PROVIDER, name="racks")
    box = f"\n    box: {{ type: Compute, directives: [ DIRECTIVES ], {FILTER} }}"
    soft = "\n    soft: { type: Software, requirements: [ host: box ] }"
    with pytest.raises(InstantiationError) as caught:
        deploy(box.replace("DIRECTIVES", "select") + soft, graphs, least=9)
    reasons = {one.label: one.reason for one in caught.value.problems[0].refusals}
    assert "= 8" in reasons["racks/rack"]
    assert "= 2" in reasons["racks/small"]
    deploy(box.replace("DIRECTIVES", "select, create") + soft, graphs, least=9)
    assert graphs.nodes() == ["box", "soft"]
    assert graphs.edges("host") == ["soft -> box/host"]
    deploy(box.replace("DIRECTIVES", "select, create") + soft, graphs, name="other")
    assert graphs.nodes("other") == ["soft"]
    assert graphs.edges("host", "other") == ["soft -> racks/rack/host"]


def test_what_was_created_stays(deploy: Any, memory: Any) -> None:
    """T104, T169: a node that was created because there was none to select is kept when there is one."""
    nodes = "\n    box: { type: Rack, directives: [ select, create ] }"
    graphs = deploy(nodes)
    deploy(PROVIDER, graphs, name="racks")
    graphs.update("shop", {"least": 5}, _source(memory, nodes))
    assert graphs.nodes() == ["box"]
    assert graphs.edges("select") == []


INSIDE = f"""{VERSION}
imports: [ types.yaml ]
service_template:
  substitution_mappings:
    node_type: Compute
    substitution_filter: {{ $equal: [ {{ $get_property: [ SELF, zone ] }}, east ] }}
  node_templates: {{ soft: {{ type: Software, requirements: [ host: {{ count: 0 }} ] }} }}
"""


def test_substitute_before_select(deploy: Any) -> None:
    """T104: a node that a template can substitute is not selected; one that none can is."""
    node = "\n    box: { type: Rack, directives: [ substitute, select, create ], properties: { zone: ZONE } }"
    inside = {"inside.yaml": INSIDE.replace("count_range: [ 1", "count_range: [ 0")}
    types = TYPES.replace("count_range: [ 1, 4 ]", "count_range: [ 0, 4 ]")
    inside["types.yaml"] = types
    graphs = deploy(PROVIDER, name="racks", others={"types.yaml": types})
    deploy(node.replace("ZONE", "east"), graphs, others=inside)
    assert graphs.nodes() == ["box", "box/inside/soft"]
    deploy(node.replace("ZONE", "west"), graphs, name="second", others=inside)
    assert graphs.edges("select", "second") == ["box -> racks/rack"]
    lone = deploy(node.replace("ZONE", "west"), others=inside)
    assert lone.nodes() == ["box"]


SOFT = "\n    own: { type: Compute }\n    soft: { type: Software, requirements: [ host: { directives: [ WHERE ] } ] }"


@pytest.mark.parametrize(
    ("where", "target"),
    [
        ("internal", "own/host"),
        ("external", "racks/small/host"),
        ("internal, external", "own/host"),
        ("external, internal", "racks/small/host"),
    ],
)
def test_the_scope_of_a_requirement(where: str, target: str, deploy: Any) -> None:
    """T127: internal, external, and the order of both."""
    graphs = deploy(ONE, name="racks")
    deploy(SOFT.replace("WHERE", where), graphs)
    assert graphs.edges("host") == [f"soft -> {target}"]


def test_the_other_scope_is_second(deploy: Any) -> None:
    """T127: where the first scope has no target, the second is looked at."""
    alone = "\n    soft: { type: Software, requirements: [ host: { directives: [ internal, external ] } ] }"
    graphs = deploy(ONE, name="racks")
    deploy(alone, graphs)
    assert graphs.edges("host") == ["soft -> racks/small/host"]
    assert deploy(SOFT.replace("WHERE", "external, internal")).edges("host") == ["soft -> own/host"]
    with pytest.raises(InstantiationError) as caught:
        deploy(SOFT.replace("WHERE", "external"))
    (refusal,) = caught.value.problems[0].refusals
    assert refusal.reason == "it is not in another service that can be seen from here"


def test_the_scope_of_a_capability(deploy: Any) -> None:
    """T107: a capability says which services may use it."""
    closed = "\n    box: { type: Compute, capabilities: { host: { directives: [ internal ] } } }"
    graphs = deploy(closed, name="closed")
    with pytest.raises(InstantiationError) as caught:
        deploy("\n    soft: { type: Software, requirements: [ host: { directives: [ external ] } ] }", graphs)
    (refusal,) = caught.value.problems[0].refusals
    assert refusal.reason == "the capability is for its own service only"
    public = closed.replace("internal", "external") + "\n    soft: { type: Software, requirements: [ host: TARGET ] }"
    for target in ("box", "Compute"):
        with pytest.raises(InstantiationError) as caught:
            deploy(public.replace("TARGET", target))
        assert caught.value.problems[0].refusals[0].reason == "the capability is for other services only"
    graphs = deploy(closed.replace("internal", "external"), name="public")
    deploy("\n    soft: { type: Software, requirements: [ host: { directives: [ external ] } ] }", graphs)
    assert graphs.edges("host") == ["soft -> public/box/host"]
