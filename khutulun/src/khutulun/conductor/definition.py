"""Imperative workflows as a service's design brings them (TOSCA 2.0 section 13.2): found, read, and laid out in steps.

Puccini compiles a workflow to a vertex with its inputs as properties and everything else in the call of its handler;
`khutulun.conductor.imperative` runs what is laid out here.
"""

import graphlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from floria import codec, ids
from floria.entities import Edge, Kind, Vertex, VertexTemplate
from floria.ids import Id
from floria.store.interface import Query, Reader
from floria.values import Call, Value
from khutulun import model
from khutulun.conductor import topology, workflow
from khutulun.conductor.calls import ACTIONS
from khutulun.conductor.topology import Topology

WORKFLOW = "tosca:workflow"
GROUP = "tosca:group"
INPUT = "tosca:input"
CALL = "tosca:workflow"
RUN = "run"
MEMBERS = "tosca.members"
TARGETS = "tosca.targets"

DELEGATES = ("deploy", "undeploy", "start", "stop", "restart", "update", "heal")
"""Workflows that activities can delegate to, for the step's target: the declarative ones, and parts of them.

`heal` builds the target anew, `update` applies what it is now, `restart` stops and starts it. Inputs of the activity
are inputs of each operation.
"""

IMPLEMENTATION = "implementation"
"""Kind of an entry that has a workflow's artifact run."""


class Entry(msgspec.Struct, frozen=True):
    """One thing that a step does: `kind` to `subject` at a node, or at an edge that begins in it.

    `kind` is TOSCA's word for the activity, or ``filter``, or ``operation`` for an operation of a declarative workflow.
    `inputs` are in the plain form of values, as are the conditions of a filter, which are its input of that name.
    """

    kind: str
    subject: str
    inputs: dict[str, Any]
    entity: Id
    node: Id

    @property
    def shown(self) -> str:
        """What users are shown while it is done."""
        return self.subject if self.kind in ("call_operation", "operation") else f"{self.kind} {self.subject}".rstrip()


class Definition(msgspec.Struct, frozen=True):
    """A workflow. `given` is what its handler's call carries; see ``puccini.compilation.workflows``."""

    vertex: Vertex
    given: dict[str, Any]

    @property
    def steps(self) -> dict[str, dict[str, Any]]:
        return dict(self.given.get("steps") or {})

    @property
    def implementation(self) -> dict[str, Any] | None:
        return self.given.get("implementation")

    @property
    def required(self) -> list[str]:
        return list(self.given.get("required") or [])


class Layout(msgspec.Struct, frozen=True):
    """The steps of an execution, and their names by key."""

    steps: list[workflow.Step]
    names: dict[Id, str]


def find(reader: Reader, root: Vertex, name: str) -> Definition:
    """Return a workflow of a service. Raises `model.Refused`."""
    known = {one.name: one for one in _children(reader, root, WORKFLOW)}
    if name not in known:
        raise model.refuse(
            "unknown-workflow",
            f"service {root.name} has no workflow {name!r}",
            hint=f"it has: {', '.join(sorted(known)) or 'none'}",
            status=404,
        )
    return of(known[name])


def of(vertex: Vertex) -> Definition:
    """Return the workflow that a vertex is. Raises `model.Refused`."""
    call = next((handler.call for handler in vertex.handlers if handler.event == RUN), None)
    given = call.arguments[0] if isinstance(call, Call) and call.function == CALL and call.arguments else None
    if not isinstance(given, dict) or not isinstance(given.get("steps"), dict):
        raise model.refuse(
            "bad-workflow", f"the workflow {vertex.name!r} has no steps", hint=f"its handler of {RUN!r} calls {CALL}"
        )
    return Definition(vertex, given)


def check_inlining(reader: Reader, root: Vertex, definition: Definition) -> None:
    """Refuse a workflow that comes to inline itself, and one that inlines what is not there."""
    inlines: dict[str, set[str]] = {}
    waiting = [definition]
    while waiting:
        one = waiting.pop()
        inlines[one.vertex.name] = {
            str(activity["subject"])
            for step in one.steps.values()
            for activity in step["activities"]
            if activity["kind"] == "inline"
        }
        waiting += [find(reader, root, name) for name in inlines[one.vertex.name] - inlines.keys()]
    _check_order(inlines, "workflows inline each other in a circle")


