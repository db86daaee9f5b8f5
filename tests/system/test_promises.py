"""What Khutulun promises about the machine it runs on, looked at with that machine's own tools."""

import time
from pathlib import Path, PurePosixPath

import pytest
from testbed.bare import Bare
from testbed.host import Host
from testbed.installation import HELLO, Installation
from testbed.machine import Machine

DRIVERS = {file.parent.name for file in Path(__file__).parents[2].glob("plugins/*/plugin.py")}
WEB = "khutulun-hello-web-0.service"
FOLDERS = ["/var/lib/khutulun", "/run/khutulun"]
STORE = "/var/lib/khutulun/floria"

PORTS = """\
tosca_definitions_version: tosca_2_0
imports: [{profile: khutulun:1.0}]
service_template:
  inputs:
    number: {type: integer}
  node_templates:
    http:
      type: Port
      properties:
        number: {$get_input: number}
    web:
      type: Process
      properties:
        command: [sleep, infinity]
      requirements:
        - port: http
      interfaces:
        on:
          operations:
            target-changed: moved.sh
"""

NETWORK = {
    "interfaces": "ls /sys/class/net",
    "addresses": "cat /proc/net/fib_trie /proc/net/if_inet6",
    "routes": "cat /proc/net/route; cut -d' ' -f1-5,10 /proc/net/ipv6_route",
    "bridges": "ls -d /sys/class/net/*/bridge 2>/dev/null; true",
    "listening": "cat /proc/net/tcp /proc/net/tcp6 | awk '$4 == \"0A\" {print $2}'",
    "datagrams": "cat /proc/net/udp /proc/net/udp6 | awk '/:/ {print $2}'",
}
"""What a machine's network is, in words that change only when it does."""


def network(machine: Machine) -> dict[str, set[str]]:
    return {what: set(machine.run(["sh", "-c", script]).stdout.splitlines()) for what, script in NETWORK.items()}


def clean(host: Host) -> None:
    host.run(["rm", "-rf", *FOLDERS])


@pytest.mark.host
def test_r23_host_networking_makes_nothing(host: Host) -> None:
    """R23: no interface, address, bridge or route; the one thing that listens is the workload at its reserved port."""
    with Installation(host).serving() as khutulun:
        before = network(host)
        khutulun.run("service", "deploy", HELLO)
        url = khutulun.json("service", "outputs", "hello")["url"]["value"]
        after = network(host)
        khutulun.run("service", "undeploy", "hello")
    port = f"{int(PurePosixPath(url.rstrip('/')).name.rpartition(':')[2]):04X}"
    new = {what: found - before[what] for what, found in after.items() if found - before[what]}
    assert new == {"listening": {f"0100007F:{port}"}}
    assert network(host) == before
    clean(host)


@pytest.mark.host
def test_r61_what_an_administrator_does_is_told_and_not_undone(host: Host) -> None:
    """R61, R62: stopped by hand, a workload stays stopped; that is an event, and on demand a difference."""
    with Installation(host).serving() as khutulun:
        khutulun.run("service", "deploy", HELLO)
        host.run(["systemctl", "stop", WEB])
        told = khutulun.wait_for_event("hello", "stopped")
        assert told["node"] == "web"
        differences = khutulun.run("service", "validate", "hello", check=False)
        assert differences.status != 0
        assert "web" in differences.stdout
        shown = {node["name"]: node["state"] for node in khutulun.json("service", "show", "hello")["nodes"]}
        assert shown["web"] == "stopped"
        assert host.run(["systemctl", "is-active", WEB], check=False).stdout.strip() == "inactive"
        host.run(["systemctl", "start", WEB])
        khutulun.wait_for_event("hello", "ready", after=told["position"])
        assert khutulun.run("service", "validate", "hello").stdout.strip() == "no differences"
        khutulun.run("service", "undeploy", "hello")
    clean(host)


@pytest.mark.host
def test_r61_what_happened_while_khutulun_was_off_is_told_at_its_next_start(host: Host) -> None:
    with Installation(host).serving() as khutulun:
        khutulun.run("service", "deploy", HELLO)
    host.run(["systemctl", "stop", WEB])
    with Installation(host).serving() as khutulun:
        told = khutulun.wait_for_event("hello", "stopped")
        assert told["data"]["detail"]["missed"] is True
        assert host.run(["systemctl", "is-active", WEB], check=False).stdout.strip() == "inactive"
        khutulun.run("service", "undeploy", "hello")
    clean(host)


@pytest.mark.system
def test_r21_who_uses_a_port_is_told_when_it_changes(bare: Bare) -> None:
    """R21, R40: the event arrives at the client's node, whose script gets the new number."""
    bare.write("/root/ports/service.yaml", PORTS)
    bare.write("/root/ports/moved.sh", "cat >/tmp/moved.json\n")
    with Installation(bare).serving() as khutulun:
        khutulun.run("service", "deploy", "/root/ports/service.yaml", "--name", "ports", "--input", "number=18081")
        khutulun.run("service", "update", "ports", "--input", "number=18082")
        handled = khutulun.wait_for_event("ports", "target-changed", "handling")
        assert (handled["node"], handled["data"]["status"]) == ("web", "done")
        assert "18082" in bare.read("/tmp/moved.json")
        khutulun.run("service", "undeploy", "ports")


@pytest.mark.system
def test_r60_an_idle_server_sleeps(bare: Bare) -> None:
    """R60: not one of its threads is woken for five seconds on end, once what was done has come to rest."""
    with Installation(bare).serving() as khutulun:
        khutulun.run("service", "deploy", HELLO)
        server = bare.read(f"{FOLDERS[0]}/lock").strip()
        count = f"cat /proc/{server}/task/*/status | awk '/ctxt_switches/ {{sum += $2}} END {{print sum}}'"
        counts = [-1, -2]
        while counts[-1] != counts[-2]:
            time.sleep(5)  # what is measured
            counts.append(int(bare.run(["sh", "-c", count]).stdout))
            assert len(counts) < 30, counts
        khutulun.run("service", "undeploy", "hello")


@pytest.mark.system
def test_r78_a_running_server_is_backed_up_and_restored_elsewhere(bare: Bare) -> None:
    """R78, R63: one command each; the other server shows the same services, as they were."""
    with Installation(bare).serving() as khutulun:
        khutulun.run("service", "deploy", HELLO)
        bare.run(["floria", "--store", STORE, "backup", "/root/hello.backup"])
        shown = khutulun.json("service", "show", "hello")
        history = khutulun.run("history", "hello", "--script").stdout
        khutulun.run("service", "undeploy", "hello")
    bare.run(["rm", "-rf", *FOLDERS])
    bare.run(["mkdir", "-p", "/var/lib/khutulun"])
    bare.run(["floria", "--store", STORE, "restore", "/root/hello.backup"])
    with Installation(bare).serving() as khutulun:
        assert khutulun.json("service", "show", "hello") == shown
        assert khutulun.run("history", "hello", "--script").stdout == history
        khutulun.run("service", "undeploy", "hello")


@pytest.mark.system
def test_r30_built_in_drivers_are_components_like_any_other(bare: Bare) -> None:
    """R30: each is a Wasm component, which can do nothing but what its grants say."""
    with Installation(bare).serving() as khutulun:
        built_in = [plugin for plugin in khutulun.json("plugin", "list") if plugin["builtin"]]
        assert {plugin["name"] for plugin in built_in} == DRIVERS
        assert {plugin["carrier"] for plugin in built_in} == {"wasm"}
        assert all(plugin["digest"].startswith("sha256:") for plugin in built_in)
