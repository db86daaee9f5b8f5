"""Many representations (section 14): counts, indexes, and every pattern of relationships between them."""

from collections import Counter
from typing import Any

import pytest

from floria import updating
from floria.instantiation import InstantiationError

from .graphs import VERSION, Graphs

SERVICE = (
    VERSION
    + """
capability_types: { Feature: { properties: { targets: { type: integer, default: 100 } } } }
relationship_types: { Uses: { properties: { place: { type: string, required: false } } } }
node_types:
  Right: { capabilities: { feature: Feature } }
  Left:
    properties: { location: { type: string, required: false } }
    requirements: [ uses: { capability: Feature, relationship: Uses, node: Right, count_range: [ 0, UNBOUNDED ] } ]
service_template:
  inputs:
    left: { type: integer, default: 1 }
    right: { type: integer, default: 1 }
    places: { type: list, entry_schema: string, default: [ a, b, c, d, e, f ] }
  node_templates:
    right: { type: Right, count: { $get_input: right }, capabilities: { feature: { properties: { targets: %s } } } }
    left:
      type: Left
      count: { $get_input: left }
      properties: { location: { $get_input: [ places, $node_index ] } }
      requirements: [ uses: %s ]
"""
)
ALL = "{ node: Right, count: { $get_input: right } }"


def source(memory: Any, uses: str, targets: int = 100) -> Any:
    return memory({"main.yaml": SERVICE % (targets, uses)})


@pytest.fixture
def pairs(memory: Any) -> Any:
    """Return who is related to whom, by index."""

    def run(uses: str, left: int, right: int, targets: int = 100) -> list[tuple[int, int]]:
        graphs = Graphs()
        graphs.deploy(source(memory, uses, targets), inputs={"left": left, "right": right})
        return indexes(graphs)

    return run


def indexes(graphs: Graphs) -> list[tuple[int, int]]:
    found = graphs.current()
    owners = {
        one.id: found.vertexes[one.parent].index
        for one in found.vertexes.values()
        if one.name == "feature" and one.parent
    }
    return sorted((found.vertexes[edge.source].index, owners[edge.target]) for edge in found.edges.values())


def test_many_to_one(pairs: Any) -> None:
    """T128: section 14.3.1."""
    assert pairs("right", 4, 1) == [(0, 0), (1, 0), (2, 0), (3, 0)]


def test_one_to_many(pairs: Any) -> None:
    """T128, T125: section 14.3.2; each relationship has another target."""
    assert pairs(ALL, 1, 4) == [(0, 0), (0, 1), (0, 2), (0, 3)]
    assert pairs("{ node: Right, count: UNBOUNDED }", 1, 3) == [(0, 0), (0, 1), (0, 2)]
    assert len(pairs("{ node: Right }", 1, 4)) == 1


def test_full_mesh(pairs: Any) -> None:
    """T128: section 14.3.3."""
    assert pairs(ALL, 2, 3) == [(left, right) for left in range(2) for right in range(3)]


def test_matched_pairs(pairs: Any) -> None:
    """T128, T80: section 14.3.4; the index of the target is that of the source."""
    assert pairs("[ right, $node_index ]", 4, 4) == [(0, 0), (1, 1), (2, 2), (3, 3)]
    with pytest.raises(InstantiationError):
        pairs("[ right, $node_index ]", 4, 3)


def test_random_pairs(pairs: Any) -> None:
    """T128, T126: section 14.3.5; each target is used once, by allocation."""
    found = pairs("{ node: Right, allocation: { targets: 1 } }", 4, 4, targets=1)
    assert sorted(right for _, right in found) == [0, 1, 2, 3]
    with pytest.raises(InstantiationError) as caught:
        pairs("{ node: Right, allocation: { targets: 1 } }", 5, 4, targets=1)
    assert "targets: 1 asked, 0 left" in str(caught.value.problems[0])


@pytest.mark.parametrize(("left", "right", "targets"), [(3, 6, 1), (6, 4, 3)])
def test_many_to_many(left: int, right: int, targets: int, pairs: Any) -> None:
    """T128, T126: section 14.3.6; 1:2 and 3:2 by how often a target may be used."""
    found = pairs("{ node: Right, count: 2, allocation: { targets: 1 } }", left, right, targets)
    assert set(Counter(source for source, _ in found).values()) == {2}
    assert set(Counter(target for _, target in found).values()) == {targets}
    assert len(set(found)) == len(found)


def test_mismatched_pairs(pairs: Any) -> None:
    """T128: section 14.3.6; with fewer targets than sources, round and round."""
    uses = "[ right, { $remainder: [ $node_index, { $get_input: right } ] } ]"
    assert pairs(uses, 5, 2) == [(0, 0), (1, 1), (2, 0), (3, 1), (4, 0)]


def test_targets_by_the_index_of_the_relationship(pairs: Any) -> None:
    """T81, T118, T128: each relationship of a requirement leads to the representation that its own index says."""
    assert pairs("{ node: [ right, $relationship_index ], count: 3 }", 1, 4) == [(0, 0), (0, 1), (0, 2)]
    assert pairs("{ node: [ right, $relationship_index ], count: { $get_input: right } }", 1, 3) == [
        (0, 0),
        (0, 1),
        (0, 2),
    ]
    either = "{ node: [ right, { $sum: [ { $product: [ $node_index, 2 ] }, $relationship_index ] } ], count: 2 }"
    assert pairs(either, 2, 4) == [(0, 0), (0, 1), (1, 2), (1, 3)]


