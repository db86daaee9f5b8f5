"""Services: deploying, updating and undeploying designs. Each is one transaction that also writes the execution."""

import threading
from collections.abc import Mapping

import msgspec

from floria import bundles, difference, instantiation, properties
from floria.entities import Bundle, Edge, Kind, Plugin, Property, Vertex
from floria.evaluation import Context, EvaluationError, Library
from floria.events import Recorded
from floria.ids import Id
from floria.store.interface import Query, Reader, Store, Transaction
from floria.values import Value
from khutulun import model, names
from khutulun.conductor import (
    access,
    changes,
    designs,
    executions,
    forgetting,
    locations,
    placement,
    plugins,
    progress,
    refusals,
    registry,
    topology,
    workflow,
)
from khutulun.conductor.workflow import Workflow

DESIGN = "khutulun.design"
"""Metadata of a service's root: the digest of what was deployed."""


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
        self._placement = placement.Placement(functions, found)
        self.lock = threading.RLock()

    def deploy(
        self,
        tx: Transaction,
        request: model.DeployRequest,
        design: designs.Design,
        may_see: access.MaySee = access.anything,
    ) -> Id:
        """Write a new service and the execution that deploys it; return the execution."""
        self._check_new(tx, request)
        directory = locations.path(request.directory, request.name)
        locations.make(tx, request.directory)
        locations.make(tx, directory)
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
                hooks=Marks(design.digest, request.adopt, may_see),
            )
            _check_adopted(request.adopt, plan)
            root = tx.get(instantiation.apply(tx, plan))
        except instantiation.InstantiationError as error:
            raise model.Refused(*refusals.problems(error)) from None
        except EvaluationError as error:
            raise refusals.evaluation(error) from None
        assert isinstance(root, Vertex)
        self._placement.claim(tx, f"service/{request.name}", root)
        found = topology.load(tx, root)
        self._check_properties(tx, found)
        self._placement.place(tx, found, found.nodes.values())
        found = topology.load(tx, root)
        return self._runs.create(tx, root, Workflow.DEPLOY, workflow.deploy(found), found.labels())

    def undeploy(self, tx: Transaction, root: Vertex) -> Id:
        """Write the execution that undoes a service; return it."""
        self._check_idle(tx, root)
        found = topology.load(tx, root)
        return self._runs.create(tx, root, Workflow.UNDEPLOY, workflow.undeploy(found), found.labels())

    def update(
        self,
        tx: Transaction,
        root: Vertex,
        request: model.DeployRequest,
        design: designs.Design | None,
        may_see: access.MaySee = access.anything,
    ) -> Update:
        """Write the difference that a new design or new inputs make."""
        self._check_idle(tx, root)
        before: Value = {"archive": str(root.metadata.get(DESIGN)), "inputs": given_inputs(root)}
        return self._change(tx, root, request, design, Workflow.UPDATE, before if request.rollback else None, may_see)

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
        may_see: access.MaySee = access.anything,
    ) -> Update:
        if design is not None:
            self._put_plugins(tx, design, request, root.directory)
        try:
            source: Bundle | Id = (
                bundles.store_bundle(tx, design.bundle, root.directory) if design is not None else _deployed(tx, root)
            )
            marks = Marks(design.digest if design is not None else str(root.metadata.get(DESIGN)), may_see=may_see)
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
        obsolete = [id for id in planned.difference.obsolete if changes.is_designed(tx, id)]
        becomes = changes.with_unfinished(changes.of_nodes(planned.difference, obsolete, found), found)
        found = changes.without_obsolete_parts(tx, obsolete, found, becomes)
        placed = {edge.source for edge in found.edges if edge.name == topology.HOST_EDGE}
        self._placement.place(tx, found, (vertex for id, vertex in found.nodes.items() if id not in placed))
        found = topology.load(tx, current)
        forgetting.forget(tx, found, becomes, self._functions)
        steps = workflow.update(found, becomes)
        told = tuple(
            model.NodeChange(label, becomes[id].value, changes.modified(planned.difference, id))
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
            kinds=(Kind.VERTEX,),
            classes=(topology.SERVICE,),
            directory=locations.path(directory, name),
            recursive=False,
        )
        return next((one for one in reader.query(query) if isinstance(one, Vertex)), None)

    def roots(self, reader: Reader, directory: str) -> list[Vertex]:
        query = Query(kinds=(Kind.VERTEX,), classes=(topology.SERVICE,), directory=directory)
        return [one for one in reader.query(query) if isinstance(one, Vertex)]

    def finished(self, tx: Transaction, execution: Vertex, well: bool) -> tuple[Recorded, ...]:
        """Complete an execution: an undeployed service is taken out of the graph (`performing.Finished`).

        Returns the events that tell of it elsewhere.
        """
        if not progress.is_of(execution, Workflow.UNDEPLOY) or not well:
            return ()
        return locations.remove(tx, execution.directory)

    def _check_new(self, tx: Transaction, request: model.DeployRequest) -> None:
        if not names.is_service_name(request.name):
            raise model.refuse(
                "bad-name",
                f"{request.name!r} is no name for a service",
                hint="letters, digits and ._- (a letter or digit first), 63 characters at most",
            )
        locations.check_directory(request.directory)
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


class Marks(instantiation.Hooks):
    """Marks the root of a service, remembers what it was made from, and lets it lead to what its user may see."""

    def __init__(
        self, digest: str, adopted: Mapping[str, str] | None = None, may_see: access.MaySee = access.anything
    ) -> None:
        self._digest, self._adopted, self._may_see = digest, adopted or {}, may_see

    def before_edge(self, edge: Edge, context: Context) -> Edge:
        """Refuse to lead to a service that the user may not look at (R74)."""
        target = context.reader.get(edge.target)
        if target is not None and target.directory != edge.directory and not self._may_see(target.directory):
            raise EvaluationError("floria.refused", "it is in a directory that the user may not look at")
        return edge

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


def given_inputs(root: Vertex) -> dict[str, Value]:
    """Return the inputs that were given to a service."""
    found = root.metadata.get(instantiation.INPUTS)
    return dict(found) if isinstance(found, dict) else {}


def _deployed(tx: Transaction, root: Vertex) -> Id:
    if root.template is None or tx.get(root.template) is None:
        raise model.refuse("no-design", f"the design of {root.name} was deleted", hint="give the file to update from")
    return root.template