def lay_out(reader: Reader, found: Topology, definition: Definition, prefix: str = "") -> Layout:
    """Return the steps of an execution of a workflow: one for each representation of each step's target.

    A step that inlines a workflow stays one, because the workflow is inlined once.
    """
    if definition.implementation is not None:
        return _implemented(found, definition, prefix)
    labels = found.labels()
    led_to = {name: {*step["on_success"], *step["on_failure"]} for name, step in definition.steps.items()}
    _check_order(led_to, f"the steps of {definition.vertex.name} lead to each other in a circle")
    units = {name: list(_units(reader, found, definition, name, labels)) for name in definition.steps}
    keys = {name: frozenset(key for key, _, _ in several) for name, several in units.items()}
    steps, names = [], {}
    for name, several in units.items():
        before = {
            way: frozenset[Id]().union(*(keys[other] for other, one in definition.steps.items() if name in one[way]))
            for way in ("on_success", "on_failure")
        }
        for key, shown, entries in several:
            names[key] = f"{prefix}{name}/{shown}"
            steps.append(
                workflow.Step(
                    node=entries[0].node if entries else found.root.id,
                    operations=tuple(entry.shown for entry in entries),
                    after=before["on_success"],
                    otherwise=before["on_failure"],
                    handled=bool(definition.steps[name]["on_failure"]),
                    key=key,
                    data={"label": shown, "work": [msgspec.to_builtins(entry) for entry in entries]},
                )
            )
    return Layout(steps, names)


def _implemented(found: Topology, definition: Definition, prefix: str) -> Layout:
    """Return the one step of a workflow that an artifact implements (section 13.2)."""
    root, name = found.root.id, definition.vertex.name
    key = ids.derive("step", definition.vertex.id, IMPLEMENTATION)
    entry = Entry(IMPLEMENTATION, name, {}, root, root)
    data: dict[str, Value] = {"label": name, "work": [msgspec.to_builtins(entry)]}
    step = workflow.Step(node=root, operations=(entry.shown,), after=frozenset(), key=key, data=data)
    return Layout([step], {key: f"{prefix}{name}"})


def _units(
    reader: Reader, found: Topology, definition: Definition, name: str, labels: Mapping[Id, str]
) -> Iterator[tuple[Id, str, list[Entry]]]:
    """Yield key, name of the target, and entries of what a step becomes."""
    step = definition.steps[name]
    targets = _targets(reader, found, definition, step)
    together = len(targets) != 1 and any(activity["kind"] == "inline" for activity in step["activities"])
    for several in [targets] if together or not targets else [[one] for one in targets]:
        key = ids.derive("step", definition.vertex.id, name, *(entity for entity, _ in several))
        shown = labels[several[0][1]] if len(several) == 1 else str(step["target"])
        yield key, shown, list(_entries(found, step, several))


def _entries(found: Topology, step: dict[str, Any], targets: list[tuple[Id, Id]]) -> Iterator[Entry]:
    if step["filter"]:
        conditions = {"filter": codec.to_plain(step["filter"])}
        yield from (Entry("filter", "", conditions, entity, node) for entity, node in targets)
    for activity in step["activities"]:
        kind, subject = str(activity["kind"]), str(activity["subject"])
        inputs: Any = codec.to_plain(activity.get("inputs") or {})
        if kind == "inline":
            entity, node = targets[0] if targets else (found.root.id, found.root.id)
            yield Entry(kind, subject, inputs, entity, node)
        elif kind == "delegate":
            for entity, node in targets:
                verbs = delegated(found, node, subject)
                yield from (Entry("operation", verb, inputs, entity, node) for verb in verbs)
        else:
            yield from (Entry(kind, subject, inputs, entity, node) for entity, node in targets)


def check_delegates(templates: Iterable[VertexTemplate]) -> None:
    """Refuse a design whose workflows or triggers delegate to what nobody provides. Raises `model.Refused`."""
    problems = [
        model.Problem(
            "unknown-delegate",
            f"there is no workflow {subject!r} to delegate to",
            where=str(handler.metadata.get("tosca.origin") or template.name),
            hint=f"there are: {', '.join(DELEGATES)}; 'inline' is for the workflows of the service template",
        )
        for template in templates
        for handler in template.handlers
        for subject in dict.fromkeys(_delegates(handler.call))
        if subject not in DELEGATES
    ]
    if problems:
        raise model.Refused(*{(one.message, one.where): one for one in problems}.values())


