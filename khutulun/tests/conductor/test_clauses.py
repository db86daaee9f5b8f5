"""What conformance demands of an orchestrator (section 18.4), and of the graph that it keeps (section 4.3)."""

from pathlib import Path
from typing import Any

import pytest

from floria.entities import Vertex
from floria.store.interface import Axis, Query, Step
from khutulun import model
from khutulun.testing import keeping
from khutulun.testing.machine import ME, Machine
from puccini.csar import packing
from puccini.csar.formats import Format

TYPES = (
    keeping.TYPES
    + """
capability_types: { Desk: { properties: { places: { type: integer, default: 1 } } } }
relationship_types: { Sits: {} }
"""
).replace(
    "group_types:",
    """  Place: { derived_from: Note, capabilities: { desk: Desk } }
  Office: { derived_from: Workload, properties: { size: { type: string } }, attributes: { motto: { type: string } } }
  Clerk:
    derived_from: Note
    requirements:
    - desk:
        capability: Desk
        relationship: Sits
        count_range: [ 1, 1 ]
        node_filter: { $greater_than: [ { $get_property: [ SELF, CAPABILITY, places ] }, 1 ] }

group_types:""",
)
MAIN = """tosca_definitions_version: tosca_2_0
imports: [ types.yaml ]
service_template:
  inputs: { word: { type: string, default: good } }
  node_templates:
    small: { type: Place, properties: { text: small } }
    large: { type: Place, properties: { text: large }, capabilities: { desk: { properties: { places: 4 } } } }
    clerk:
      type: Clerk
      count: 2
      properties:
        text: { $concat: [ { $get_input: word }, " ", { $token: [ "morning evening", " ", $node_index ] } ] }
    office: { type: Office, directives: [ substitute ], properties: { size: big } }
  outputs:
    motto: { value: { $get_attribute: [ office, motto ] } }
    texts: { value: { $get_property: [ clerk, ALL, text ] } }
"""
INSIDE = """tosca_definitions_version: tosca_2_0
imports: [ types.yaml ]
service_template:
  substitution_mappings:
    node_type: Office
    substitution_filter: { $equal: [ { $get_property: [ SELF, size ] }, SIZE ] }
    attributes: { motto: motto }
  node_templates: { desk: { type: Place, properties: { text: SIZE } } }
  outputs: { motto: { type: string, value: { $concat: [ "we are ", { $get_property: [ desk, text ] } ] } } }
"""


def packed(folder: Path, form: Format = Format.ZIP, **changed: str) -> bytes:
    """Return the design as an archive, with two services that could be the inside of the office."""
    inside = {size: INSIDE.replace("SIZE", size) for size in ("tiny", "big")}
    for name, text in {"types": TYPES, "service": MAIN, **inside, **changed}.items():
        (folder / f"{name}.yaml").write_text(text)
    others = [folder / "tiny.yaml", folder / "big.yaml"]
    return packing.pack(folder / "service.yaml", others=others, form=form)


def deploy(machine: Machine, content: bytes) -> model.Execution:
    conductor = machine.running.conductor
    return machine.wait(conductor.deploy(ME, model.DeployRequest("s", conductor.upload(ME, content))))


@pytest.mark.parametrize("form", [Format.ZIP, Format.TAR_GZ])
def test_t175_the_statements_of_clause_3(form: Format, machine: Machine, tmp_path: Path) -> None:
    """T175: archives, functions, dangling requirements with filters, substitution, artifacts by their type."""
    ended = deploy(machine, packed(tmp_path, form))
    assert ended.state == "done", ended.problems
    service = machine.running.conductor.service(ME, "s")
    nodes = {one.name: one for one in service.nodes}
    assert sorted(nodes) == ["clerk-0", "clerk-1", "large", "office", "office.big.desk", "small"]
    assert {relation.target for name in ("clerk-0", "clerk-1") for relation in nodes[name].relations} == {"large.desk"}
    values = {name: one.value for name, one in service.outputs.items()}
    assert values == {"motto": "we are big", "texts": ["good morning", "good evening"]}
    assert machine.text("s-clerk-1") == "good evening", "the driver that the artifact names has run"


WRONG = {
    "a misspelt type": ("type: Place, properties: { text: small }", "type: Plaze, properties: { text: small }"),
    "a requirement that nothing fulfils": ("places: 4", "places: 1"),
    "an office that nothing substitutes": ("size: big", "size: huge"),
}


@pytest.mark.parametrize("what", WRONG)
def test_t175_what_does_not_conform_is_refused_and_nothing_is_left(what: str, machine: Machine, tmp_path: Path) -> None:
    """T175: clause 2 holds for an orchestrator, too."""
    with pytest.raises(model.Refused) as refused:
        deploy(machine, packed(tmp_path, service=MAIN.replace(*WRONG[what])))
    assert refused.value.problems
    assert all(one.message for one in refused.value.problems)
    assert machine.running.conductor.services(ME) == []


def test_t166_the_graph_is_kept_and_answers(tmp_path: Path) -> None:
    """T166: nodes, relationships and values are in the store, and as they were when the server is back."""
    machine = Machine(tmp_path / "state")
    with machine.up():
        deploy(machine, packed(tmp_path))
        before = _graph(machine)
    assert before["nodes"] == ["clerk", "clerk", "desk", "large", "office", "small"]
    assert before["at the large desk"] == [("clerk", 0), ("clerk", 1)]
    assert before["texts"] == ["good morning", "good evening"]
    with machine.up():
        assert _graph(machine) == before


def _graph(machine: Machine) -> dict[str, Any]:
    with machine.running.store.read() as reader:
        nodes = [one for one in reader.query(Query(classes=("tosca:node",))) if isinstance(one, Vertex)]
        (large,) = [one for one in nodes if one.name == "large"]
        steps = [Step(axis=Axis.CHILDREN), Step(axis=Axis.IN, name="desk"), Step(axis=Axis.SOURCE)]
        sitting = reader.get_many(reader.path([large.id], steps))
        return {
            "nodes": sorted(one.name for one in nodes),
            "ids": sorted(one.id for one in nodes),
            "at the large desk": sorted((one.name, one.index) for one in sitting if isinstance(one, Vertex)),
            "texts": machine.running.conductor.service(ME, "s").outputs["texts"].value,
        }
