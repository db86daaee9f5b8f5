"""In which order processes come back when the machine restarts: a whole server, a booted host, everyday tools (R51)."""

from typing import Any

import pytest
from testbed.installation import Installation

pytestmark = pytest.mark.host

BASE, WEB, FILL = (f"khutulun-o-{name}-0.service" for name in ("base", "web", "fill"))
UNITS = "/etc/systemd/system"
MINE = "mine.service"
MINE_UNIT = """[Service]
Type=notify
NotifyAccess=all
TimeoutStartSec=10min
ExecStart=/bin/sh -c 'sleep 1; systemd-notify --ready; exec sleep infinity'

[Install]
WantedBy=multi-user.target
"""
SERVICE = """tosca_definitions_version: tosca_2_0
imports: [ profile: "khutulun:1.0" ]
service_template:
  node_templates:
    own: { type: Unit, properties: { existing: mine.service } }
    base:
      type: Process
      properties:
        command: [ /bin/sh, -c, "sleep 1; systemd-notify --ready; exec sleep infinity" ]
        readiness: { notify: true, timeout: 10 min }
    fill:
      type: Job
      properties: { command: [ /usr/bin/touch, /run/filled ] }
      requirements: [ dependency: base ]
    web:
      type: Process
      properties: { command: [ /bin/sleep, infinity ] }
      requirements: REQUIREMENTS
"""


def shown(host: Any, unit: str, name: str) -> str:
    return str(host.run(["systemctl", "show", f"--property={name}", "--value", unit]).stdout.strip())


def when(host: Any, unit: str, name: str) -> int:
    return int(shown(host, unit, f"{name}TimestampMonotonic"))


def test_r21_r51_r52_r61_what_is_required_is_up_before_what_requires_it_after_a_reboot(fresh_host: Any) -> None:
    host = fresh_host
    host.write(f"{UNITS}/{MINE}", MINE_UNIT)
    host.run(["systemctl", "enable", "--now", MINE])
    file = "/root/service.yaml"
    host.write(file, SERVICE.replace("REQUIREMENTS", "[ dependency: fill, dependency: own ]"))
    first = f"{BASE} {MINE}"
    with Installation(host).serving() as khutulun:
        plan = khutulun.run("service", "plan", file, "--name", "o", "--output", "json", check=False).stdout
        assert f"After={first}" in plan
        khutulun.run("service", "deploy", file, "--name", "o")
        assert f"\nWants={first}\nAfter={first}\n" in host.read(f"{UNITS}/{WEB}")
        assert {BASE, MINE} <= set(shown(host, WEB, "After").split())
        assert FILL not in shown(host, WEB, "After")
        listed = host.run(["systemctl", "list-dependencies", "--plain", WEB]).stdout.split()
        assert {BASE, MINE} <= set(listed)
        script = khutulun.run("history", "o", "--script").stdout
        assert f"After={first}" in script
        assert khutulun.run("service", "validate", "o").stdout.strip() == "no differences"

    host.reboot()
    host.run(["systemctl", "is-system-running", "--wait"], check=False)
    for required in (BASE, MINE):
        assert 0 < when(host, required, "ActiveEnter") <= when(host, WEB, "ExecMainStart")
    assert not host.exists("/run/filled"), "a job has had its run"

    with Installation(host).serving() as khutulun:
        pid = shown(host, WEB, "MainPID")
        host.run(["sed", "-i", "/^After=/d", f"{UNITS}/{WEB}"])
        found = khutulun.run("service", "validate", "o", check=False).stdout
        assert "After" in found
        assert "Wants" not in found
        khutulun.run("call", "o/web", "lifecycle.update")
        assert BASE in shown(host, WEB, "After")

        host.write(file, SERVICE.replace("REQUIREMENTS", "[ dependency: own ]"))
        khutulun.run("service", "update", "o", file)
        assert shown(host, WEB, "Wants").split() == [MINE]
        assert BASE not in shown(host, WEB, "After")
        assert shown(host, WEB, "MainPID") == pid, "for this nothing is restarted"
        assert khutulun.run("service", "validate", "o").stdout.strip() == "no differences"
        khutulun.run("service", "undeploy", "o")
    assert shown(host, MINE, "ActiveState") == "active"