def _delegates(call: Call) -> Iterator[str]:
    given: Any = call.arguments[0] if call.arguments else None
    if not isinstance(given, dict) or call.function not in (CALL, ACTIONS):
        return
    steps = given.get("steps") or {}
    for activity in [*(given.get("actions") or []), *(one for step in steps.values() for one in step["activities"])]:
        if activity["kind"] == "delegate":
            yield str(activity["subject"])


def delegated(found: Topology, node: Id, subject: str) -> tuple[str, ...]:
    """Return the operations of a declarative workflow for one node. Raises `model.Refused`."""
    if subject not in DELEGATES:
        raise model.refuse(
            "unsupported-delegate",
            f"nothing can be delegated to a workflow {subject!r}",
            hint=f"there are: {', '.join(DELEGATES)}; `inline` is for the workflows of the design",
        )
    built = workflow.build(found, node)
    vertex = found.nodes.get(node)
    match subject:
        case "deploy":
            return built
        case "undeploy":
            return workflow.TEAR_DOWN
        case "start":
            return built[built.index("start") :] if "start" in built else built
        case "restart":
            return ("stop", *(built[built.index("start") :] if "start" in built else built))
        case "update" if vertex is not None:
            return workflow.modification(vertex, configured=node in found.configured)
        case "heal":
            return (*workflow.TEAR_DOWN, *built)
    return ("stop",)


def _targets(reader: Reader, found: Topology, definition: Definition, step: dict[str, Any]) -> list[tuple[Id, Id]]:
    """Return what a step is for: pairs of a node, or an edge of it, and the node."""
    name, relationship = str(step["target"]), str(step.get("target_relationship") or "")
    nodes = [vertex.id for vertex in _named(reader, found, name, definition.vertex.name)]
    if not relationship:
        return [(node, node) for node in nodes]
    edges = [edge for edge in found.edges if edge.name == relationship and edge.source in nodes]
    return [(edge.id, edge.source) for edge in sorted(edges, key=_edge_order)]


def policy_targets(reader: Reader, policy: Vertex) -> list[Vertex]:
    """Return all representations of the nodes that a policy is for; none when the vertex is no policy."""
    root = reader.get(policy.parent) if policy.parent is not None else None
    if not isinstance(root, Vertex) or TARGETS not in policy.metadata:
        return []
    return _listed(reader, topology.load(reader, root), policy.metadata[TARGETS], policy.name)


def _named(reader: Reader, found: Topology, name: str, who: str) -> list[Vertex]:
    """Return all representations of a node, or of the members of a group."""
    nodes = [vertex for id, vertex in found.nodes.items() if vertex.name == name and id in found.own]
    if nodes:
        return sorted(nodes, key=lambda vertex: vertex.index)
    group = next((one for one in _children(reader, found.root, GROUP) if one.name == name), None)
    if group is not None:
        return _listed(reader, found, group.metadata.get(MEMBERS), who)
    if _is_designed(reader, found.root, name):
        return []
    raise model.refuse("unknown-target", f"{who}: there is neither a node nor a group {name!r}", status=409)


def _listed(reader: Reader, found: Topology, members: Value, who: str) -> list[Vertex]:
    """Return all representations of what the metadata of a group or a policy lists."""
    collected: dict[Id, Vertex] = {}
    for member in members if isinstance(members, list) else []:
        assert isinstance(member, dict)
        collected.update((one.id, one) for one in _named(reader, found, str(member["name"]), who))
    return list(collected.values())


def _is_designed(reader: Reader, root: Vertex, name: str) -> bool:
    """Whether the design has a node of this name, of which there may be none."""
    if root.template is None:
        return False
    query = Query(kinds=(Kind.VERTEX_TEMPLATE,), parent=root.template, name=name)
    return any(True for _ in reader.query(query))


def _children(reader: Reader, root: Vertex, label: str) -> list[Vertex]:
    query = Query(kinds=(Kind.VERTEX,), classes=(label,), parent=root.id)
    return [one for one in reader.query(query) if isinstance(one, Vertex)]


def _edge_order(edge: Edge) -> tuple[Id, int]:
    return edge.source, edge.index


def _check_order(leads: Mapping[str, set[str]], message: str) -> None:
    try:
        graphlib.TopologicalSorter(leads).prepare()
    except graphlib.CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        hint = "none of a circle can begin first"
        raise model.refuse("workflow-cycle", f"{message}: {circle}", hint=hint) from None
