"""Values that are known late: keys of maps that are functions, attributes that begin as other than their property."""

from typing import Any

import pytest

import puccini

from .graphs import VERSION, Graphs

NODES = (
    VERSION
    + """
node_types:
  N:
    properties:
      names: { type: map, entry_schema: integer, required: false }
      p: { type: string, default: designed }
    capabilities: { c: C }
capability_types: { C: { properties: { q: { type: integer, default: 1 } } } }
service_template:
  inputs: { who: { type: string, default: me } }
  node_templates:
    n: { type: N, %s }
  outputs:
    names: { value: { $get_property: [ n, names ] } }
    property: { value: { $get_property: [ n, p ] } }
    attribute: { value: { $get_attribute: [ n, p ] } }
    inner: { value: [ { $get_property: [ n, CAPABILITY, c, q ] }, { $get_attribute: [ n, CAPABILITY, c, q ] } ] }
"""
)


@pytest.fixture
def deploy(memory: Any) -> Any:
    def run(node: str, **inputs: Any) -> Graphs:
        graphs = Graphs()
        graphs.deploy(memory({"main.yaml": NODES % node}), inputs=inputs)
        return graphs

    return run


def test_functions_as_keys(deploy: Any) -> None:
    """T11: what a function gives is the key; a suffix lets the same call be a key several times."""
    names = (
        "properties: { names: { { $concat: [ a-, { $get_input: [ who ] } ] }: 1, { $get_input$2: [ who ] }: 2, z: 3 } }"
    )
    assert deploy(names).output("names") == {"a-me": 1, "me": 2, "z": 3}
    assert deploy(names, who="z").output("names") == "!tosca.arguments"
    assert deploy(names.replace("z: 3", "z: x")).output("names") == "!tosca.invalid"


@pytest.mark.parametrize(
    ("key", "code"), [("{ $concatt: [ a ] }", "unknown-function"), ("{ $token: [ a ] }", "bad-arguments")]
)
def test_wrong_functions_as_keys(key: str, code: str, memory: Any) -> None:
    """T11: a key is checked as every function is."""
    source = memory({"main.yaml": NODES % f"properties: {{ names: {{ {key}: 1 }} }}"})
    assert [one.code for one in puccini.load(source, "main.yaml").diagnostics] == [code]


def test_an_attribute_begins_as_something_else(deploy: Any) -> None:
    """T68: the attribute that mirrors a property may have an initial value of its own."""
    assert deploy("").output("attribute") == "designed"
    graphs = deploy("attributes: { p: actual }, capabilities: { c: { attributes: { q: 2 } } }")
    assert graphs.output("property") == "designed"
    assert graphs.output("attribute") == "actual"
    assert graphs.output("inner") == [1, 2]
