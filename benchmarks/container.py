"""What a container costs through Khutulun beside Podman with the same commands, on one booted host and in one run.

    python -m benchmarks.container [--rounds N] [--many N] [--seconds N] [--json FILE]

Each round makes and removes one container in each of these ways, one after another:

- plain: the commands of Podman that the driver runs, as its history shows them, and the same through the conductor;
- unit: a Quadlet file that is written, read by systemd, started, stopped and removed, and the same by Khutulun.

Then the same with many at once. At last many run, and what the server with its event stream costs while nothing happens
is counted. Needs root and the packages that testbed/README.md names.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from benchmarks import idle, inside, lines, stopwatch

ADDED = 10.0
"""Milliseconds over Podman's own."""

AT_ONCE = 8
QUADLETS = Path("/etc/containers/systemd")
IMAGE = "localhost/measured:1"
TEMPLATE = """
tosca_definitions_version: tosca_2_0
imports:
  - {{ profile: khutulun.podman:1.0, namespace: podman }}
service_template:
  node_templates:
    sleeper:
      type: podman:Container
      count: {count}
      properties:
        image: {image}
        command: [sleep, infinity]
        init: true
        units: {units}
"""
QUADLET = """[Container]
Image={image}
ContainerName={name}
RunInit=true
Exec=sleep infinity
{arguments}[Service]
Restart=on-failure
[Install]
WantedBy=multi-user.target
"""
KINDS = {"plain": "never", "unit": "auto"}
"""Of a node: how it is shown, and its property ``units``."""

PREPARE = """
mkdir -p /etc/containers/containers.conf.d /tmp/measured/bin
printf '[containers]\\ndefault_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]\\n' \\
    >/etc/containers/containers.conf.d/90-measured.conf
cp /bin/busybox /tmp/measured/bin/busybox && ln -s busybox /tmp/measured/bin/sleep
tar -C /tmp/measured -c . | podman import --quiet --change 'ENV PATH=/bin' - "$1"
"""


def main() -> int:
    parser = lines.options(__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--many", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--inside", action="store_true", help="measure on this very machine: for test hosts")
    given = parser.parse_args()
    if given.inside:
        prepare()
        with inside.assembled() as khutulun:
            measured = {"one": _one(khutulun, given.rounds), "many": _many(khutulun, given.many)}
            print(json.dumps({**measured, "idle": _idle(khutulun, given.many, given.seconds)}))
        return 0
    options = [f"--rounds={given.rounds}", f"--many={given.many}", f"--seconds={given.seconds}"]
    measured = inside.run("benchmarks.container", options)
    found = lines.Lines("container")
    _tell(found, measured["one"], measured["many"], given.many)
    for name, value in measured["idle"].items():
        unit = "MB" if "resident" in name else "ms" if "time" in name else ""
        found.add(f"{given.many} containers, {given.seconds:g} s idle: {name}", value, unit)
    found.write(given.json)
    return 0


def prepare() -> None:
    """Have an image on this machine, and limits that Podman can set here."""
    _run("sh", "-euc", PREPARE, "sh", IMAGE)


def _tell(found: lines.Lines, one: dict[str, list[float]], many: dict[str, float], count: int) -> None:
    middle = {name: found.times(name, seconds) for name, seconds in one.items()}
    for name in (name for name in middle if name.startswith("khutulun")):
        peer = name.replace("khutulun", "podman")
        found.add(f"{name}: added", middle[name] - middle[peer], "ms", limit=ADDED)
    for name, seconds in many.items():
        found.add(f"{count} at once, {name}", seconds * 1000, "ms", each_ms=round(seconds * 1000 / count, 3))
    for name in (name for name in many if name.startswith("khutulun")):
        added = (many[name] - many[name.replace("khutulun", "podman")]) * 1000 / count
        found.add(f"{count} at once, {name}: added for each", added, "ms")


