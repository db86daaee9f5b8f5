"""Services of TOSCA 1.x on this machine: nodes know who and where they are, and what state they are in (R86)."""

import io
import zipfile
from typing import Any

import pytest

from khutulun import model
from khutulun.testing.machine import ME, Machine

SERVICE = """tosca_definitions_version: tosca_simple_yaml_1_3
topology_template:
  node_templates:
    here: { type: Compute }
    there: { type: Compute, attributes: { private_address: 10.1.2.3 } }
    web:
      type: WebServer
      requirements: [ host: here ]
      capabilities: { data_endpoint: { properties: { port: 80 } } }
  workflows:
    rest:
      preconditions: [ { target: web, condition: [ { state: [ equal: started ] } ] } ]
      steps: { only: { target: web, activities: [ set_state: resting ] } }
  outputs:
    here: { value: { get_attribute: [ here, private_address ] } }
    there:
      value:
        concat: [ { get_attribute: [ there, private_address ] }, " ", { get_attribute: [ there, public_address ] } ]
    web: { value: { get_attribute: [ web, data_endpoint, ip_address ] } }
    name: { value: { get_attribute: [ web, tosca_name ] } }
    state: { value: { get_attribute: [ web, state ] } }
"""


def archive(text: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("service.yaml", text)
    return content.getvalue()


def outputs(machine: Machine, name: str) -> dict[str, Any]:
    found = machine.running.conductor.service(ME, name).outputs
    return {key: one.value for key, one in found.items()}


def test_r86_nodes_know_where_they_are_and_how(machine: Machine) -> None:
    conductor = machine.running.conductor
    deployed = conductor.deploy(ME, model.DeployRequest("s", conductor.upload(ME, archive(SERVICE)), inputs={}))
    ended = machine.wait(deployed)
    assert ended.state == "done", ended.problems
    assert outputs(machine, "s") == {
        "here": "127.0.0.1",
        "there": "10.1.2.3 127.0.0.1",
        "web": "127.0.0.1",
        "name": "web",
        "state": "started",
    }
    ended = machine.wait(conductor.run(ME, "s", "rest", {}))
    assert ended.state == "done", ended.problems
    assert outputs(machine, "s")["state"] == "resting"
    assert machine.wait(conductor.undeploy(ME, "s")).state == "done"


def test_r86_what_is_wrong_with_a_template_is_said_in_its_words(machine: Machine) -> None:
    conductor = machine.running.conductor
    wrong = conductor.upload(ME, archive(SERVICE.replace("host: here", "host: her")))
    with pytest.raises(model.Refused) as refused:
        conductor.deploy(ME, model.DeployRequest("s", wrong, inputs={}))
    (problem,) = refused.value.problems
    assert problem.code == "unknown-node"
    assert "service.yaml:8" in problem.where
