"""Services: deploying, updating and undeploying designs. Each is one transaction that also writes the execution."""

import threading
from collections.abc import Iterable, Mapping

import msgspec

from floria import bundles, difference, ids, instantiation, properties
from floria.entities import Bundle, Directory, Edge, Kind, Plugin, Property, Vertex
from floria.evaluation import Context, EvaluationError, Library
from floria.events import Recorded
from floria.ids import Id
from floria.store.interface import Claimed, Query, Reader, Store, Transaction
from floria.values import Value
from khutulun import model, names
from khutulun.conductor import access, designs, executions, plugins, progress, refusals, registry, topology, workflow
from khutulun.conductor.workflow import Change, Workflow

DESIGN = "khutulun.design"
"""Metadata of a service's root: the digest of what was deployed."""

NAMES = "khutulun.names"
"""Claim space of the names of realised things; service names are unique on an installation."""

UNFINISHED = frozenset({"", "creating", "created", "configuring", "configured", "starting", "error"})
"""States of nodes whose building did not end well; to build them again changes nothing that is there."""

FAILED = "failed"
"""State of a node that ended by itself; when it is changed, it is built again."""

PLACE = "place"
"""Event of a node that is to be put on a host."""


class Update(msgspec.Struct, frozen=True):
    """What an update comes to.

    `execution` acts on it (None: there is nothing to do), `changes` say what becomes of each node, and `recorded` are
    the events to handle after the commit.
    """

    execution: Id | None
    changes: tuple[model.NodeChange, ...]
    recorded: tuple[Recorded, ...]


