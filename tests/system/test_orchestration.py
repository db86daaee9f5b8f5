"""What TOSCA leaves to the orchestrator, on real processes, units and others (R45, T144, T146, T149, T152, T155)."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from testbed.bare import Bare
from testbed.host import Host
from testbed.installation import Installation
from tests.system import orchestration

PROPERTIES = """\
command:
  type: list
  entry_schema: string
  default: [ sh, -c, 'test "$VERSION" != broken && echo up && exec sleep 1000' ]
restart: { type: Restart, default: { policy: never } }
readiness: { type: Readiness, required: true, default: { log: up, timeout: 120 s } }
"""
SUPERVISOR = ["khutulun-supervisor", "--folder", "/var/lib/khutulun/supervisor"]


def _unit(name: str) -> str:
    return f"khutulun-o-{name if name[-1].isdigit() else f'{name}-0'}"


def _processes(machine: Any, alive: Callable[[str], str]) -> orchestration.Kind:
    """Servers as processes; `alive` says their process ids."""
    return orchestration.Kind(
        base="Process",
        imports=("profile: khutulun:1.0",),
        properties=PROPERTIES,
        alive=alive,
        kill=lambda name: machine.run(["kill", "-KILL", alive(name)]) and None,
    )


@pytest.mark.host
def test_orchestration_of_units(fresh_host: Host) -> None:
    """R45 T144 T146 T149 T152 T155 on a host with systemd."""

    def alive(name: str) -> str:
        shown = fresh_host.run(["systemctl", "show", "--property=MainPID", "--value", _unit(name)]).stdout.strip()
        return "" if shown == "0" else shown

    with Installation(fresh_host).serving() as khutulun:
        orchestration.tell(orchestration.Stage(khutulun, _processes(fresh_host, alive)))


@pytest.mark.system
def test_orchestration_of_processes_without_systemd(bare: Bare) -> None:
    """R45 T144 T146 T149 T152 T155 on the machine as it is."""

    def alive(name: str) -> str:
        shown = bare.run([*SUPERVISOR, "show", _unit(name)], check=False)
        pid = json.loads(shown.stdout).get("pid") if shown.status == 0 else 0
        return str(pid or "")

    with Installation(bare).serving() as khutulun:
        orchestration.tell(orchestration.Stage(khutulun, _processes(bare, alive)))
