"""What a process costs through Khutulun beside `systemd-run` and `systemctl`, on one booted host and in one run.

    python -m benchmarks.process [--rounds N] [--many N] [--json FILE]

Each round makes and removes one process in each of these ways, one after another:

- `systemd-run sleep infinity`, and `systemctl stop`;
- a unit file that is written, enabled and started by `systemctl`, and stopped, disabled and removed;
- `create` and `start`, then `stop` and `delete`, of a node through the conductor: of a transient unit, which is what
  `systemd-run` makes, and of one with a unit file. The whole way counts: graph, journal, plugin, history.

Then the same with many at once. Needs root and the packages that testbed/README.md names.
"""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from benchmarks import inside, lines, stopwatch

ADDED = 3.0
"""Milliseconds over `systemd-run`'s own."""

UNITS = Path("/etc/systemd/system")
TEMPLATE = """
tosca_definitions_version: tosca_2_0
imports:
  - profile: khutulun:1.0
service_template:
  node_templates:
    sleeper:
      type: Process
      count: {count}
      properties:
        command: [sleep, infinity]
        transient: {transient}
"""
UNIT = """[Unit]
Description=Measured
[Service]
Type=exec
ExecStart=sleep infinity
[Install]
WantedBy=multi-user.target
"""


KINDS = {"transient": "true", "unit file": "false"}
"""Of a node: how it is shown, and its property ``transient``."""


def main() -> int:
    parser = lines.options(__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--many", type=int, default=50)
    parser.add_argument("--inside", action="store_true", help="measure on this very machine: for test hosts")
    given = parser.parse_args()
    if given.inside:
        with inside.assembled() as khutulun:
            print(json.dumps({"one": _one(khutulun, given.rounds), "many": _many(khutulun, given.many)}))
        return 0
    measured = inside.run("benchmarks.process", [f"--rounds={given.rounds}", f"--many={given.many}"])
    found = lines.Lines("process")
    _tell(found, measured["one"], measured["many"], given.many)
    found.write(given.json)
    return 0


def _tell(found: lines.Lines, one: dict[str, list[float]], many: dict[str, float], count: int) -> None:
    middle = {name: found.times(name, seconds) for name, seconds in one.items()}
    for name in middle:
        if not name.startswith("khutulun"):
            continue
        begun = name.endswith("create+start")
        peers = {True: ("systemd-run", "systemctl: write+enable+start"), False: ("systemctl stop", "systemctl: remove")}
        peer = peers[begun]["unit file" in name]
        limit = ADDED if "transient" in name and begun else None
        found.add(f"{name}: added to {peer}", middle[name] - middle[peer], "ms", limit=limit)
        found.add(f"{name}: ratio to {peer}", middle[name] / middle[peer], "x")
    for name, seconds in many.items():
        found.add(f"{count} at once, {name}", seconds * 1000, "ms", each_ms=round(seconds * 1000 / count, 3))
    for name, seconds in many.items():
        if name.startswith("khutulun"):
            peer = "systemd-run" if name.endswith("deploy") else "systemctl stop"
            found.add(f"{count} at once, {name}: added for each", (seconds - many[peer]) * 1000 / count, "ms")


def _one(khutulun: inside.Inside, rounds: int) -> dict[str, list[float]]:
    watch = stopwatch.Stopwatch()
    services = {name: f"one-{transient}" for name, transient in KINDS.items()}
    for name, service in services.items():
        khutulun.deploy(service, TEMPLATE.format(count=1, transient=KINDS[name]))
        khutulun.call(service, "sleeper", "stop", "delete")
    for number in range(rounds + 1):
        if number == 1:
            watch.times.clear()  # the first round warmed the caches
        watch.measure("systemd-run", partial(_transient, "raw"))
        watch.measure("systemctl stop", partial(_run, "systemctl", "stop", "raw"))
        watch.measure("systemctl: write+enable+start", partial(_write, "written"))
        watch.measure("systemctl: remove", partial(_remove, "written"))
        for name, service in services.items():
            for operations in (("create", "start"), ("stop", "delete")):
                named = f"khutulun, {name}: {'+'.join(operations)}"
                watch.measure(named, partial(khutulun.call, service, "sleeper", *operations))
    return watch.times


def _many(khutulun: inside.Inside, count: int) -> dict[str, float]:
    watch = stopwatch.Stopwatch()
    names = [f"raw-{number}" for number in range(count)]
    with ThreadPoolExecutor(16) as pool:
        watch.measure("systemd-run", lambda: list(pool.map(_transient, names)))
        watch.measure("systemctl stop", lambda: list(pool.map(partial(_run, "systemctl", "stop"), names)))
    for name, transient in KINDS.items():
        service = f"many-{transient}"
        template = TEMPLATE.format(count=count, transient=transient)
        watch.measure(f"khutulun, {name}: deploy", partial(khutulun.deploy, service, template))
        watch.measure(f"khutulun, {name}: undeploy", partial(khutulun.undeploy, service))
    return {name: seconds[0] for name, seconds in watch.times.items()}


def _transient(name: str) -> None:
    _run("systemd-run", "--quiet", "--service-type=exec", f"--unit={name}", "sleep", "infinity")


def _write(name: str) -> None:
    (UNITS / f"{name}.service").write_text(UNIT)
    _run("systemctl", "--root=/", "enable", "--quiet", name)
    _run("systemctl", "start", name)


def _remove(name: str) -> None:
    _run("systemctl", "stop", name)
    _run("systemctl", "--root=/", "disable", "--quiet", name)
    (UNITS / f"{name}.service").unlink()


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True)


if __name__ == "__main__":
    sys.exit(main())
