"""How soon a crash is answered: from the kill of a workload until its handler's result is committed, on one host.

    python -m benchmarks.reaction [--crashes N] [--json FILE]

The event `failed` of a node has a handler: once a Floria expression, once a shell script. The main process gets
SIGKILL; the time ends when the handling is durable in the store. In the same run another unit is killed in turn, to see
when a bare subscriber of the system bus has the signal in its hands. systemd starts all of them again each time. Needs
root and the packages that testbed/README.md names.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time

from benchmarks import inside, lines
from khutulun.conductor.journals import Topic

MEDIAN, P99 = 2.0, 10.0
"""Milliseconds, on a quiet host."""

QUIET = 0.25
"""Seconds before each crash: the restart after the one before is over by then."""

PATIENCE = 30.0
RAW = "raw.service"
RESTART = ["--property=Restart=always", "--property=RestartSec=1ms", "--property=StartLimitIntervalSec=0"]
PROPERTIES = "command: [sleep, infinity]\n        restart: {policy: always, delay: 1 ms, burst: 100000, interval: 1 s}"
SCRIPT = f"""
tosca_definitions_version: tosca_2_0
imports:
  - profile: khutulun:1.0
service_template:
  node_templates:
    victim:
      type: Process
      properties:
        {PROPERTIES}
      interfaces:
        on:
          operations:
            failed: react.sh
"""
EXPRESSION = """
root: "00000000000000000000000001"
vertexes:
  - {kind: vertex-template, id: "00000000000000000000000001", name: root}
  - kind: vertex-template
    id: "00000000000000000000000002"
    name: victim
    parent: "00000000000000000000000001"
    classes: [ "khutulun:1.0::Process" ]
    properties:
      crashes: { value: 0 }
      command: { value: [ sleep, infinity ] }
      restart: { value: { policy: always, delay: 0.001, burst: 100000, interval: 1.0 } }
    handlers:
      - { event: lifecycle.create, call: { $process:create: [ {} ] } }
      - { event: lifecycle.start, call: { $process:start: [ {} ] } }
      - { event: lifecycle.stop, call: { $process:stop: [ {} ] } }
      - { event: lifecycle.delete, call: { $process:delete: [ {} ] } }
      - { event: lifecycle.inspect, call: { $process:inspect: [ {} ] } }
      - { event: failed, call: { $floria:set: [ crashes, 1 ] } }
"""


def main() -> int:
    parser = lines.options(__doc__)
    parser.add_argument("--crashes", type=int, default=100)
    parser.add_argument("--inside", action="store_true", help="measure on this very machine: for test hosts")
    parser.add_argument("--subscribe", metavar="UNIT", help="tell when signals of a unit come: for --inside")
    given = parser.parse_args()
    if given.subscribe:
        asyncio.run(_subscribe(given.subscribe))
    elif given.inside:
        with inside.assembled() as khutulun:
            print(json.dumps(_inside(khutulun, given.crashes)))
    else:
        measured = inside.run("benchmarks.reaction", [f"--crashes={given.crashes}"])
        found = lines.Lines("reaction")
        for name, seconds in measured.items():
            ours = name != "bare D-Bus subscriber"
            found.times(name, seconds, median=MEDIAN if ours else None, p99=P99 if ours else None)
        found.write(given.json)
    return 0


def _inside(khutulun: inside.Inside, crashes: int) -> dict[str, list[float]]:
    khutulun.deploy("expression", EXPRESSION)
    khutulun.deploy("script", SCRIPT, {"react.sh": "#!/bin/sh\necho crashed\n"})
    subprocess.run(["systemd-run", "--quiet", f"--unit={RAW}", *RESTART, "sleep", "infinity"], check=True)
    argv = [sys.executable, "-m", "benchmarks.reaction", "--subscribe", RAW]
    times: dict[str, list[float]] = {"bare D-Bus subscriber": [], "expression": [], "shell script": []}
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as subscriber:
        told = Told()
        threading.Thread(target=told.read, args=(subscriber,), daemon=True).start()
        told.first_after(0.0)  # it listens
        handled = Handled(khutulun)
        for number in range(crashes + 3):
            for name, unit, seen in (
                ("bare D-Bus subscriber", RAW, told),
                ("expression", "khutulun-expression-victim-0.service", handled),
                ("shell script", "khutulun-script-victim-0.service", handled),
            ):
                time.sleep(QUIET)
                began = _kill(unit)
                taken = seen.first_after(began) - began
                if number >= 3:  # the first ones warm the caches
                    times[name].append(taken)
        handled.end()
        subscriber.terminate()
    return times


def _kill(unit: str) -> float:
    shown = subprocess.run(
        ["systemctl", "show", "--value", "--property=MainPID", unit], check=True, capture_output=True
    )
    process = int(shown.stdout)
    began = time.time()
    os.kill(process, signal.SIGKILL)
    return began


class Times:
    """Points in time, as they come."""

    def __init__(self) -> None:
        self._come = threading.Condition()
        self._points: list[float] = []

    def add(self, point: float) -> None:
        with self._come:
            self._points.append(point)
            self._come.notify_all()

    def first_after(self, began: float) -> float:
        """Return the first point after `began`, waiting for it. Raises TimeoutError."""
        with self._come:
            if not self._come.wait_for(lambda: bool(self._points) and self._points[-1] >= began, PATIENCE):
                raise TimeoutError("nothing happened after a crash")
            return next(point for point in self._points if point >= began)


class Told(Times):
    """When the subscriber got a signal."""

    def read(self, subscriber: "subprocess.Popen[str]") -> None:
        assert subscriber.stdout is not None
        for line in subscriber.stdout:
            self.add(int(line) / 1e9)


class Handled(Times):
    """When a handling was durable: the first commit after its record was written."""

    def __init__(self, khutulun: inside.Inside) -> None:
        super().__init__()
        self._store = khutulun.running.store
        self._seen = self._written()[0]
        self.end = self._store.on_commit(lambda changes: self.add(time.time()))

    def first_after(self, began: float) -> float:
        while True:
            point = super().first_after(began)
            position, written = self._written()
            if position != self._seen:
                self._seen = position
                return super().first_after(written)
            began = point + 1e-9

    def _written(self) -> tuple[int, float]:
        """Return position and time of the newest record of a handling."""
        with self._store.read() as reader:
            newest = reader.journal(Topic.HANDLING, limit=1, newest=True)
        return (newest[0].position, newest[0].time / 1e9) if newest else (0, 0.0)


async def _subscribe(unit: str) -> None:
    from dbus_fast import BusType, Message, MessageType
    from dbus_fast.aio import MessageBus

    path = "/org/freedesktop/systemd1/unit/" + unit.replace(".", "_2e")
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()

    def receive(message: Message) -> None:
        if message.message_type is MessageType.SIGNAL and message.path == path:
            print(time.time_ns(), flush=True)

    bus.add_message_handler(receive)
    systemd = ("org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager")
    us = ("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus")
    rule = f"type='signal',path='{path}'"
    for (to, at, interface), member, body in ((us, "AddMatch", [rule]), (systemd, "Subscribe", [])):
        await bus.call(Message(to, at, interface, member, signature="s" * len(body), body=body))
    print(time.time_ns(), flush=True)
    await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    sys.exit(main())
