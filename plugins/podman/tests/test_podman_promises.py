"""What a user is promised of containers, with all of Khutulun on a booted host (R7, R13, R54, R60, R105, T172)."""

import base64
import json
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from testbed.installation import Installation

pytestmark = pytest.mark.host

VALUE = "correct-horse-battery-staple"
NEXT = 'another-horse, another "battery" $5'
PASSWORD = "right-horse-42"
HASHED = "ada:$2y$04$abcdefghijklmnopqrstuupKo7P.ymPs3ciY0kLCCCnY9mrk7i8sG\n"
REGISTRY = """version: 0.1
storage: {filesystem: {rootdirectory: /srv/registry}}
http: {addr: "127.0.0.1:5008"}
log: {level: error}
auth: {htpasswd: {realm: test, path: /srv/passwords}}
"""
HEAD = """
tosca_definitions_version: tosca_2_0
imports:
  - profile: khutulun:1.0
  - { profile: khutulun.podman:1.0, namespace: podman }
service_template:
  node_templates:
"""
LEFT = """
podman ps --all --format 'container {{.Names}}'; podman pod ps --format 'pod {{.Name}}'
podman secret ls --format 'secret {{.Name}}'; ls /var/lib/khutulun/podman 2>/dev/null
find /etc/containers/systemd -name 'khutulun-*'
ls /run/khutulun | grep '[.]auth'
systemctl list-units --all --plain --no-legend 'khutulun-*-0.service'
"""


@pytest.fixture(scope="module")
def khutulun(engine: Any) -> Iterator[Installation]:
    """A server on a host whose Podman is ready."""
    with Installation(engine).serving() as made:
        yield made


def describe(machine: Any, name: str, nodes: str) -> str:
    """Write a service; return its file."""
    file = f"/srv/{name}.yaml"
    machine.write(file, HEAD + nodes)
    return file


def set_secret(khutulun: Installation, name: str, value: str) -> None:
    khutulun.machine.run(["khutulun", "secret", "set", name], input=value)


def left(machine: Any, service: str) -> list[str]:
    """Return what is on the host of a service."""
    lines = machine.run(["sh", "-c", LEFT], check=False).stdout.splitlines()
    return [line for line in lines if service in line]


def seen(khutulun: Installation, service: str, *containers: str) -> str:
    """Return everything that users of the machine and of Khutulun are told."""
    machine = khutulun.machine
    told = [khutulun.run("service", "show", service), khutulun.run("history", service, "--script")]
    told += [khutulun.run("history", service, "--output", "json"), khutulun.run("service", "events", service)]
    told += [khutulun.run("service", "plan", f"/srv/{service}.yaml", "--name", service, check=False)]
    told += [machine.run(["journalctl", "--no-pager", "--output=json"]), machine.run(["ps", "-eo", "args"])]
    told += [machine.run(["podman", "inspect", *containers])]
    told += [machine.run(["systemctl", "show", "khutulun-*"], check=False)]
    return "\n".join(one.stdout + one.stderr for one in told)


def traces(machine: Any, value: str) -> list[str]:
    """Return the files that hold a value, without Podman's own; each with its permissions."""
    script = 'grep -rlF -- "$1" /etc /run /var /root 2>/dev/null | grep -v /containers/ | xargs -r stat -c "%a %n"'
    return str(machine.run(["sh", "-c", script, "sh", value], check=False).stdout).splitlines()


SECRETS = """
    {node}:
      type: podman:Container
      properties:
        image: localhost/base:1
        units: {units}
        command: [ sh, -c, 'echo started; exec sleep 1000' ]
        stop: {{ timeout: 1 s }}
        environment:
          OPEN: everybody
          DATABASE: {{ $concat: [ "db://me:", {{ $secret: [ database ] }}, "@localhost" ] }}
        files:
          /etc/key: {{ $concat: [ "key=", {{ $secret: [ database ] }} ] }}
          /etc/open: everybody
        secrets: [ {{ secret: database, variable: NAMED }}, {{ secret: database }} ]
"""
ASKED = 'printf "%s|%s|%s|%s|%s" "$DATABASE" "$(cat /etc/key)" "$NAMED" "$(cat /run/secrets/database)" "$OPEN"'


