"""Inputs that are mapped into attributes (sections 9.8, 9.10), in the graph."""

from typing import Any

from .graphs import VERSION, Graphs

SERVICE = (
    VERSION
    + """
capability_types: { C: { attributes: { speed: { type: float } } } }
node_types:
  N:
    attributes: { load: { type: integer, validation: { $less_than: [ $value, 100 ] } } }
    capabilities: { c: C }
service_template:
  inputs:
    load: { type: integer, mapping: [ n, load ] }
    speed: [ n, CAPABILITY, c, speed ]
  node_templates: { n: { type: N, attributes: { load: 1 } } }
  outputs:
    load: { $get_attribute: [ n, load ] }
    speed: { $get_attribute: [ n, CAPABILITY, c, speed ] }
"""
)


def test_t69_t70_an_attribute_begins_as_the_input_that_is_mapped_into_it(memory: Any) -> None:
    made = Graphs()
    source = memory({"main.yaml": SERVICE})
    made.deploy(source, inputs={"load": 7, "speed": 3})
    assert made.output("load") == 7
    assert made.output("speed") == 3.0
    made.update("shop", {"load": 8, "speed": 4}, source)
    assert (made.output("load"), made.output("speed")) == (8, 4.0)
