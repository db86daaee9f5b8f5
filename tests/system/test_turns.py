"""What comes together at one node comes one after the other, on real processes, units and others (R44, R94, T155)."""

import contextlib
import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from testbed import checkout
from testbed.bare import Bare
from testbed.host import Host
from testbed.installation import Installation
from testbed.machine import Machine, Process

FOLDER = "/srv/turns"
GATE, SAID = f"{FOLDER}/gate", f"{FOLDER}/said"
UNIT = "khutulun-t-web-0"
SUPERVISOR = ["khutulun-supervisor", "--folder", "/var/lib/khutulun/supervisor"]
SERVICE = """
tosca_definitions_version: tosca_2_0
imports: [ { profile: "khutulun:1.0" } ]
interface_types:
  Keeping: { operations: { hold: {}, note: {}, ask: {} } }
policy_types:
  Keeps: {}
node_types:
  Server:
    derived_from: Process
    interfaces:
      keeping:
        type: Keeping
        operations: { hold: scripts/hold.sh, note: scripts/note.sh, ask: scripts/ask.sh }
service_template:
  node_templates:
    web:
      type: Server
      properties:
        command: [ sh, -c, 'echo up && exec sleep 1000' ]
        restart: { policy: never }
        readiness: { log: up, timeout: 60 s }
  policies:
    - heals: { type: Keeps, targets: [ web ], triggers: { broken: { event: failed, action: [ delegate: heal ] } } }
  workflows:
    hold: { steps: { it: { target: web, activities: [ call_operation: keeping.hold ] } } }
"""
SCRIPTS = {
    "hold.sh": f"read line <{GATE}",
    "note.sh": f"echo noted >>{SAID}",
    "ask.sh": f"{checkout.VENV}/bin/khutulun call t/web keeping.note",
}


@contextlib.contextmanager
def gate(machine: Machine) -> Iterator[Process]:
    """Have an operation that waits at the gate; a line lets it go on."""
    script = f"exec 3>{GATE}; echo open; read line; echo go >&3"
    with machine.popen(["sh", "-c", script], stdin=subprocess.PIPE) as opened:
        assert opened.read_line() == "open\n"
        yield opened


@contextlib.contextmanager
def mortal(machine: Machine) -> Iterator[Process]:
    """Have a server that is killed in the end."""
    with machine.popen(["khutulun", "serve"], stderr=subprocess.DEVNULL) as server:
        while "serving at" not in (line := server.read_line()):
            assert line
        yield server
        server.signal(signal.SIGKILL)
        server.wait()


def told(khutulun: Installation, after: int, kind: str, name: str) -> dict[str, Any]:
    """Return the first of that name after a position, now or as soon as it comes."""
    argv = ["khutulun", "events", "-f", "--after", str(after), "--output", "json"]
    with khutulun.machine.popen(argv) as following:
        while line := following.read_line():
            event: dict[str, Any] = json.loads(line)
            if (event["kind"], event["name"]) == (kind, name):
                return event
    raise AssertionError(f"the events ended without {name}")


def tell(machine: Machine, alive: Callable[[], str]) -> None:
    """Have a program call its own node, kill the server while a heal waits, and undeploy what is to be healed."""
    khutulun = Installation(machine)
    for name, text in ({"service.yaml": SERVICE} | {f"scripts/{name}": text for name, text in SCRIPTS.items()}).items():
        machine.write(f"{FOLDER}/{name}", text)
    machine.run(["mkfifo", GATE])
    with mortal(machine):
        khutulun.run("service", "deploy", f"{FOLDER}/service.yaml", "--name", "t")
        khutulun.run("call", "t/web", "keeping.ask")
        assert machine.read(SAID) == "noted\n"
        before = alive()
        khutulun.run("service", "run", "t", "hold", "--no-wait")
        opened = contextlib.ExitStack()
        holding = opened.enter_context(gate(machine))
        machine.run(["kill", "-KILL", before])
        told(khutulun, 0, "event", "failed")
    with opened, khutulun.serving():
        assert alive() == "", "it waits for the end of the operation that is under way"
        holding.communicate("\n")
        healed = told(khutulun, 0, "handling", "failed")
        assert (healed["data"]["status"], healed["data"]["result"]) == ("done", ["heal"])
        again = alive()
        assert again not in ("", before)
        with machine.popen(["khutulun", "call", "t/web", "keeping.hold"]) as call, gate(machine) as holding:
            khutulun.run("service", "undeploy", "t", "--no-wait")
            machine.run(["kill", "-KILL", again])
            told(khutulun, healed["position"], "event", "failed")
            holding.communicate("\n")
            assert call.wait() == 0
        overtaken = told(khutulun, healed["position"], "handling", "failed")
        assert overtaken["data"]["status"] == "done"
        assert overtaken["data"]["result"][0].startswith("nothing to do: web "), overtaken
        told(khutulun, healed["position"], "execution", "undeploy-done")
        assert alive() == ""
        assert khutulun.json("service", "list") == []


@pytest.mark.host
def test_r94_t155_one_after_the_other_at_a_unit(fresh_host: Host) -> None:
    """R44 R94 T155 on a host with systemd."""

    def alive() -> str:
        shown = fresh_host.run(["systemctl", "show", "--property=MainPID", "--value", UNIT]).stdout.strip()
        return "" if shown == "0" else shown

    tell(fresh_host, alive)


@pytest.mark.system
def test_r94_t155_one_after_the_other_at_a_process_without_systemd(bare: Bare) -> None:
    """R44 R94 T155 on the machine as it is."""

    def alive() -> str:
        shown = bare.run([*SUPERVISOR, "show", UNIT], check=False)
        pid = json.loads(shown.stdout).get("pid") if shown.status == 0 else 0
        return str(pid or "")

    tell(bare, alive)