def test_r105_t172_secrets_reach_the_container_and_nobody_else(engine: Any, khutulun: Installation) -> None:
    nodes = {"unit": "auto", "plain": "never"}
    containers = [f"vault-{node}-0" for node in nodes]
    file = describe(engine, "vault", "".join(SECRETS.format(node=node, units=units) for node, units in nodes.items()))
    set_secret(khutulun, "database", VALUE)
    plan = khutulun.run("service", "plan", file, "--name", "vault", check=False)
    assert plan.status == 2
    assert VALUE not in plan.stdout + plan.stderr
    khutulun.run("service", "deploy", file, "--name", "vault")
    identities = {name: engine.run(["podman", "inspect", "--format={{.Id}}", name]).stdout for name in containers}
    for name in containers:
        told = engine.run(["podman", "exec", name, "sh", "-c", ASKED]).stdout
        assert told == f"db://me:{VALUE}@localhost|key={VALUE}|{VALUE}|{VALUE}|everybody"
    assert VALUE not in seen(khutulun, "vault", *containers)
    assert {one.split()[0][1:] for one in traces(engine, VALUE)} == {"00"}
    assert khutulun.run("service", "validate", "vault").stdout.strip() == "no differences"
    for node in nodes:
        khutulun.run("call", f"vault/{node}", "lifecycle.update")
    assert identities == {
        name: engine.run(["podman", "inspect", "--format={{.Id}}", name]).stdout for name in containers
    }

    set_secret(khutulun, "database", NEXT)
    khutulun.wait_for_event("vault", "secret-changed")
    for node in nodes:
        khutulun.run("call", f"vault/{node}", "lifecycle.update")
    for name in containers:
        told = engine.run(["podman", "exec", name, "sh", "-c", ASKED]).stdout
        assert told == f"db://me:{NEXT}@localhost|key={NEXT}|{NEXT}|{NEXT}|everybody"
    told = seen(khutulun, "vault", *containers)
    assert VALUE not in told
    assert NEXT not in told
    khutulun.run("service", "undeploy", "vault")
    assert left(engine, "vault") == []
    assert traces(engine, VALUE) == traces(engine, NEXT) == []


EXPOSED = """
    web:
      type: podman:Container
      properties:
        image: localhost/base:1
        command: [ echo, { $secret: [ database ] } ]
"""


def test_r105_a_secret_that_everybody_could_see_is_refused(engine: Any, khutulun: Installation) -> None:
    set_secret(khutulun, "database", VALUE)
    failed = khutulun.run("service", "deploy", describe(engine, "exposed", EXPOSED), "--name", "exposed", check=False)
    told = failed.stdout + failed.stderr
    assert failed.status == 1
    assert "a secret in command could be seen by every user of the machine" in told
    assert "put it into environment or files" in told
    assert VALUE not in told
    khutulun.run("service", "undeploy", "exposed")
    assert left(engine, "exposed") == []


PRIVATE = """
    named:
      type: podman:Container
      properties:
        image: 127.0.0.1:5008/app:1
        registry: { user: ada, password: registry-password, tls: false }
        command: [ sleep, "1000" ]
        stop: { timeout: 1 s }
        pull: always
    marked:
      type: podman:Container
      properties:
        image: 127.0.0.1:5008/app:1
        command: [ sleep, "1000" ]
        stop: { timeout: 1 s }
        pull: always
        units: never
        registry: { user: ada, password: { $secret: [ registry-password ] }, tls: false }
"""


def test_r105_t172_a_private_registry_takes_the_right_password_only(engine: Any, khutulun: Installation) -> None:
    engine.write("/srv/registry.yml", REGISTRY)
    engine.write("/srv/passwords", HASHED)
    engine.run(["systemd-run", "--quiet", "--unit=registry", "docker-registry", "serve", "/srv/registry.yml"])
    engine.run(["curl", "-sS", "--retry", "120", "--retry-connrefused", "--retry-delay", "1", "http://127.0.0.1:5008/"])
    known = base64.b64encode(f"ada:{PASSWORD}".encode()).decode()
    engine.write("/srv/auth.json", json.dumps({"auths": {"127.0.0.1:5008": {"auth": known}}}))
    push = ["podman", "push", "--quiet", "--tls-verify=false", "--authfile=/srv/auth.json"]
    engine.run([*push, "localhost/base:1", "127.0.0.1:5008/app:1"])
    file = describe(engine, "private", PRIVATE)
    set_secret(khutulun, "registry-password", "wrong-horse-42")
    failed = khutulun.run("service", "deploy", file, "--name", "private", check=False)
    told = failed.stdout + failed.stderr
    assert failed.status == 1
    assert "the registry refuses access" in told
    assert "check that the secret is right" in told
    assert "wrong-horse-42" not in told
    khutulun.run("service", "undeploy", "private")
    assert left(engine, "private") == []
    set_secret(khutulun, "registry-password", PASSWORD)
    khutulun.run("service", "deploy", file, "--name", "private")
    names = ["private-named-0", "private-marked-0"]
    shown = engine.run(["podman", "inspect", "--format={{.State.Status}}", *names]).stdout
    assert shown == "running\nrunning\n"
    told = seen(khutulun, "private", *names)
    assert PASSWORD not in told
    assert traces(engine, PASSWORD) == []
    khutulun.run("service", "undeploy", "private")
    assert left(engine, "private") == []
    engine.run(["systemctl", "stop", "registry"])


