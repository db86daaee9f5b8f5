"""Where outputs go, and workflows that are no steps: on a whole server (T74, T148, T150, T153, T154)."""

from typing import Any

import pytest

from floria.values import Value
from khutulun import model
from khutulun.testing import keeping
from khutulun.testing.machine import ME, Machine

MORE = """
data_types:
  Sizes: { properties: { all: { type: list, entry_schema: integer }, last: { type: map, entry_schema: integer } } }
capability_types:
  Shown: { attributes: { size: { type: integer }, seen: { type: Sizes } } }
relationship_types:
  Reads: { attributes: { size: { type: integer } } }
"""
NOTE = """
    capabilities: { shown: Shown }
    requirements: [ reads: { capability: Shown, relationship: Reads, count_range: [ 0, 1 ] } ]
    attributes:
      sizes: { type: Sizes, default: { all: [], last: {} } }
"""


TOLD_TYPE = "    notifications: { told: { outputs: { size: { type: integer } } } }\n\nnode_types:"
MEET = "          meet: { implementation: driver }\n"
TOLD = "{ told: { outputs: { size: { mapping: [ SELF, size ] } } } }"


@pytest.fixture
def deploy(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Any:
    def run(workflows: str, measure: str = "", *, told: bool = False, more: str = "") -> model.Execution:
        given = keeping.TYPES.replace("    attributes:\n", NOTE, 1).replace("group_types:", f"{MORE}\ngroup_types:")
        if measure:
            given = given.replace("measure: { implementation: driver }", measure)
        if told:
            given = given.replace("\nnode_types:", TOLD_TYPE, 1).replace(MEET, f"{MEET}        notifications: {TOLD}\n")
        monkeypatch.setattr(keeping, "TYPES", given)
        monkeypatch.setattr(
            keeping, "SERVICE", keeping.SERVICE.replace("text: bee } }", "text: bee }, requirements: [ reads: a ] }")
        )
        conductor = machine.running.conductor
        archive = conductor.upload(ME, keeping.design(workflows, more))
        ended = machine.wait(conductor.deploy(ME, model.DeployRequest("s", archive)))
        assert ended.state == "done", ended.problems
        return ended

    return run


def node(machine: Machine, name: str) -> model.Node:
    return next(one for one in machine.running.conductor.service(ME, "s").nodes if one.name == name)


def run(machine: Machine, workflow: str, **inputs: Value) -> model.Execution:
    return machine.wait(machine.running.conductor.run(ME, "s", workflow, inputs))


def test_t74_t153_outputs_go_where_their_path_leads(machine: Machine, deploy: Any) -> None:
    """T74, T148, T153, T171: into attributes of a node, its capabilities and relationships, and into parts of them."""
    mappings = {
        "own": "[ SELF, size ]",
        "capability": "[ b, CAPABILITY, shown, size ]",
        "element": "[ b, sizes, all, 0 ]",
        "entry": "[ SELF, sizes, last, today ]",
        "relationship": "[ b, RELATIONSHIP, reads, size ]",
        "half": "[ b, CAPABILITY, shown, seen, all, 0 ]",
    }
    steps = "{ one: { target: b, activities: [ call_operation: keeping.measure ] } }"
    workflows = [f"    {name}: {{ steps: {steps}, outputs: {{ size: {path} }} }}\n" for name, path in mappings.items()]
    deploy(
        "".join(workflows), "measure: { implementation: driver, outputs: { size: [ SELF, CAPABILITY, shown, size ] } }"
    )
    machine.running.conductor.call(ME, "s", "b-1", "keeping.measure", {})
    assert node(machine, "b-1").capabilities["shown"]["size"].value == 3, "an operation's output"
    for name in mappings:
        ended = run(machine, name)
        assert ended.state == ("failed" if name == "half" else "done"), "half of a value is no value"
    for one in (node(machine, "b-0"), node(machine, "b-1")):
        assert one.properties["size"].value == one.capabilities["shown"]["size"].value == 3
        assert one.properties["sizes"].value == {"all": [3], "last": {"today": 3}}
        assert one.relations[0].properties["size"].value == 3


def test_t148_a_workflow_that_an_artifact_implements(machine: Machine, deploy: Any) -> None:
    """T148, T156: no steps, but an artifact, run by whoever processes its type; inputs in, outputs out."""
    deploy(
        """
    measure:
      inputs: { word: { type: string, default: hi } }
      implementation: { primary: { type: Driver, file: notes } }
      outputs: { size: [ a, size ] }
    complain:
      implementation: { primary: { type: Driver, file: notes } }
"""
    )
    ended = run(machine, "measure")
    assert ended.state == "done", ended.problems
    assert ended.outputs == {"size": 5}
    assert node(machine, "a").properties["size"].value == 5
    assert run(machine, "complain").state == "failed"


def test_t150_what_activities_delegate_to(machine: Machine, deploy: Any) -> None:
    """T150: parts of the declarative workflows, for the step's target; inputs are those of the operations."""
    deploy(
        """
    again:
      steps:
        one: { target: a, activities: [ delegate: restart ], on_success: two }
        two: { target: a, activities: [ delegate: { workflow: heal, inputs: { word: x } } ], on_success: three }
        three: { target: a, activities: [ delegate: stop, delegate: start, delegate: update ] }
"""
    )
    ended = run(machine, "again")
    assert ended.state == "done", ended.problems
    verbs = [line for line in machine.log("s-a-0")[2:] if line != "inspect"]
    assert verbs == ["stop", "start", "stop", "delete", "create", "start", "stop", "start", "update"]


def test_t150_an_unknown_delegate_is_refused_before_anything_is_done(machine: Machine, deploy: Any) -> None:
    """T150, T151: with its place."""
    with pytest.raises(model.Refused) as caught:
        deploy("\n    again: { steps: { one: { target: a, activities: [ delegate: conquer ] } } }\n")
    (problem,) = caught.value.problems
    assert problem.code == "unknown-delegate"
    assert problem.where.startswith("service.yaml:")


def test_t154_what_is_sent_with_a_notification(machine: Machine, deploy: Any) -> None:
    """T154, T155: its outputs become attributes, and triggers of the event see them."""
    deploy("", told=True)
    conductor = machine.running.conductor
    conductor.emit(ME, "keeping.told", service="s", node="a", data={"size": 42})
    for event in conductor.events(ME, service="s", after=0, follow=True):
        if event.kind == "handling" and event.name == "keeping.told":
            break
    assert node(machine, "a").properties["size"].value == 42


HEALING = """
  policies:
  - heal:
      type: Care
      targets: [ a ]
      triggers:
        failed:
          event: failed
          condition: { $equal: [ { $get_property: [ SELF, text ] }, hello ] }
          action: [ delegate: heal ]
"""


def test_t170_what_failed_is_healed(machine: Machine, deploy: Any) -> None:
    """T155, T170: event, condition, action: a node that failed is taken down and built again, and nothing else."""
    deploy("", more=HEALING)
    conductor = machine.running.conductor
    conductor.emit(ME, "failed", service="s", node="a")
    for event in conductor.events(ME, service="s", after=0, follow=True):
        if event.kind == "handling" and event.name == "failed":
            break
    assert machine.log("s-a-0") == ["create", "start", "stop", "delete", "create", "start"]
    assert machine.log("s-b-0") == ["create", "start"]
    assert node(machine, "a").state == "started"
