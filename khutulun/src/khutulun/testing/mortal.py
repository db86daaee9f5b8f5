"""A server in a process of its own that does one thing and tells each step, so that a test can kill it at any.

``python -m khutulun.testing.mortal STATE deploy|update|undeploy|keep|tour|finish``: prints a line for
each event and, at the end, ``ended STATE``. ``finish`` only goes on with what was not finished.
"""

import sys
from pathlib import Path

from khutulun import model
from khutulun.conductor.conductor import Conductor
from khutulun.testing import keeping
from khutulun.testing.machine import ME, Machine, bundle, note

SERVICE = "s"
TOUR = """
    tour:
      inputs: { word: { type: string } }
      steps:
        one:
          target: a
          activities:
          - call_operation: { operation: keeping.shout, inputs: { word: { $get_input: word } } }
          - inline: inner
          - call_operation: { operation: keeping.shout, inputs: { word: out } }
          on_success: two
        two: { target: b, activities: [ call_operation: keeping.complain ], on_failure: three }
        three: { target: b, activities: [ set_state: calm, call_operation: keeping.shout ] }
    inner:
      steps:
        x: { target: a, activities: [ call_operation: { operation: keeping.shout, inputs: { word: in } } ] }
        y: { target: b, activities: [ call_operation: keeping.shout ] }
"""


def first() -> bytes:
    return bundle(note("a", text="1"), note("b", after=("a",), text="1"), note("c", after=("a",), text="1"))


def second() -> bytes:
    return bundle(note("a", text="2"), note("b", after=("a",), text="1"), note("d", after=("b",), text="1"))


def main(state: str, action: str) -> None:
    machine = Machine(Path(state))
    with machine.up() as running:
        conductor = running.conductor
        feed = conductor.events(ME, after=0, follow=True)
        match action:
            case "deploy":
                conductor.deploy(ME, model.DeployRequest(SERVICE, conductor.upload(ME, first())))
            case "update":
                conductor.update(ME, model.DeployRequest(SERVICE, conductor.upload(ME, second())))
            case "undeploy":
                conductor.undeploy(ME, SERVICE)
            case "keep":
                conductor.deploy(ME, model.DeployRequest(SERVICE, conductor.upload(ME, keeping.design(TOUR))))
            case "tour":
                conductor.run(ME, SERVICE, "tour", {"word": "hi"})
            case _:
                pass
        if settled(conductor):
            return
        for event in feed:
            data = event.data if isinstance(event.data, dict) else {}
            print(event.kind, event.node, event.name, data.get("operation", ""), flush=True)
            if event.kind == "execution" and settled(conductor):
                return


def settled(conductor: Conductor) -> bool:
    """Tell the end, if it is there: no service is on its way to something else."""
    found = [one.state for one in conductor.services(ME)]
    if any(state not in (model.ServiceState.RUNNING, model.ServiceState.FAILED) for state in found):
        return False
    print("ended", *(state.value for state in found), flush=True)
    return True


if __name__ == "__main__":
    main(*sys.argv[1:])
