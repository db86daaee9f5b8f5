"""A server in a process of its own, at one node of which an update and a heal meet, to be killed meanwhile.

``python -m khutulun.testing.contended STATE update|heal|finish``: the first that is named waits at the pipe
``STATE/gate`` when it operates the node; with a line on standard input the other one is begun, and told. ``finish``
tells ``up``, and what came of both when they have ended.
"""

import sys
from pathlib import Path

from floria.entities import Handler
from floria.values import Call
from khutulun import model
from khutulun.testing.machine import ME, Machine, bundle, note

SERVICE = "s"
EVENT = "broken"
HEAL: Call = Call("tosca:actions", [{"actions": [{"kind": "delegate", "subject": "heal", "inputs": {}}]}])


def design(state: Path, text: str, waits: str) -> bytes:
    wait = Handler(waits, Call("notes:wait", [{"gate": str(state / "gate")}]))
    return bundle(note("a", text=text, handlers=(Handler(EVENT, HEAL), wait)))


def main(state: Path, action: str) -> None:
    machine = Machine(state)
    with machine.up() as running:
        conductor = running.conductor
        if action == "finish":
            finish(machine)
            return
        hook = {"update": "before-update", "heal": "before-delete"}[action]
        first, second = (conductor.upload(ME, design(state, text, hook)) for text in ("1", "2"))

        def update() -> None:
            conductor.update(ME, model.DeployRequest(SERVICE, second))

        def heal() -> None:
            conductor.emit(ME, EVENT, service=SERVICE, node="a")

        machine.wait(conductor.deploy(ME, model.DeployRequest(SERVICE, first)))
        both = [update, heal] if action == "update" else [heal, update]
        for act in both:
            act()
            print("begun", flush=True)
            sys.stdin.readline()


def finish(machine: Machine) -> None:
    """Tell what came of both."""
    print("up", flush=True)
    left = {("handling", EVENT), ("execution", "update-done")}
    for event in machine.running.conductor.events(ME, after=0, follow=True):
        if (event.kind, event.name) in left:
            left.remove((event.kind, event.name))
            result = event.data.get("result") if isinstance(event.data, dict) else None
            print(event.kind, result, flush=True)
        if not left:
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
