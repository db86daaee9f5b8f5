"""Workflows of designs and actions of triggers, run on a whole server (R44, T116, T148 to T152, T155)."""

import os
from pathlib import Path

import pytest

from floria.values import Value
from khutulun import model
from khutulun.model import StepState
from khutulun.testing import keeping
from khutulun.testing.machine import ME, Machine

SERVICE = "s"


def deploy(machine: Machine, workflows: str, more: str = "") -> None:
    conductor = machine.running.conductor
    archive = conductor.upload(ME, keeping.design(workflows, more))
    ended = machine.wait(conductor.deploy(ME, model.DeployRequest(SERVICE, archive)))
    assert ended.state == "done", ended.problems


def run(machine: Machine, workflow: str, **inputs: Value) -> model.Execution:
    """Run a workflow to its end."""
    return machine.wait(machine.running.conductor.run(ME, SERVICE, workflow, inputs))


def states(execution: model.Execution) -> dict[str, StepState]:
    return {step.node: step.state for step in execution.steps}


def did(machine: Machine, node: str) -> list[str]:
    """Return what was done to a node after it was deployed."""
    return machine.log(f"{SERVICE}-{node}")[2:]


def refused(machine: Machine, workflow: str, **inputs: Value) -> tuple[model.Problem, ...]:
    with pytest.raises(model.Refused) as caught:
        machine.running.conductor.run(ME, SERVICE, workflow, inputs)
    return caught.value.problems


def test_t149_t150_steps_follow_each_other_and_activities_too(machine: Machine) -> None:
    """T148 to T150: inputs, groups and all representations, activities in order, inputs that override, outputs."""
    deploy(
        machine,
        """
    visit:
      inputs: { word: { type: string } }
      steps:
        first:
          target: a
          activities:
          - set_state: visited
          - call_operation: { operation: keeping.shout, inputs: { word: { $get_input: word } } }
          - call_operation: keeping.measure
          on_success: second
        second: { target: all, activities: [ call_operation: keeping.shout ] }
      outputs: { size: [ a, size ] }
""",
    )
    ended = run(machine, "visit", word="hi")
    assert ended.state == "done", ended.problems
    assert states(ended) == dict.fromkeys(["first/a", "second/a", "second/b-0", "second/b-1"], StepState.DONE)
    assert did(machine, "a-0") == ["shout hi", "measure", "shout quiet"]
    assert did(machine, "b-0") == did(machine, "b-1") == ["shout quiet"]
    assert ended.outputs == {"size": 5}
    service = machine.running.conductor.service(ME, SERVICE)
    a = next(node for node in service.nodes if node.name == "a")
    assert a.state == "visited"
    assert a.properties["size"].value == 5
    assert service.state is model.ServiceState.RUNNING


def test_t148_a_workflow_begins_only_when_it_may(machine: Machine) -> None:
    """T148: names, inputs and the precondition are checked, and nothing is done."""
    deploy(
        machine,
        """
    careful:
      inputs: { times: { type: integer }, word: { type: string, default: x } }
      precondition: { $and: [ { $greater_than: [ { $get_input: times }, 0 ] },
        { $equal: [ { $get_property: [ a, text ] }, hello ] } ] }
      steps:
        only: { target: a, activities: [ call_operation: keeping.shout ] }
""",
    )
    (unknown,) = refused(machine, "carefull")
    assert (unknown.code, unknown.hint) == ("unknown-workflow", "it has: careful")
    (missing,) = refused(machine, "careful")
    assert (missing.code, missing.hint) == ("missing-input", "--input times=VALUE")
    problems = refused(machine, "careful", times="many", wrod="x")
    assert [one.where for one in problems] == ["workflow careful, input times", "workflow careful, input wrod"]
    assert problems[1].hint == "its inputs are: times, word"
    (unmet,) = refused(machine, "careful", times=0)
    assert unmet.code == "precondition-not-met"
    assert unmet.where.startswith("service.yaml:")
    assert did(machine, "a-0") == []
    assert run(machine, "careful", times=1).state == "done"
    assert did(machine, "a-0") == ["shout quiet"]


