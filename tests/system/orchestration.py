"""What the Standard leaves to the orchestrator, as stories that are told on real processes and on real containers.

Each takes a `Stage`: a server whose services have nodes of the type `Server`, which sleep. `test_orchestration` has
them as processes; drivers of other technologies tell the stories with theirs, beside their own tests.
"""

import json
import textwrap
from collections.abc import Callable
from dataclasses import dataclass

from testbed.installation import Installation

FOLDER = "/srv/orchestration"
NOTES = "/srv/notes"

SERVICE = """
tosca_definitions_version: tosca_2_0
imports: [ types.yaml, small.yaml, large.yaml ]
service_template:
  inputs:
    count: { type: integer, default: 2 }
    version: { type: string, default: first }
    size: { type: string, default: small }
  node_templates:
    worker:
      type: Server
      count: { $get_input: count }
      properties: { environment: { VERSION: { $get_input: version } } }
      requirements: [ dependency: steady ]
    steady: { type: Server }
    guarded: { type: Server, count: 2 }
    site: { type: Site, directives: [ substitute ], properties: { size: { $get_input: size } } }
  groups:
    all: { type: Team, members: [ worker, steady ] }
  policies:
    - heals:
        type: Keeps
        targets: [ guarded ]
        triggers:
          broken: { event: failed, action: [ call_operation: keeping.note, delegate: heal ] }
    - tells:
        type: Keeps
        targets: [ all ]
        triggers:
          asked: { event: asked, action: [ call_operation: keeping.note ] }
  workflows:
    check:
      steps:
        look:
          target: steady
          activities: [ call_operation: keeping.look ]
          on_success: good
          on_failure: again
        good: { target: steady, activities: [ call_operation: keeping.note ] }
        again: { target: steady, activities: [ delegate: restart, call_operation: keeping.mend ] }
    everybody:
      steps:
        one: { target: all, activities: [ call_operation: keeping.note ] }
"""
TYPES = """
tosca_definitions_version: tosca_2_0
imports:
{imports}
interface_types:
  Keeping: {{ operations: {{ look: {{}}, mend: {{}}, note: {{}} }} }}
group_types:
  Team: {{ members: [ Server ] }}
policy_types:
  Keeps: {{}}
node_types:
  Site: {{ derived_from: Workload, properties: {{ size: {{ type: string }} }} }}
  Server:
    derived_from: {base}
    properties:
{properties}
    interfaces:
      keeping:
        type: Keeping
        operations: {{ look: scripts/look.sh, mend: scripts/mend.sh, note: scripts/note.sh }}
"""
INSIDE = """
tosca_definitions_version: tosca_2_0
imports: [ types.yaml ]
service_template:
  substitution_mappings:
    node_type: Site
    substitution_filter: {{ $equal: [ {{ $get_property: [ SELF, size ] }}, {size} ] }}
  node_templates:
    web: {{ type: Server, count: {count} }}
"""
SCRIPTS = {
    "look.sh": f"test ! -e {NOTES}/broken",
    "mend.sh": f"rm {NOTES}/broken",
    "note.sh": f'mkdir -p {NOTES}; echo "$KHUTULUN_NODE-$KHUTULUN_INDEX" >>{NOTES}/said',
}


@dataclass(frozen=True)
class Kind:
    """How a server is realised: a type that sleeps, unless its environment's VERSION is `broken`.

    `alive` says what runs under a name (`worker-0`): the same as long as it was not started again; nothing when it
    does not run. `kill` has it fail.
    """

    base: str
    imports: tuple[str, ...]
    properties: str
    alive: Callable[[str], str]
    kill: Callable[[str], None]


class Stage:
    """A server that has deployed the service `o`."""

    def __init__(self, khutulun: Installation, kind: Kind) -> None:
        self.khutulun, self.machine, self.kind = khutulun, khutulun.machine, kind
        imports = "".join(f"  - {one}\n" for one in kind.imports)
        types = TYPES.format(imports=imports, base=kind.base, properties=textwrap.indent(kind.properties, " " * 6))
        files = {"service.yaml": SERVICE, "types.yaml": types}
        files |= {f"{size}.yaml": INSIDE.format(size=size, count=count) for size, count in (("small", 1), ("large", 2))}
        for name, text in (files | {f"scripts/{name}": text for name, text in SCRIPTS.items()}).items():
            self.machine.write(f"{FOLDER}/{name}", text)
        khutulun.run("service", "deploy", f"{FOLDER}/service.yaml", "--name", "o")

    def alive(self, *names: str) -> dict[str, str]:
        """Return what runs, by its name."""
        return {name: found for name in names if (found := self.kind.alive(name))}

    def nodes(self) -> list[str]:
        return sorted(node["name"] for node in self.khutulun.json("service", "show", "o")["nodes"])

    def said(self) -> list[str]:
        """Return who has taken notes since this was asked last."""
        found = self.machine.run(["sh", "-c", f"cat {NOTES}/said && rm {NOTES}/said"], check=False)
        return sorted(found.stdout.split())

    def update(self, *inputs: str, check: bool = True) -> str:
        given = [word for one in inputs for word in ("--input", one)]
        plan = self.khutulun.run("service", "plan", "--name", "o", *given, check=False)
        assert plan.status == 2, plan
        done = self.khutulun.run("service", "update", "o", *given, check=check)
        assert check or done.status == 1, done
        return plan.stdout

    def after(self, name: str, position: int) -> None:
        """Return when an execution has come to this, after a position."""
        argv = ["khutulun", "service", "events", "o", "-f", "--after", str(position), "--output", "json"]
        with self.machine.popen(argv) as following:
            while line := following.read_line():
                event = json.loads(line)
                if (event["name"], event["kind"]) == (name, "execution"):
                    return
        raise AssertionError(f"the events ended without {name}")

    def position(self) -> int:
        return int(self.khutulun.json("events", "--limit", "1")["position"])