class Services:
    """Writes services into a store; used on the real graph, and on a copy of it to plan."""

    def __init__(
        self,
        store: Store,
        functions: Library,
        runs: executions.Executions,
        found: registry.Registry,
        admin: plugins.Administration,
    ) -> None:
        self._store, self._functions, self._runs, self._registry, self._admin = store, functions, runs, found, admin
        self.lock = threading.RLock()

    def deploy(self, tx: Transaction, request: model.DeployRequest, design: designs.Design) -> Id:
        """Write a new service and the execution that deploys it; return the execution."""
        self._check_new(tx, request)
        directory = path(request.directory, request.name)
        self._make_directory(tx, request.directory)
        self._make_directory(tx, directory)
        self._put_plugins(tx, design, request, directory)
        try:
            stored = bundles.store_bundle(tx, design.bundle, directory)
            plan = instantiation.plan(
                tx,
                stored,
                name=request.name,
                functions=self._functions,
                directory=directory,
                inputs=request.inputs,
                hooks=Marks(design.digest, request.adopt),
            )
            _check_adopted(request.adopt, plan)
            root = tx.get(instantiation.apply(tx, plan))
        except instantiation.InstantiationError as error:
            raise model.Refused(*refusals.problems(error)) from None
        except EvaluationError as error:
            raise refusals.evaluation(error) from None
        assert isinstance(root, Vertex)
        self._claim(tx, f"service/{request.name}", root)
        found = topology.load(tx, root)
        self._check_properties(tx, found)
        self._place(tx, found, found.nodes.values())
        found = topology.load(tx, root)
        return self._runs.create(tx, root, Workflow.DEPLOY, workflow.deploy(found), found.labels())

    def undeploy(self, tx: Transaction, root: Vertex) -> Id:
        """Write the execution that undoes a service; return it."""
        self._check_idle(tx, root)
        found = topology.load(tx, root)
        return self._runs.create(tx, root, Workflow.UNDEPLOY, workflow.undeploy(found), found.labels())

    def update(
        self, tx: Transaction, root: Vertex, request: model.DeployRequest, design: designs.Design | None
    ) -> Update:
        """Write the difference that a new design or new inputs make."""
        self._check_idle(tx, root)
        before: Value = {"archive": str(root.metadata.get(DESIGN)), "inputs": given_inputs(root)}
        return self._change(tx, root, request, design, Workflow.UPDATE, before if request.rollback else None)

    def roll_back(self, tx: Transaction, root: Vertex, request: model.DeployRequest, design: designs.Design) -> Update:
        """Write the difference that leads back to an earlier design and its inputs."""
        metadata = {**root.metadata, instantiation.INPUTS: request.inputs}
        stored = tx.put(msgspec.structs.replace(root, metadata=metadata))
        assert isinstance(stored, Vertex)
        return self._change(tx, stored, request, design, Workflow.ROLLBACK, None)

    def _change(
        self,
        tx: Transaction,
        root: Vertex,
        request: model.DeployRequest,
        design: designs.Design | None,
        purpose: Workflow,
        before: Value,
    ) -> Update:
        if design is not None:
            self._put_plugins(tx, design, request, root.directory)
        try:
            source: Bundle | Id = (
                bundles.store_bundle(tx, design.bundle, root.directory) if design is not None else _deployed(tx, root)
            )
            marks = Marks(design.digest if design is not None else str(root.metadata.get(DESIGN)))
            planned = difference.plan_change(
                tx, root.id, source, request.inputs, functions=self._functions, hooks=marks
            )
            recorded = difference.apply_change(tx, planned)
        except instantiation.InstantiationError as error:
            raise model.Refused(*refusals.problems(error)) from None
        except EvaluationError as error:
            raise refusals.evaluation(error) from None
        current = tx.get(root.id)
        assert isinstance(current, Vertex)
        found = topology.load(tx, current)
        self._check_properties(tx, found)
        obsolete = [id for id in planned.difference.obsolete if _is_designed(tx, id)]
        changes = _with_unfinished(_changes(planned.difference, obsolete, found), found)
        found = _without_obsolete_parts(tx, obsolete, found, changes)
        placed = {edge.source for edge in found.edges if edge.name == topology.HOST_EDGE}
        self._place(tx, found, (vertex for id, vertex in found.nodes.items() if id not in placed))
        found = topology.load(tx, current)
        steps = workflow.update(found, changes)
        told = tuple(
            model.NodeChange(label, changes[id].value, _modified(planned.difference, id))
            for id, label in sorted(found.labels().items(), key=lambda item: item[1])
        )
        execution = self._runs.create(tx, current, purpose, steps, found.labels(), before) if steps else None
        return Update(execution, told, recorded)

    def root(self, reader: Reader, name: str, directory: str) -> Vertex:
        """Return the root of a service. Raises `model.Refused`."""
        found = self.find(reader, name, directory)
        if found is None:
            known = [one.name for one in self.roots(reader, directory)]
            raise model.refuse(
                "unknown-service",
                f"there is no service {name!r} in {directory}",
                hint=f"there are: {', '.join(sorted(known)) or 'none'}",
                status=404,
            )
        return found

    def find(self, reader: Reader, name: str, directory: str) -> Vertex | None:
        query = Query(
            kinds=(Kind.VERTEX,), classes=(topology.SERVICE,), directory=path(directory, name), recursive=False
        )
        return next((one for one in reader.query(query) if isinstance(one, Vertex)), None)

    def roots(self, reader: Reader, directory: str) -> list[Vertex]:
        query = Query(kinds=(Kind.VERTEX,), classes=(topology.SERVICE,), directory=directory)
        return [one for one in reader.query(query) if isinstance(one, Vertex)]

    def finished(self, tx: Transaction, execution: Vertex, well: bool) -> None:
        """Complete an execution: an undeployed service is taken out of the graph (`executions.Finished`)."""
        if not progress.is_of(execution, Workflow.UNDEPLOY) or not well:
            return
        remove(tx, execution.directory)

    def _check_new(self, tx: Transaction, request: model.DeployRequest) -> None:
        if not names.is_service_name(request.name):
            raise model.refuse(
                "bad-name",
                f"{request.name!r} is no name for a service",
                hint="letters, digits and ._- (a letter or digit first), 63 characters at most",
            )
        check_directory(request.directory)
        if self.find(tx, request.name, request.directory) is not None:
            raise model.refuse(
                "service-exists",
                f"service {request.name} is deployed already",
                hint=f"`khutulun service update {request.name}` changes it, `--name` deploys another one",
                status=409,
            )

    def _check_properties(self, tx: Transaction, found: topology.Topology) -> None:
        edges = (edge.id for edge in found.edges)
        refusals.check_cycles(tx, [found.root.id, *found.owner, *edges], self._functions)

    def _check_idle(self, tx: Transaction, root: Vertex) -> None:
        running = self._runs.is_running(tx, root.directory)
        if running is not None:
            raise model.refuse(
                "service-busy",
                f"{root.name}: {running.name} is going on",
                hint=f"wait for it: `khutulun service events {root.name} -f`",
                status=409,
            )

    def _make_directory(self, tx: Transaction, directory: str) -> None:
        for level in reversed(registry.upwards(directory)):
            if level == registry.ROOT or access.find(tx, level) is not None:
                continue
            parent, _, name = level.rpartition("/")
            tx.put(Directory(id=ids.derive("directory", level), name=name, directory=parent or registry.ROOT))

    def _put_plugins(
        self, tx: Transaction, design: designs.Design, request: model.DeployRequest, directory: str
    ) -> None:
        carried = self._admin.carried(design.plugins, directory)
        here: dict[str, Plugin] = {
            one.name: one for one in self._registry.visible(tx, directory) if one.directory == directory
        }
        plugins.ask(
            [one for one in carried if one.name not in here or here[one.name].grants != one.grants], request.grant
        )
        for plugin in carried:
            self._admin.put(tx, plugin)

    def _claim(self, tx: Transaction, key: str, holder: Vertex) -> None:
        try:
            tx.claim(NAMES, key, holder.id)
        except Claimed as error:
            other = tx.get(error.holder)
            where = other.directory if other is not None else "another directory"
            raise model.refuse(
                "name-taken",
                f"the name {key.rpartition('/')[2]!r} is taken by {where}",
                hint="names of services, and of the units and containers made for them, are unique on a machine",
                status=409,
            ) from None

    def _place(self, tx: Transaction, found: topology.Topology, nodes: Iterable[Vertex]) -> None:
        """Put nodes on hosts: where their handlers of the event `place` say, else on the first there is."""
        hosts = self._registry.hosts(tx)
        if not hosts:
            raise model.refuse("no-host", "no host has joined yet", hint="is the agent running?", status=503)
        for node in nodes:
            host = self._chosen(tx, node, hosts)
            registry.place(tx, node, host)
            machine = str(names.realised(found.root.name, node.name, node.index)["machine"])
            self._claim(tx, f"{host.name}/{machine}", found.root)

    def _chosen(self, tx: Transaction, node: Vertex, hosts: list[Vertex]) -> Vertex:
        """Ask the user's code; it returns the name of a host, or fails to refuse (R41)."""
        for handler in node.handlers:
            if handler.event != PLACE:
                continue
            try:
                wanted = Context(tx, self._functions, entity=node, event={"name": PLACE}).evaluate(handler.call)
            except EvaluationError as error:
                raise model.refuse(error.code, f"{node.name} is not placed: {error}", status=409) from None
            found = next((host for host in hosts if host.name == wanted), None)
            if found is None:
                known = ", ".join(host.name for host in hosts)
                raise model.refuse("unknown-host", f"{node.name}: no host is called {wanted!r}", hint=f"known: {known}")
            return found
        return hosts[0]