def test_values_by_index(memory: Any) -> None:
    """T80, T81, T106: inputs of nodes and relationships by their indexes (sections 14.2, 14.3)."""
    place = "{ $get_input: [ places, $relationship_index ] }"
    uses = f"{{ node: Right, count: 2, relationship: {{ properties: {{ place: {place} }} }} }}"
    graphs = Graphs()
    graphs.deploy(source(memory, uses), inputs={"left": 2, "right": 2})
    assert [graphs.value(name, "location") for name in ("left", "left[1]")] == ["a", "b"]
    assert [graphs.value(name, "place") for name in ("left-uses", "left-uses[1]")] == ["a", "b"]


def test_scaling_keeps_what_is_there(memory: Any) -> None:
    """T106, T170: counts that follow inputs go up and down; who stays keeps index, identity and relationships."""
    uses = "[ right, { $remainder: [ $node_index, 2 ] } ]"
    graphs = Graphs()
    graphs.deploy(source(memory, uses), inputs={"left": 3, "right": 2})
    before = {one.index: one.id for one in graphs.current().vertexes.values() if one.name == "left"}
    edges = set(graphs.current().edges)
    graphs.update("shop", {"left": 5, "right": 2}, source(memory, uses))
    grown = {one.index: one.id for one in graphs.current().vertexes.values() if one.name == "left"}
    assert {index: grown[index] for index in before} == before
    assert sorted(grown) == [0, 1, 2, 3, 4]
    assert edges < set(graphs.current().edges)
    graphs.update("shop", {"left": 2, "right": 2}, source(memory, uses))
    shrunk = {one.index: one.id for one in graphs.current().vertexes.values() if one.name == "left"}
    assert shrunk == {index: before[index] for index in (0, 1)}
    assert indexes(graphs) == [(0, 0), (1, 1)]


def test_the_choice_is_stable(memory: Any) -> None:
    """T130: what is fulfilled stays with its target while that fits, whoever else comes."""
    graphs = Graphs()
    graphs.deploy(source(memory, "{ node: Right }"), inputs={"left": 2, "right": 2})
    before = indexes(graphs)
    graphs.update("shop", {"left": 2, "right": 6}, source(memory, "{ node: Right }"))
    assert indexes(graphs) == before
    assert sorted(right for _, right in before) == [0, 1], "the load is spread"


ZONES = (
    VERSION
    + """
capability_types: { C: {} }
relationship_types: { R: {} }
node_types:
  N: { properties: { zone: { type: string } }, capabilities: { c: C } }
  A:
    properties: { zone: { type: string } }
    requirements:
    - r:
        capability: C
        relationship: R
        count_range: [ 1, 1 ]
        node_filter:
          $equal: [ { $get_property: [ SELF, TARGET, zone ] }, { $get_property: [ SELF, SOURCE, zone ] } ]
service_template:
  inputs: { zone: { type: string, default: east } }
  node_templates:
    east: { type: N, properties: { zone: east } }
    west: { type: N, properties: { zone: west } }
    a: { type: A, properties: { zone: { $get_input: zone } } }
"""
)


def test_requirements_follow_changes(memory: Any) -> None:
    """T123, T169: with other inputs a filter may ask for another target, although the old values are still there."""
    graphs = Graphs()
    graphs.deploy(memory({"main.yaml": ZONES}))
    with graphs.store.write() as tx:
        updating.update(tx, list(graphs.current().vertexes), graphs.functions)
    assert graphs.edges("r") == ["a -> east/c"]
    graphs.update("shop", {"zone": "west"}, memory({"main.yaml": ZONES}))
    assert graphs.edges("r") == ["a -> west/c"]


NONE = (
    VERSION
    + """
node_types: { Thing: { properties: { name: { type: string, default: x } } } }
service_template:
  inputs: { things: { type: integer, default: 0 } }
  node_templates: { thing: { type: Thing, count: { $get_input: things } } }
  outputs:
    all: { value: { $get_property: [ thing, ALL, name ] } }
    first: { value: { $get_property: [ thing, name ] } }
"""
)


def test_all_of_none_is_an_empty_list(memory: Any) -> None:
    """T95, T106: a template of which there are none right now is no mistake in a path that asks for all."""
    graphs = Graphs()
    graphs.deploy(memory({"main.yaml": NONE}), "none")
    graphs.deploy(memory({"main.yaml": NONE}), "two", {"things": 2})
    assert (graphs.output("all", "none"), graphs.output("all", "two")) == ([], ["x", "x"])
    assert (graphs.output("first", "none"), graphs.output("first", "two")) == ("!tosca.path", "x")


def test_a_target_of_which_there_is_none_is_named(pairs: Any) -> None:
    """T118, T124: the message says the name of the template, although nothing is made from it."""
    with pytest.raises(InstantiationError, match=r"there is no .* in right$"):
        pairs("{ node: right }", left=1, right=0)