WATCHED = """
    web:
      type: podman:Container
      properties:
        image: localhost/base:1
        units: never
        restart: { policy: never }
        command: [ sh, -c, 'trap "exit 7" TERM; echo ready; while :; do sleep 0.05; done' ]
        readiness: { log: ready }
"""


def events_process(machine: Any) -> int:
    """Return the process that tells of containers."""
    return int(machine.run(["pgrep", "--full", "^podman events --format=json"]).stdout)


def names(khutulun: Installation, service: str) -> list[str]:
    """Return the names of what was told of the workloads of a service."""
    lines = khutulun.run("service", "events", service, "--output", "json").stdout.splitlines()
    return [one["name"] for one in map(json.loads, lines) if one["kind"] == "event"]


def test_r60_what_happens_while_the_stream_of_events_is_cut_is_told(engine: Any, khutulun: Installation) -> None:
    khutulun.run("service", "deploy", describe(engine, "watched", WATCHED), "--name", "watched")
    before = events_process(engine)
    engine.run(["kill", f"-{signal.SIGSTOP.value}", str(before)])
    engine.run(["podman", "stop", "watched-web-0"])
    engine.run(["kill", f"-{signal.SIGKILL.value}", str(before)])
    found = khutulun.wait_for_event("watched", "failed")
    assert "7" in str(found), found
    assert events_process(engine) != before
    engine.run(["podman", "start", "watched-web-0"])
    khutulun.wait_for_event("watched", "ready")
    assert names(khutulun, "watched").count("failed") == 1
    khutulun.run("service", "undeploy", "watched")
    assert left(engine, "watched") == []


NEVER = """
    {node}:
      type: podman:Container
      properties:
        image: localhost/base:1
        units: {units}
        command: [ sleep, "1000" ]
        stop: {{ timeout: 1 s }}
        {how}
"""
HEALTH = (
    "health: { command: [ 'false' ], interval: 1 s, retries: 1 }\n        readiness: { health: true, timeout: 2 s }"
)
NOTIFY = "readiness: { notify: true, timeout: 2 s }\n        init: true"  # else it does not end when systemd asks it to
UNHEALTHY, UNHEARD = "its health check does not succeed", "it did not notify in time that it is ready"
UNABLE = "readiness by notify needs a Quadlet file"


@pytest.mark.parametrize(
    ("units", "how", "why"),
    [
        ("auto", HEALTH, UNHEALTHY),
        ("never", HEALTH, UNHEALTHY),
        ("auto", NOTIFY, UNHEARD),
        ("never", NOTIFY, UNABLE),
    ],
)
def test_r13_what_is_never_ready_ends_in_a_fault_and_leaves_nothing(
    engine: Any, khutulun: Installation, units: str, how: str, why: str
) -> None:
    file = describe(engine, "never", NEVER.format(node="web", units=units, how=how))
    failed = khutulun.run("service", "deploy", file, "--name", "never", check=False)
    told = failed.stdout + failed.stderr
    assert failed.status == 1
    assert why in told, told
    assert "hint: " in told, told
    khutulun.run("service", "undeploy", "never")
    assert left(engine, "never") == []


NOTIFIES = """
    web:
      type: podman:Container
      properties:
        image: localhost/base:1
        command: [ sh, -c, 'sleep 1; touch /out/ready; systemd-notify --ready; exec sleep 1000' ]
        environment: { PATH: "/bin:/usr/bin" }
        mounts:
          - { path: /usr, folder: /usr, read_only: true }
          - { path: /lib, folder: /usr/lib, read_only: true }
          - { path: /lib64, folder: /usr/lib64, read_only: true }
          - { path: /out, folder: /srv }
        stop: { timeout: 1 s }
        readiness: { notify: true, timeout: 120 s }
"""


