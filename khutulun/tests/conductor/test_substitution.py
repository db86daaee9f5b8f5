"""Substituted and selected nodes, on a whole server: what is inside or elsewhere, and changes of it (T143 to T146)."""

import contextlib
from pathlib import Path
from typing import Any

import pytest

from floria import instantiation
from floria.evaluation import Functions
from floria.values import Value
from khutulun import model
from khutulun.conductor import access, designs, services
from khutulun.testing import keeping
from khutulun.testing.machine import ME, Machine
from puccini import csar, functions

MORE_TYPES = """
  Place: { derived_from: Note, capabilities: { desk: Desk } }
  Office:
    derived_from: Workload
    properties: { size: { type: string } }
    attributes: { letters: { type: integer }, motto: { type: string } }
    capabilities: { desk: Desk }
    interfaces: { keeping: { type: Keeping } }
    requirements: [ near: { capability: Desk, relationship: Sits, count_range: [ 0, 1 ] } ]
  Clerk:
    derived_from: Note
    requirements: [ desk: { capability: Desk, relationship: Sits, count_range: [ 0, 1 ] } ]

capability_types: { Desk: { attributes: { free: { type: integer } } } }
relationship_types: { Sits: {} }
"""
TYPES = keeping.TYPES.replace("group_types:", f"{MORE_TYPES}\ngroup_types:").replace(
    "measure: { implementation: driver }", "measure: { implementation: driver, outputs: { size: [ SELF, size ] } }"
)
MAIN = """tosca_definitions_version: tosca_2_0
imports: [ types.yaml, { profile: "khutulun:1.0" } ]
service_template:
  inputs: { size: { type: string, default: small } }
  node_templates:
    door: { type: Place, properties: { text: open } }
    office:
      type: Office
      directives: [ substitute ]
      properties: { size: { $get_input: size } }
      requirements: [ near: door ]
    visitor: { type: Clerk, requirements: [ desk: office ] }
  outputs:
    motto: { value: { $get_attribute: [ office, motto ] } }
    letters: { value: { $get_attribute: [ office, letters ] } }
"""
INSIDE = """tosca_definitions_version: tosca_2_0
imports: [ types.yaml, { profile: "khutulun:1.0" } ]
service_template:
  inputs: { size: { type: string } }
  substitution_mappings:
    node_type: Office
    substitution_filter: { $equal: [ { $get_property: [ SELF, size ] }, SIZE ] }
    properties: { size: size }
    attributes: { motto: motto, letters: letters, [ CAPABILITY, desk, free ]: letters }
    capabilities: { desk: [ desk, desk ] }
    requirements: [ near: [ clerk, desk ] ]
    interfaces: { keeping: { shout: greet } }
  node_templates:
    desk: { type: Place, properties: { text: { $get_input: size } } }
    clerk: { type: Clerk, properties: { text: SIZE } }
MORE
  outputs:
    motto: { value: { $concat: [ "we are ", { $get_property: [ clerk, text ] } ] } }
    letters: { value: { $get_attribute: [ clerk, size ] } }
  workflows:
    greet:
      inputs: { word: { type: string, default: morning } }
      steps:
        one:
          target: clerk
          activities: [ call_operation: { operation: keeping.shout, inputs: { word: { $get_input: word } } } ]
          on_success: two
        two: { target: clerk, activities: [ call_operation: keeping.measure ] }
"""


def inside(size: str, more: str = "") -> str:
    return INSIDE.replace("SIZE", size).replace("MORE", more)


@pytest.fixture
def archive(tmp_path: Path, machine: Machine) -> Any:
    def make(files: dict[str, str], others: tuple[str, ...] = ()) -> str:
        folder = tmp_path / "design"
        folder.mkdir(exist_ok=True)
        for name, text in {"types.yaml": TYPES, **files}.items():
            (folder / name).write_text(text)
        content = csar.pack(folder / "service.yaml", others=[folder / name for name in others])
        return machine.running.conductor.upload(ME, content)

    return make


def deploy(machine: Machine, archive: str, name: str = "s", **inputs: Value) -> model.Execution:
    return machine.wait(machine.running.conductor.deploy(ME, model.DeployRequest(name, archive, inputs=inputs)))


def nodes(machine: Machine, name: str = "s") -> dict[str, str]:
    return {node.name: node.state for node in machine.running.conductor.service(ME, name).nodes}


def outputs(machine: Machine, name: str = "s") -> dict[str, Value]:
    return {key: one.value for key, one in machine.running.conductor.service(ME, name).outputs.items()}


