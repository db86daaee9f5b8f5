"""A full disk below the state folder: everything fails clearly, the server lives, and goes on when there is space."""

from pathlib import Path

import pytest
from testbed.bare import Bare
from tests.bad_input import refusals
from tests.bad_input.served import Served
from tests.bad_input.test_designs import HEAD

STATE = "/srv/state"
BALLAST = f"{STATE}/ballast"
MOUNT = f"mkdir -p {STATE} && mount -t tmpfs -o size=160m,mode=755 tmpfs {STATE}"
FILL = f"dd if=/dev/zero of={BALLAST} bs=4k 2>/dev/null; :"

LARGE = "mkdir /srv/design/scripts; { echo :; head -c 3000000 /dev/urandom | base64 | sed 's/^/#/'; }"
LARGE += " >/srv/design/scripts/large.sh"

DESIGN = f"""{HEAD}
service_template:
  inputs: {{ text: {{ type: string, default: a }} }}
  node_templates:
    a:
      type: Process
      properties: {{ command: [ sleep, "1000" ], environment: {{ TEXT: {{ $get_input: text }} }} }}
    b:
      type: Task
      interfaces: {{ lifecycle: {{ operations: {{ start: {{ implementation: scripts/large.sh }} }} }} }}
"""


@pytest.fixture
def full(bare: Bare, log: Path) -> Served:
    """A machine whose state folder is a small disk, with a design to deploy."""
    bare.run(["sh", "-c", MOUNT])
    bare.write("/srv/design/service.yaml", DESIGN)
    bare.run(["sh", "-c", LARGE])
    return Served(bare, STATE, log)


@pytest.mark.system
def test_a_full_disk_is_told_and_what_was_begun_goes_on_when_there_is_space(full: Served) -> None:
    machine = full.machine
    machine.run(["sh", "-c", FILL])
    refusals.check(machine.run(["khutulun", "serve", "--user", "--state", STATE], check=False), STATE, hint="space")
    machine.run(["rm", BALLAST])
    with full.up():
        full.do("service", "deploy", "/srv/design/service.yaml", "--name", "before")
        machine.run(["sh", "-c", FILL])
        refusals.check(
            full.run("service", "deploy", "/srv/design/service.yaml", "--name", "x"), "the disk is full", hint="space"
        )
        refusals.check(
            full.run("service", "update", "before", "--input", "text=b"), "the disk is full", hint="free some space"
        )
        refusals.check(full.run("service", "undeploy", "before"), "the disk is full", hint="free some space")
        refusals.check(full.run("event", "emit", "boo", "before"), "the disk is full", hint="free some space")
        assert [one["name"] for one in full.json("service", "list")] == ["before"]
        assert full.json("service", "show", "before")["state"] == "running"
        machine.run(["rm", BALLAST])
        full.do("service", "deploy", "/srv/design/service.yaml", "--name", "x")
        full.do("service", "undeploy", "x")
        full.do("service", "undeploy", "before")
        assert full.json("service", "list") == []


FILLING = f"""{HEAD}
service_template:
  node_templates:
    a:
      type: Task
      interfaces: {{ lifecycle: {{ operations: {{ start: fill.sh }} }} }}
    b:
      type: Process
      properties: {{ command: [ sleep, "1000" ] }}
      requirements: [ dependency: a ]
"""


@pytest.mark.system
def test_a_disk_that_fills_up_in_the_middle_of_a_deploy_holds_it_up_until_there_is_space(full: Served) -> None:
    machine = full.machine
    machine.run(["sh", "-c", "mkdir /srv/filling; cat >/srv/filling/service.yaml"], input=FILLING)
    machine.run(
        ["sh", "-c", "cat >/srv/filling/fill.sh"], input=f"[ -e /srv/filled ] || {{ :>/srv/filled; {FILL}; }}\n"
    )
    with full.up():
        full.do("service", "deploy", "/srv/filling/service.yaml", "--name", "x", "--no-wait")
        full.wait_for_log("waits: ")
        assert full.json("service", "list")[0]["state"] == "deploying"
        machine.run(["rm", BALLAST])
        full.wait_for_event("x", "deploy-done")
        full.do("service", "undeploy", "x")