def test_r7_a_container_says_itself_that_it_is_ready(engine: Any, khutulun: Installation) -> None:
    khutulun.run("service", "deploy", describe(engine, "notifies", NOTIFIES), "--name", "notifies")
    assert engine.exists("/srv/ready")
    khutulun.run("service", "undeploy", "notifies")
    assert left(engine, "notifies") == []


POD = "\n    data: { type: podman:Pod }\n"


def test_r54_a_running_pod_is_adopted_as_it_is(engine: Any, khutulun: Installation) -> None:
    engine.run(["podman", "pod", "create", "--name=mine"])
    engine.run(["podman", "run", "--detach", "--pod=mine", "--name=inside", "localhost/base:1", "sleep", "1000"])
    asked = ["podman", "inspect", "--format={{.Id}} {{.State.Pid}}", "inside"]
    before = engine.run(asked).stdout
    khutulun.run("service", "deploy", describe(engine, "taken", POD), "--name", "taken", "--adopt", "data=mine")
    assert engine.run(asked).stdout == before
    assert khutulun.run("service", "validate", "taken").stdout.strip() == "no differences"
    khutulun.run("service", "undeploy", "taken")
    assert engine.run(["podman", "pod", "inspect", "--format={{.State}}", "mine"]).stdout == "Exited\n"
    engine.run(["podman", "pod", "rm", "--force", "--time=0", "mine"])
    assert left(engine, "taken") == []


NAMED = """
    web:
      type: podman:Container
      properties:
        image: localhost/base:1
        command: [ sleep, "1000" ]
        stop: { timeout: 1 s }
        secrets: [ { secret: by-name, variable: NAMED } ]
"""


def test_r105_who_asks_for_a_secret_by_its_name_is_told_when_it_changes(engine: Any, khutulun: Installation) -> None:
    set_secret(khutulun, "by-name", VALUE)
    khutulun.run("service", "deploy", describe(engine, "named", NAMED), "--name", "named")
    asked = ["podman", "exec", "named-web-0", "sh", "-c", 'echo "$NAMED"']
    assert engine.run(asked).stdout == f"{VALUE}\n"
    set_secret(khutulun, "by-name", NEXT)
    khutulun.wait_for_event("named", "secret-changed")
    khutulun.run("call", "named/web", "lifecycle.update")
    assert engine.run(asked).stdout == f"{NEXT}\n"
    assert VALUE not in seen(khutulun, "named", "named-web-0")
    khutulun.run("service", "undeploy", "named")
    assert left(engine, "named") == []


CHANGING = """
    web:
      type: podman:Container
      properties:
        image: localhost/base:1
        units: {units}
        command: [ sh, -c, 'if [ -e /srv/bad ] && [ "$WORD" = two ]; then exit 3; fi; echo ready; exec sleep 1000' ]
        environment: {{ WORD: {word} }}
        restart: {{ policy: never }}
        mounts: [ {{ path: /srv, folder: {folder} }} ]
        readiness: {{ log: ready, timeout: 120 s }}
        stop: {{ timeout: 1 s }}
"""


@pytest.mark.parametrize("units", ["auto", "never"])
def test_r61_an_update_that_has_failed_and_is_done_by_hand_leaves_what_is_so(
    engine: Any, khutulun: Installation, units: str
) -> None:
    engine.run(["mkdir", "-p", "/srv/first"])
    given = {"units": units, "word": "one", "folder": "/srv/first"}
    khutulun.run("service", "deploy", describe(engine, "mended", CHANGING.format(**given)), "--name", "mended")
    given |= {"word": "two", "folder": "/srv/later"}  # which is not there yet
    changed = describe(engine, "mended", CHANGING.format(**given))
    failed = khutulun.run("service", "update", "mended", changed, "--no-rollback", check=False)
    assert failed.status == 1
    assert "/srv/later" in failed.stdout + failed.stderr
    engine.run(["mkdir", "-p", "/srv/later"])
    khutulun.run("call", "mended/web", "lifecycle.update")
    assert engine.run(["podman", "exec", "mended-web-0", "sh", "-c", "echo $WORD"]).stdout == "two\n"
    assert khutulun.run("service", "validate", "mended").stdout.strip() == "no differences"
    (node,) = khutulun.json("service", "show", "mended")["nodes"]
    assert node["state"] == "started"
    khutulun.run("service", "undeploy", "mended")
    assert left(engine, "mended") == []
    engine.run(["rm", "-rf", "/srv/first", "/srv/later"])