def test_t152_what_fails_leads_to_other_steps(machine: Machine) -> None:
    """T152: on_failure; what should not begin is skipped; a failure that was dealt with is none of the workflow."""
    deploy(
        machine,
        """
    brittle:
      steps:
        one: { target: a, activities: [ call_operation: keeping.shout ], on_success: two, on_failure: mend }
        two: { target: a, activities: [ call_operation: keeping.complain ], on_success: three, on_failure: mend }
        three: { target: b, activities: [ call_operation: keeping.shout ] }
        mend: { target: a, activities: [ set_state: mended ] }
""",
    )
    ended = run(machine, "brittle")
    assert ended.state == "done"
    assert states(ended) == {
        "one/a": StepState.DONE,
        "two/a": StepState.FAILED,
        "three/b-0": StepState.SKIPPED,
        "three/b-1": StepState.SKIPPED,
        "mend/a": StepState.DONE,
    }
    assert [problem.code for problem in ended.problems] == ["complaint"]
    assert did(machine, "b-0") == []


def test_t152_what_failed_can_be_tried_again(machine: Machine) -> None:
    """T152, R94: what was done is not done twice, inlined or not; the failure is told with its place."""
    deploy(
        machine,
        """
    outer:
      steps:
        before: { target: a, activities: [ call_operation: keeping.shout, inline: inner,
          call_operation: { operation: keeping.shout, inputs: { word: end } } ], on_success: after }
        after: { target: a, activities: [ call_operation: keeping.measure ] }
    inner:
      inputs: { word: { type: string, default: inner } }
      steps:
        x: { target: a, on_success: y,
          activities: [ call_operation: { operation: keeping.shout, inputs: { word: { $get_input: word } } } ] }
        y: { target: b, activities: [ call_operation: keeping.complain ] }
""",
    )
    ended = run(machine, "outer")
    assert ended.state == "failed"
    assert states(ended)["before/a"] is StepState.FAILED
    assert states(ended)["before/a/x/a"] is StepState.DONE
    assert states(ended)["before/a/y/b-1"] is StepState.FAILED
    assert states(ended)["after/a"] is StepState.SKIPPED
    assert "complaint" in [problem.code for problem in ended.problems]
    for node in ("b-0", "b-1"):
        (machine.paths.state / "notes" / f"{SERVICE}-{node}.calm").touch()
    again = machine.wait(machine.running.conductor.resume(ME, SERVICE))
    assert again.state == "done", again.problems
    assert did(machine, "a-0") == ["shout quiet", "shout inner", "shout end", "measure"]
    assert did(machine, "b-0") == ["complain"]


def test_t152_steps_that_do_not_lead_to_each_other_run_at_the_same_time(machine: Machine) -> None:
    """T152: the two steps wait for each other at the ends of a pipe; the third for both."""
    deploy(
        machine,
        """
    meeting:
      steps:
        speak: { target: a, on_success: part,
          activities: [ call_operation: { operation: keeping.meet, inputs: { how: speak } } ] }
        listen: { target: a, on_success: part, activities: [ call_operation: keeping.meet ] }
        part: { target: a, activities: [ call_operation: keeping.shout ] }
""",
    )
    os.mkfifo(machine.paths.state / "notes" / "pipe")
    assert run(machine, "meeting").state == "done"
    assert did(machine, "a-0") == ["shout quiet"]


def test_t149_a_filter_chooses_among_the_targets(machine: Machine) -> None:
    deploy(
        machine,
        """
    some:
      steps:
        only: { target: all, filter: [ { $equal: [ { $get_property: [ SELF, text ] }, bee ] } ],
          activities: [ call_operation: keeping.shout, inline: one ], on_success: last }
        last: { target: a, activities: [ call_operation: keeping.measure ] }
    one: { steps: { it: { target: a, activities: [ set_state: met ] } } }
""",
    )
    ended = run(machine, "some")
    assert ended.state == "done", ended.problems
    assert set(states(ended)) == {"only/all", "only/all/it/a", "last/a"}
    assert did(machine, "a-0") == ["measure"]
    assert did(machine, "b-0") == did(machine, "b-1") == ["shout quiet"]


def test_t150_deploying_is_delegated(machine: Machine) -> None:
    deploy(
        machine,
        """
    renew:
      steps:
        down: { target: b, activities: [ delegate: undeploy ], on_success: up }
        up: { target: b, activities: [ delegate: deploy ] }
""",
    )
    assert run(machine, "renew").state == "done"
    assert did(machine, "b-1") == ["stop", "delete", "create", "start"]
    assert did(machine, "a-0") == []