def order(machine: Machine, *things: str) -> list[str]:
    """Return things that were created, in the order in which they were."""
    created = {}
    for thing in things:
        with contextlib.suppress(FileNotFoundError):
            text = (machine.paths.state / "notes" / f"{thing}.log").read_text()
            created[thing] = next(line.partition(" ")[0] for line in text.splitlines() if " create" in line)
    return sorted(created, key=lambda thing: created[thing])


SERVICES = {
    "service.yaml": MAIN,
    "small.yaml": inside("small"),
    "large.yaml": inside("large", "    boss: { type: Clerk }"),
}
OTHERS = ("small.yaml", "large.yaml")


def test_t144_what_is_inside_is_deployed_changed_and_undeployed(machine: Machine, archive: Any) -> None:
    """T144 to T146: inputs in, outputs out; another size has another inside; at the end nothing is left."""
    conductor = machine.running.conductor
    ended = deploy(machine, archive(SERVICES, OTHERS))
    assert ended.state == "done", ended.problems
    assert nodes(machine) == dict.fromkeys(
        ["door", "office", "office.small.clerk", "office.small.desk", "visitor"], "started"
    )
    assert machine.text("s-office.small.desk-0") == "small"
    inside = {node.name: node.inside for node in conductor.service(ME, "s").nodes if node.inside}
    assert inside == {"office.small.clerk": "office", "office.small.desk": "office"}
    things = order(machine, "s-door-0", "s-office.small.clerk-0", "s-visitor-0")
    assert things == ["s-door-0", "s-office.small.clerk-0", "s-visitor-0"], (
        "what the outside requires is first, and its users last"
    )
    assert outputs(machine) == {"motto": "we are small", "letters": 0}
    (office,) = [one for one in conductor.service(ME, "s").nodes if one.name == "office"]
    assert office.properties["motto"].value == "we are small"

    conductor.call(ME, "s", "office.small.clerk", "keeping.measure", {})
    (office,) = [one for one in conductor.service(ME, "s").nodes if one.name == "office"]
    assert office.properties["letters"].value == 5, "what changes inside is passed on at once"
    assert office.capabilities["desk"]["free"].value == 5

    called = conductor.call(ME, "s", "office", "keeping.shout", {"word": "hi"})
    assert isinstance(called.result, dict)
    assert called.result["workflow"] == "greet"
    ran = conductor.execution(ME, str(called.result["execution"]))
    assert ran.state == "done", "a call by hand returns when what is called has ended"
    assert sorted(step.node for step in ran.steps) == ["one/office.small.clerk", "two/office.small.clerk"]
    assert "shout hi" in machine.log("s-office.small.clerk-0")

    updated = machine.wait(conductor.update(ME, model.DeployRequest("s", None, inputs={"size": "large"})))
    assert updated.state == "done", updated.problems
    assert sorted(nodes(machine)) == [
        "door",
        "office",
        "office.large.boss",
        "office.large.clerk",
        "office.large.desk",
        "visitor",
    ]
    assert machine.text("s-office.large.desk-0") == "large"
    assert outputs(machine)["motto"] == "we are large"

    assert machine.wait(conductor.undeploy(ME, "s")).state == "done"
    left = [path.name for path in (machine.paths.state / "notes").iterdir() if path.suffix != ".log"]
    assert left == []


PLACES = """tosca_definitions_version: tosca_2_0
imports: [ types.yaml, { profile: "khutulun:1.0" } ]
service_template:
  node_templates: { hall: { type: Place, properties: { text: hall } } }
"""
VISITORS = """tosca_definitions_version: tosca_2_0
imports: [ types.yaml, { profile: "khutulun:1.0" } ]
policy_types: { Watch: {} }
service_template:
  node_templates:
    hall: { type: Place, directives: [ select ], node_filter: { $equal: [ { $get_property: [ SELF, text ] }, hall ] } }
    guest: { type: Clerk, requirements: [ desk: hall ] }
  policies:
  - watch:
      type: Watch
      targets: [ guest ]
      triggers:
        gone: { event: floria.edge-dissolved, action: [ set_state: homeless ] }
  outputs:
    text: { value: { $get_property: [ hall, text ] } }
    free: { value: { $get_attribute: [ hall, CAPABILITY, desk, free ] } }
"""