def scaling(stage: Stage) -> None:
    """R45: another count adds and removes representations; the others are not touched."""
    before = stage.alive("worker-0", "worker-1", "steady")
    assert len(before) == 3
    plan = stage.update("count=3")
    assert "novel      worker-2" in plan, plan
    assert "unchanged  steady" in plan, plan
    more = stage.alive("worker-0", "worker-1", "worker-2", "steady")
    assert {**more, **before} == more
    assert len(more) == 4
    stage.update("count=1")
    assert stage.alive("worker-0", "worker-1", "worker-2", "steady") == {
        name: more[name] for name in ("worker-0", "steady")
    }
    stage.update("count=2")
    again = stage.alive("worker-0", "worker-1", "steady")
    assert again["worker-0"] == before["worker-0"]
    assert again["worker-1"] != before["worker-1"]


def upgrading(stage: Stage) -> None:
    """R45: a new version replaces each in turn; one that fails is taken back, and those after it were not touched."""
    names = ("worker-0", "worker-1", "steady")
    first = stage.alive(*names)
    stage.update("version=second")
    second = stage.alive(*names)
    assert second["steady"] == first["steady"]
    assert not {second[name] for name in names[:2]} & set(first.values())
    position = stage.position()
    stage.update("version=broken", check=False)
    stage.after("rollback-done", position)
    back = stage.alive(*names)
    assert set(back) == set(names)
    assert {name: back[name] for name in names[1:]} == {name: second[name] for name in names[1:]}
    assert stage.khutulun.run("service", "validate", "o").stdout == "no differences\n"


def substituting(stage: Stage) -> None:
    """T144, T146: what is inside of a node runs, and another service takes its place when the node is another one."""
    assert "site.small.web" in stage.nodes()
    assert list(stage.alive("site.small.web")) == ["site.small.web"]
    steady = stage.alive("steady")
    stage.update("size=large")
    inside = ("site.large.web-0", "site.large.web-1")
    assert [name for name in stage.nodes() if name.startswith("site.")] == list(inside)
    assert list(stage.alive("site.small.web", *inside)) == list(inside)
    assert stage.alive("steady") == steady
    stage.update("size=small")
    assert list(stage.alive("site.small.web", *inside)) == ["site.small.web"]


def healing(stage: Stage) -> None:
    """T155: a policy's trigger builds anew what has failed; nobody looks for it."""
    before = stage.alive("guarded-0", "guarded-1")
    stage.said()
    position = stage.position()
    stage.kind.kill("guarded-1")
    _handled(stage, "failed", position)
    after = stage.alive("guarded-0", "guarded-1")
    assert stage.said() == ["guarded-1"]
    assert after["guarded-0"] == before["guarded-0"]
    assert after["guarded-1"] != before["guarded-1"]


def members(stage: Stage) -> None:
    """T149, T155: policies and workflows act on the members of a group, on every representation."""
    everybody = ["steady-0", "worker-0", "worker-1"]
    stage.said()
    stage.khutulun.run("service", "run", "o", "everybody")
    assert stage.said() == everybody
    stage.khutulun.run("event", "emit", "asked", "o/steady")
    stage.khutulun.run("event", "emit", "asked", "o/worker-1")
    _handled(stage, "asked", 0, 2)
    assert stage.said() == ["steady-0", "worker-1"]


def failing(stage: Stage) -> None:
    """T147, T152: a step that fails leads to another one, which mends; without a failure it is skipped."""
    before = stage.alive("steady")
    stage.said()
    stage.khutulun.run("service", "run", "o", "check")
    assert (stage.said(), stage.alive("steady")) == (["steady-0"], before)
    stage.machine.write(f"{NOTES}/broken", "")
    stage.khutulun.run("service", "run", "o", "check")
    assert stage.said() == []
    assert not stage.machine.exists(f"{NOTES}/broken")
    assert stage.alive("steady") != before
    assert list(stage.alive("steady")) == ["steady"]


def tell(stage: Stage) -> None:
    """Tell all stories, and take the service away."""
    for story in (scaling, upgrading, substituting, healing, members, failing):
        story(stage)
    known = stage.nodes()
    stage.khutulun.run("service", "undeploy", "o")
    assert stage.alive(*known) == {}


def _handled(stage: Stage, event: str, position: int, times: int = 1) -> None:
    """Return when handlers of an event are done."""
    argv = ["khutulun", "service", "events", "o", "-f", "--after", str(position), "--output", "json"]
    with stage.machine.popen(argv) as following:
        while line := following.read_line():
            found = json.loads(line)
            if found["kind"] == "handling" and found["name"] == event:
                assert found["data"]["status"] == "done", found
                times -= 1
                if not times:
                    return
    raise AssertionError(f"the events ended before {event} was handled")