@pytest.mark.parametrize(
    ("workflow", "message", "place"),
    [
        (
            "w: { steps: { x: { target: a, activities: [ delegate: scale ] } } }",
            "there is no workflow 'scale' to delegate to",
            "57:5",
        ),
        (
            "w: { steps: { x: { target: a, activities: [ inline: w ] } } }",
            "the workflows inline each other in a circle (w -> w)",
            "57:49",
        ),
        (
            "w: { steps: { x: { target: a, activities: [], on_failure: x } } }",
            "the steps lead to each other in a circle (x -> x)",
            "57:22",
        ),
    ],
)
def test_t151_what_cannot_be_run_is_refused_with_its_place(
    machine: Machine, workflow: str, message: str, place: str
) -> None:
    with pytest.raises(model.Refused) as caught:
        deploy(machine, f"    {workflow}")
    (problem,) = (one for one in caught.value.problems if one.severity == "error")
    assert message in problem.message
    assert problem.where == f"service.yaml:{place}"


TRIGGERS = """
  policies:
  - care:
      type: Care
      targets: [ b ]
      triggers:
        greet:
          event: visited
          condition: { $equal: [ { $get_property: [ SELF, text ] }, bee ] }
          action:
          - call_operation: { operation: keeping.shout, inputs: { word: hey } }
          - set_state: greeted
          - inline: { workflow: clean, inputs: { word: swept } }
        never:
          event: visited
          condition: { $equal: [ { $get_property: [ SELF, text ] }, other ] }
          action: [ call_operation: keeping.measure ]
"""


def test_t155_triggers_act(machine: Machine) -> None:
    """T116, T155, R82: conditions decide; operations are called and workflows begin, at the target that was told."""
    deploy(
        machine,
        """
    clean:
      inputs: { word: { type: string } }
      steps:
        it: { target: a,
          activities: [ call_operation: { operation: keeping.shout, inputs: { word: { $get_input: word } } } ] }
""",
        TRIGGERS,
    )
    conductor = machine.running.conductor
    feed = conductor.events(ME, after=0, follow=True)
    conductor.emit(ME, "visited", service=SERVICE, node="b-1")
    for event in feed:
        if event.kind == "execution" and event.name == "clean-done":
            break
    assert did(machine, "b-1") == ["shout hey"]
    assert did(machine, "b-0") == []
    assert did(machine, "a-0") == ["shout swept"]
    nodes = {node.name: node.state for node in conductor.service(ME, SERVICE).nodes}
    assert nodes["b-1"] == "greeted"


def test_t152_one_after_the_other(machine: Machine) -> None:
    """A workflow is refused while another one runs; the events tell its steps."""
    deploy(
        machine,
        """
    hold: { steps: { x: { target: a, activities: [ call_operation: keeping.meet ] } } }
""",
    )
    pipe: Path = machine.paths.state / "notes" / "pipe"
    os.mkfifo(pipe)
    conductor = machine.running.conductor
    going = conductor.run(ME, SERVICE, "hold", {})
    (busy,) = refused(machine, "hold")
    assert (busy.code, busy.message) == ("service-busy", "s: hold is going on")
    assert conductor.service(ME, SERVICE).state is model.ServiceState.UPDATING
    pipe.write_text("go\n")
    assert machine.wait(going).state == "done"
    told = [event for event in conductor.events(ME, service=SERVICE, after=0) if event.kind == "step"]
    last = told[-1].data
    assert isinstance(last, dict)
    assert (told[-1].node, told[-1].name, last["step"]) == ("a", "done", "x/a")


def test_t155_a_workflow_of_a_trigger_waits_for_its_turn(machine: Machine) -> None:
    """What an event asks for is not lost because another workflow is going on."""
    deploy(
        machine,
        """
    hold: { steps: { x: { target: a, activities: [ call_operation: keeping.meet ] } } }
    clean:
      inputs: { word: { type: string } }
      steps:
        it: { target: a,
          activities: [ call_operation: { operation: keeping.shout, inputs: { word: { $get_input: word } } } ] }
""",
        TRIGGERS,
    )
    pipe: Path = machine.paths.state / "notes" / "pipe"
    os.mkfifo(pipe)
    conductor = machine.running.conductor
    going = conductor.run(ME, SERVICE, "hold", {})
    feed = conductor.events(ME, after=0, follow=True)
    conductor.emit(ME, "visited", service=SERVICE, node="b-0")
    told: list[str] = []
    for event in feed:
        if event.kind == "execution":
            told.append(event.name)
        if event.name == "clean-waiting":
            assert conductor.execution(ME, going.id).state == "running"
            pipe.write_text("go\n")
        if event.name == "clean-done":
            break
    assert told[-4:] == ["clean-waiting", "hold-done", "clean-running", "clean-done"]
    assert did(machine, "a-0") == ["shout swept"]
