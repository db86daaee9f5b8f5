"""What TOSCA leaves to the orchestrator, on real containers (R45, T144, T146, T149, T152, T155)."""

from typing import Any

import pytest
from testbed.installation import Installation
from tests.system import orchestration

pytestmark = pytest.mark.host

PROPERTIES = """\
image: { type: string, required: true, default: localhost/base:1 }
command:
  type: list
  entry_schema: string
  default: [ sh, -c, 'test "$VERSION" != broken && echo up && exec sleep 1000' ]
stop: { type: Stop, default: { timeout: 1 s } }
restart: { type: Restart, default: { policy: never } }
readiness: { type: containers:ContainerReadiness, required: true, default: { log: up, timeout: 120 s } }
"""


def test_orchestration_of_containers(engine: Any) -> None:
    """R45 T144 T146 T149 T152 T155 with Podman."""

    def inspect(name: str, format: str) -> str:
        container = f"o-{name if name[-1].isdigit() else f'{name}-0'}"
        found = engine.run(["podman", "inspect", f"--format={format}", container], check=False)
        return str(found.stdout).strip()

    def alive(name: str) -> str:
        return inspect(name, "{{if .State.Running}}{{.Id}} {{.State.Pid}}{{end}}")

    def kill(name: str) -> None:
        engine.run(["kill", "-KILL", inspect(name, "{{.State.Pid}}")])

    imports = (
        "profile: khutulun:1.0",
        '{ profile: "khutulun.containers:1.0", namespace: containers }',
        '{ profile: "khutulun.podman:1.0", namespace: podman }',
    )
    with Installation(engine).serving() as khutulun:
        kind = orchestration.Kind("podman:Container", imports, PROPERTIES, alive, kill)
        orchestration.tell(orchestration.Stage(khutulun, kind))