TOGETHER = """
    pod:
      type: podman:Pod
      requirements: [ network: net ]
    net: { type: podman:Network, properties: { internal: true } }
    data: { type: podman:Volume }
    web:
      type: podman:Container
      properties:
        image: localhost/base:1
        command: [ sleep, "1000" ]
        stop: { timeout: 1 s }
      requirements:
        - pod: pod
        - volume: { node: data, relationship: { properties: { path: /data } } }
    alone:
      type: podman:Container
      properties:
        image: localhost/base:1
        command: [ sleep, "1000" ]
        stop: { timeout: 1 s }
      requirements: [ network: net ]
"""


def essence(effects: Any) -> list[str]:
    """Return what a plan and the history have in common.

    Which of several nodes has systemd read its files again, and spares the others that, is known when it is done.
    """
    told = [
        json.dumps([one["node"], one["operation"], one["request"]], sort_keys=True) for one in effects if one["change"]
    ]
    return sorted(one for one in told if "daemon-reload" not in one)


def test_r53_r51_the_plan_of_pods_volumes_and_networks_says_what_is_done(engine: Any, khutulun: Installation) -> None:
    file = describe(engine, "together", TOGETHER)
    plan = khutulun.run("service", "plan", file, "--name", "together", "--output", "json", check=False)
    planned = essence(json.loads(plan.stdout)["effects"])
    khutulun.run("service", "deploy", file, "--name", "together")
    done = essence(json.loads(khutulun.run("history", "together", "--output", "json").stdout))
    assert planned == done
    assert not [one for one in done if '"create"' in one and '"podman"' in one], "all are Quadlet files"
    folder = "/etc/containers/systemd/khutulun-together"
    assert f"Volume={folder.rpartition('/')[2]}-data-0.volume:/data" in engine.read(f"{folder}-web-0.container")
    assert f"Network={folder.rpartition('/')[2]}-net-0.network" in engine.read(f"{folder}-alone-0.container")
    assert khutulun.run("service", "validate", "together").stdout.strip() == "no differences"
    label = ["--format", '{{index .Labels "khutulun.node"}}']
    assert engine.run(["podman", "volume", "inspect", *label, "together-data-0"]).stdout == "data\n"
    assert engine.run(["podman", "network", "inspect", *label, "together-net-0"]).stdout == "net\n"
    bad = TOGETHER.replace(
        "        image: localhost/base:1\n",
        "        image: localhost/base:1\n        quadlet: { Container: { Colour: red } }\n",
        1,
    )
    refused = khutulun.run("service", "plan", describe(engine, "bad", bad), "--name", "bad", check=False)
    assert "[Container] has no Colour" in refused.stdout
    assert left(engine, "bad") == []
    khutulun.run("service", "undeploy", "together")
    assert left(engine, "together") == []
    assert engine.run(["podman", "volume", "ls", "--quiet"]).stdout == ""
    assert "together" not in engine.run(["podman", "network", "ls"]).stdout


SHIM = """#!/bin/sh
if [ "$1" = {verb} ] && mkdir /run/killed-{verb} 2>/dev/null; then kill -KILL $$; fi
exec /usr/bin/podman "$@"
"""


def test_r14_podman_is_killed_and_the_deploy_is_resumed(engine: Any, khutulun: Installation) -> None:
    engine.write("/usr/local/bin/podman", SHIM.format(verb="create"))
    engine.run(["chmod", "755", "/usr/local/bin/podman"])
    file = describe(engine, "shot", NEVER.format(node="web", units="never", how=""))
    failed = khutulun.run("service", "deploy", file, "--name", "shot", check=False)
    told = failed.stdout + failed.stderr
    if failed.status:
        assert "podman was killed before it was done" in told
        assert "service resume" in told
        khutulun.run("service", "resume", "shot")
    assert engine.exists("/run/killed-create")
    assert engine.run(["podman", "inspect", "--format={{.State.Status}}", "shot-web-0"]).stdout == "running\n"
    khutulun.run("service", "undeploy", "shot")
    engine.run(["rm", "/usr/local/bin/podman"])
    assert left(engine, "shot") == []