class Marks(instantiation.Hooks):
    """Marks the root of a service, and remembers what it was made from."""

    def __init__(self, digest: str, adopted: Mapping[str, str] | None = None) -> None:
        self._digest, self._adopted = digest, adopted or {}

    def before_vertex(self, vertex: Vertex, context: object) -> Vertex:
        if vertex.parent is not None:
            existing = self._adopted.get(vertex.name) if topology.is_node(vertex) else None
            return vertex if existing is None else _with(vertex, workflow.ADOPTS, existing)
        kept = tuple(label for label in vertex.classes if label != topology.SERVICE)
        return msgspec.structs.replace(
            vertex,
            classes=(*kept[:-1], topology.SERVICE, *kept[-1:]),
            metadata={**vertex.metadata, DESIGN: self._digest},
        )


def _with(vertex: Vertex, name: str, value: str) -> Vertex:
    """Return the vertex with a property that belongs to the run and not to the design."""
    made = Property(value=value, metadata={properties.DESIGNED: []})
    return msgspec.structs.replace(vertex, properties={**vertex.properties, name: made})


def _check_adopted(adopted: Mapping[str, str], plan: instantiation.Plan) -> None:
    """Refuse to adopt as nodes that are not there, or that have no operation for it."""
    nodes = {vertex.name: vertex for vertex in plan.vertexes if topology.is_node(vertex)}
    for name in adopted:
        if name not in nodes:
            known = ", ".join(sorted(nodes)) or "none"
            raise model.refuse("unknown-node", f"there is no node {name!r} to adopt as", hint=f"there are: {known}")
        if not any(handler.event == f"{topology.LIFECYCLE}adopt" for handler in nodes[name].handlers):
            raise model.refuse("cannot-adopt", f"node {name!r} has no operation lifecycle.adopt")