def test_t105_t170_a_selected_node_belongs_to_another_service(machine: Machine, archive: Any) -> None:
    """T105, T170: it is used and not owned: it outlives its users, and when it goes that is an event of theirs."""
    conductor = machine.running.conductor
    users = archive({"service.yaml": VISITORS})
    with pytest.raises(model.Refused) as caught:
        deploy(machine, users)
    assert {one.code for one in caught.value.problems} == {"floria.unsatisfied"}

    assert deploy(machine, archive({"service.yaml": PLACES}), "places").state == "done"
    plan = conductor.plan(ME, model.DeployRequest("s", users))
    assert [change.node for change in plan.changes] == ["guest"], "a plan sees what is elsewhere"
    assert deploy(machine, users).state == "done"
    assert nodes(machine) == {"guest": "started"}
    assert outputs(machine)["text"] == "hall"
    assert machine.wait(conductor.undeploy(ME, "s")).state == "done"
    assert nodes(machine, "places") == {"hall": "started"}
    assert machine.text("places-hall-0") == "hall"

    assert deploy(machine, users).state == "done"
    assert machine.wait(conductor.undeploy(ME, "places")).state == "done"
    for event in conductor.events(ME, service="s", after=0, follow=True):
        if event.kind == "handling" and event.name == "floria.edge-dissolved":
            break
    assert nodes(machine) == {"guest": "homeless"}
    with pytest.raises(model.Refused) as caught:
        conductor.update(ME, model.DeployRequest("s", users))
    assert {one.code for one in caught.value.problems} == {"floria.unsatisfied"}
    assert deploy(machine, archive({"service.yaml": PLACES}), "places").state == "done"
    assert machine.wait(conductor.update(ME, model.DeployRequest("s", users))).state == "done"
    assert outputs(machine)["text"] == "hall", "it is selected again"
    assert machine.log("s-guest-0")[-1] == "update"


def test_r74_what_may_not_be_seen_is_not_selected(machine: Machine, archive: Any) -> None:
    """R74, T105: relationships lead to services in directories that the user may look at, and to no others."""
    assert deploy(machine, archive({"service.yaml": PLACES}), "places").state == "done"
    store, library = machine.running.store, Functions()
    functions.register(library)
    design = designs.load(store, archive({"service.yaml": VISITORS}), "s")
    with store.read() as reader:
        for may_see in (access.sight(reader, model.Principal(54321, 54321, "stranger")), access.sight(reader, ME)):
            marks = services.Marks(design.digest, may_see=may_see)
            if may_see("/places"):
                assert instantiation.plan(
                    reader, design.bundle, name="s", directory="/s", functions=library, hooks=marks
                )
                continue
            with pytest.raises(instantiation.InstantiationError) as caught:
                instantiation.plan(reader, design.bundle, name="s", directory="/s", functions=library, hooks=marks)
            reasons = [one.reason for one in caught.value.problems[0].refusals]
            assert reasons == ["it is in a directory that the user may not look at"]


MAPPED = inside("small").replace("keeping: { shout: greet }", "keeping: { shout: greet }, lifecycle: { start: greet }")


def test_t143_operations_are_workflows_inside(machine: Machine, archive: Any) -> None:
    """T143: an operation of the lifecycle too; a workflow of the outside can call one, with inputs."""
    main = (
        MAIN
        + """
  workflows:
    visit:
      steps:
        one:
          target: office
          activities: [ call_operation: { operation: keeping.shout, inputs: { word: hey } } ]
"""
    )
    ended = deploy(machine, archive({"service.yaml": main, "small.yaml": MAPPED}, ("small.yaml",)))
    assert ended.state == "done", ended.problems
    assert [line for line in machine.log("s-office.small.clerk-0") if line.startswith("shout")] == ["shout morning"]
    conductor = machine.running.conductor
    ran = machine.wait(conductor.run(ME, "s", "visit", {}))
    assert ran.state == "done", ran.problems
    assert machine.log("s-office.small.clerk-0")[-2] == "shout hey"


def test_t143_a_call_by_hand_fails_with_the_workflow_that_it_is_mapped_to(machine: Machine, archive: Any) -> None:
    """T143: what went wrong inside is told as that of an operation is, and does not have to be looked for."""
    failing = inside("small").replace("call_operation: keeping.measure", "call_operation: keeping.complain")
    ended = deploy(machine, archive({"service.yaml": MAIN, "small.yaml": failing}, ("small.yaml",)))
    assert ended.state == "done", ended.problems
    with pytest.raises(model.Refused) as refused:
        machine.running.conductor.call(ME, "s", "office", "keeping.shout", {"word": "hi"})
    assert [one.code for one in refused.value.problems] == ["complaint"]
    assert "shout hi" in machine.log("s-office.small.clerk-0")