def _one(khutulun: inside.Inside, rounds: int) -> dict[str, list[float]]:
    watch = stopwatch.Stopwatch()
    for kind, units in KINDS.items():
        khutulun.deploy(f"one-{kind}", TEMPLATE.format(count=1, units=units, image=IMAGE))
        khutulun.call(f"one-{kind}", "sleeper", "stop", "delete")
    for number in range(rounds + 1):
        if number == 1:
            watch.times.clear()  # the first round warmed the caches
        for kind in KINDS:
            make, remove = PEERS[kind]
            watch.measure(f"podman, {kind}: create+start", partial(make, "raw"))
            watch.measure(f"podman, {kind}: stop+delete", partial(remove, "raw"))
            for operations in (("create", "start"), ("stop", "delete")):
                name = f"khutulun, {kind}: {'+'.join(operations)}"
                watch.measure(name, partial(khutulun.call, f"one-{kind}", "sleeper", *operations))
    for kind in KINDS:
        khutulun.undeploy(f"one-{kind}")
    return watch.times


def _many(khutulun: inside.Inside, count: int) -> dict[str, float]:
    watch = stopwatch.Stopwatch()
    names = [f"raw-{number}" for number in range(count)]
    for kind, units in KINDS.items():
        make, remove = PEERS[kind]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            watch.measure(f"podman, {kind}: deploy", partial(_all, pool, make, names))
            watch.measure(f"podman, {kind}: undeploy", partial(_all, pool, remove, names))
        template = TEMPLATE.format(count=count, units=units, image=IMAGE)
        watch.measure(f"khutulun, {kind}: deploy", partial(khutulun.deploy, f"many-{kind}", template))
        watch.measure(f"khutulun, {kind}: undeploy", partial(khutulun.undeploy, f"many-{kind}"))
    return {name: seconds[0] for name, seconds in watch.times.items()}


def _idle(khutulun: inside.Inside, count: int, seconds: float) -> dict[str, float]:
    """Count what this process, which is the server, and its event streams use while nothing happens."""
    khutulun.deploy("idle", TEMPLATE.format(count=count, units="auto", image=IMAGE))
    time.sleep(idle.SETTLING)
    before = {pid: idle.usage(pid) for pid in _family()}
    time.sleep(seconds)
    after = {pid: idle.usage(pid) for pid in before}
    found: dict[str, float] = {}
    for pid in before:
        name = "server" if pid == os.getpid() else Path(f"/proc/{pid}/comm").read_text().strip()
        found[f"{name}: wake-ups"] = after[pid].wake_ups - before[pid].wake_ups
        found[f"{name}: processor time"] = (after[pid].processor - before[pid].processor) * 1000
        found[f"{name}: resident"] = after[pid].resident
    khutulun.undeploy("idle")
    return found


def _family() -> list[int]:
    """Return this process and its event stream."""
    tasks = Path("/proc/self/task").glob("*/children")
    children = [int(pid) for task in tasks for pid in task.read_text().split()]
    return [os.getpid(), *children]


def _all(pool: ThreadPoolExecutor, work: Callable[[str], None], names: Sequence[str]) -> None:
    list(pool.map(work, names))


def _make_plain(name: str) -> None:
    options = ["--label=khutulun.node=raw", "--label=khutulun.service=raw", "--init=true"]
    words = ["--restart=on-failure:5", "--pull=missing", IMAGE, "sleep", "infinity"]
    _run("podman", "create", f"--name={name}", *options, *words)
    _run("podman", "image", "inspect", IMAGE)
    _run("podman", "start", name)
    _run("podman", "container", "inspect", name)


def _remove_plain(name: str) -> None:
    _run("podman", "stop", "--ignore", name)
    _run("podman", "container", "inspect", name)
    _run("podman", "rm", "--force", "--ignore", "--volumes", name)


def _make_unit(name: str) -> None:
    _run("podman", "image", "inspect", IMAGE)
    old = "" if Path("/sys/fs/cgroup/cgroup.controllers").exists() else "PodmanArgs=--cgroups=enabled\n"
    QUADLETS.joinpath(f"{name}.container").write_text(QUADLET.format(image=IMAGE, name=name, arguments=old))
    _run("systemctl", "daemon-reload")
    _run("systemctl", "start", name)
    _run("podman", "container", "inspect", name)


def _remove_unit(name: str) -> None:
    _run("systemctl", "stop", name)
    QUADLETS.joinpath(f"{name}.container").unlink()
    _run("systemctl", "daemon-reload")


PEERS = {"plain": (_make_plain, _remove_plain), "unit": (_make_unit, _remove_unit)}


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True)


if __name__ == "__main__":
    sys.exit(main())