def path(directory: str, name: str) -> str:
    """Return the directory of the service `name` in `directory`."""
    return f"/{name}" if directory == registry.ROOT else f"{directory}/{name}"


def check_directory(directory: str) -> None:
    """Refuse what is no absolute path of names. Raises `model.Refused`."""
    if directory == registry.ROOT:
        return
    if not directory.startswith("/") or not all(names.is_service_name(name) for name in directory[1:].split("/")):
        raise model.refuse("bad-directory", f"{directory!r} is no directory", hint="write it as /a/b")


def given_inputs(root: Vertex) -> dict[str, Value]:
    """Return the inputs that were given to a service."""
    found = root.metadata.get(instantiation.INPUTS)
    return dict(found) if isinstance(found, dict) else {}


def remove(tx: Transaction, directory: str) -> None:
    """Delete everything in a service's directory, and the directory."""
    for kind in (Kind.EDGE, Kind.VERTEX, Kind.EDGE_TEMPLATE, Kind.VERTEX_TEMPLATE, Kind.CLASS, Kind.PLUGIN):
        for entity in list(tx.query(Query(kinds=(kind,), directory=directory, recursive=False))):
            if tx.get(entity.id) is not None:
                tx.delete(entity.id)
    found = access.find(tx, directory)
    if found is not None:
        tx.delete(found.id)


def _deployed(tx: Transaction, root: Vertex) -> Id:
    if root.template is None or tx.get(root.template) is None:
        raise model.refuse("no-design", f"the design of {root.name} was deleted", hint="give the file to update from")
    return root.template


def _is_designed(tx: Transaction, id: Id) -> bool:
    """Whether something was made from a template; what was made at run time stays."""
    entity = tx.get(id)
    return isinstance(entity, Vertex | Edge) and entity.template is not None


def _changes(compared: difference.Comparison, obsolete: list[Id], found: topology.Topology) -> dict[Id, Change]:
    """Return what becomes of each node: a change of anything that belongs to it is a change of the node."""
    changes = dict.fromkeys(found.nodes, Change.UNCHANGED)
    sources = {edge.id: edge.source for edge in found.edges}
    kinds = [
        *((one.id, Change.MODIFIED) for one in compared.modified),
        *((id, Change.OBSOLETE) for id in obsolete),
        *((id, Change.NOVEL) for id in compared.novel),
    ]
    for id, change in kinds:
        if id in changes:
            changes[id] = change
    for id, _ in kinds:
        owner = found.owner.get(sources.get(id, id))
        if owner is not None and changes[owner] is Change.UNCHANGED:
            changes[owner] = Change.MODIFIED
    return changes


def _without_obsolete_parts(
    tx: Transaction, obsolete: list[Id], found: topology.Topology, changes: dict[Id, Change]
) -> topology.Topology:
    """Delete what is obsolete of nodes that stay; obsolete nodes go when their steps are done."""
    edges = {edge.id: edge for edge in found.edges}
    for id in obsolete:
        node = found.owner.get(edges[id].source if id in edges else id)
        if node is not None and changes[node] is not Change.OBSOLETE and tx.get(id) is not None:
            tx.delete(id)
    return topology.load(tx, found.root)


def _with_unfinished(changes: dict[Id, Change], found: topology.Topology) -> dict[Id, Change]:
    """Return the changes, with nodes that never came to life, or broke on the way, counted as novel."""
    return {
        id: Change.NOVEL
        if change in (Change.UNCHANGED, Change.MODIFIED)
        and found.nodes[id].state in (UNFINISHED | {FAILED} if change is Change.MODIFIED else UNFINISHED)
        else change
        for id, change in changes.items()
    }


def _modified(compared: difference.Comparison, node: Id) -> tuple[str, ...]:
    """Return the names of a node's own properties that are different."""
    return tuple(change.name for one in compared.modified if one.id == node for change in one.properties)
