"""What derived types have of their parents, where it shows only in a service (sections 5.1, 7.1, 8.4, 12.1)."""

from typing import Any

import pytest

import puccini
from floria.instantiation import InstantiationError
from puccini.grammar.types import Kind

from .conftest import Load
from .graphs import VERSION, Graphs


def test_what_is_said_of_a_type_is_not_said_of_those_derived(load: Load) -> None:
    """T26: version, metadata and description are a type's own."""
    loaded = load("""
node_types:
  A: { version: 1.2, metadata: { owner: me }, description: The first. }
  B: { derived_from: A }
""")
    assert loaded.resolver is not None
    first, second = (type.definition for type in loaded.resolver.of(Kind.NODE) if type.name in "AB")
    assert first is not None
    assert second is not None
    assert (first.description, first.metadata) == ("The first.", {"owner": "me"})
    assert (second.description, second.metadata, second.version) == ("", {}, None)


FILTERED = (
    VERSION
    + """
capability_types: { C: { properties: { size: { type: integer } } } }
relationship_types: { R: {} }
node_types:
  N: { capabilities: { c: C } }
  A:
    requirements:
    - r: { capability: C, relationship: R, node_filter: { $greater_than: [ SIZE, 2 ] }, count_range: [ 1, 1 ] }
  B:
    derived_from: A
    requirements: [ r: { node_filter: { $less_than: [ SIZE, 9 ] } } ]
service_template:
  node_templates:
    n: { type: N, capabilities: { c: { properties: { size: %s } } } }
    b: { type: B, requirements: [ r: { node_filter: { $not: [ { $equal: [ SIZE, 5 ] } ] } } ] }
""".replace("SIZE", "{ $get_property: [ SELF, CAPABILITY, size ] }")
)


@pytest.mark.parametrize(("size", "fits"), [(1, False), (4, True), (5, False), (10, False)])
def test_all_filters_of_a_requirement_count(size: int, fits: bool, memory: Any) -> None:
    """T41, T122: those of all its definitions, and that of the assignment."""
    graphs = Graphs()
    source = memory({"main.yaml": FILTERED % size})
    if fits:
        graphs.deploy(source)
        assert graphs.edges("r") == ["b -> n/c"]
        return
    with pytest.raises(InstantiationError) as caught:
        graphs.deploy(source)
    assert f"= {size}" in caught.value.problems[0].refusals[0].reason


def test_extensions_are_said_anew(memory: Any) -> None:
    """T44: the mime type and extensions of a derived artifact type take the place of its parent's."""
    text = (
        VERSION
        + """
artifact_types:
  Script: { mime_type: text/plain, file_ext: [ sh, bash ] }
  Python: { derived_from: Script, mime_type: text/x-python, file_ext: [ py ] }
  Odd: { derived_from: Python }
interface_types: { I: { operations: { a: {}, b: {} } } }
node_types: { N: { interfaces: { i: { type: I, operations: { a: run.py, b: run.sh } } } } }
service_template: { node_templates: { n: { type: N } } }
"""
    )
    loaded = puccini.load(memory({"main.yaml": text, "run.py": "", "run.sh": ""}), "main.yaml")
    assert loaded.diagnostics == ()
    (node,) = (one for one in puccini.compile(loaded, "s").vertexes if one.name == "n")
    found = {one.name: one.call.arguments[0]["artifact"]["classes"][0] for one in node.handlers}  # type: ignore[index, call-overload]
    assert found["i.b"] == "main.yaml::Script"
    assert found["i.a"] in ("main.yaml::Python", "main.yaml::Odd")


LINK = """
    THIS:
      type: N
      properties: { name: THIS }
      requirements:
      - r: { node_filter: { $equal: [ { $get_property: [ SELF, TARGET, name ] }, NEXT ] } }
      - after:
          node_filter:
            $equal:
            - { $get_property: [ SELF, TARGET, name ] }
            - { $get_property: [ SELF, SOURCE, RELATIONSHIP, r, 0, TARGET, name ] }
"""


def test_decisions_wait_for_each_other(memory: Any) -> None:
    """T123, T167: a filter that reads what another decision leads to is asked when that is made, in whatever order."""
    links = "\n".join(LINK.replace("THIS", f"n{number}").replace("NEXT", f"n{number + 1}") for number in range(5))
    text = (
        VERSION
        + f"""
capability_types: {{ C: {{}} }}
relationship_types: {{ R: {{}} }}
node_types:
  N:
    properties: {{ name: {{ type: string }} }}
    capabilities: {{ c: C }}
    requirements:
    - after: {{ capability: C, relationship: R }}
    - r: {{ capability: C, relationship: R }}
service_template:
  node_templates:
{links}
    n5: {{ type: N, properties: {{ name: n5 }} }}
"""
    )
    graphs = Graphs()
    graphs.deploy(memory({"main.yaml": text}))
    assert graphs.edges("after") == [f"n{number} -> n{number + 1}/c" for number in range(5)]
