"""Plans: what a deploy or update would do, made by doing it on a copy of the graph with drivers in plan mode.

Queries of drivers run, their changes are written down: so the plan is made of the very commands that will run.
"""

import contextlib
import graphlib
import logging
import threading
from collections.abc import Iterator

import msgspec

from floria import ids
from floria.entities import EdgeTemplate, Entity, Kind, Vertex
from floria.evaluation import Functions
from floria.ids import Id
from floria.plugins import effects
from floria.store.interface import Query, Reader, Store
from floria.store.memory import MemoryStore
from khutulun import model
from khutulun.agent import messages
from khutulun.agent.effects import untold
from khutulun.bus import interface as bus
from khutulun.conductor import designs, executions, locations, placement, plugins, progress, registry, services, views
from khutulun.conductor.graphaccess import GraphAccess
from khutulun.conductor.imperative import Imperative
from khutulun.conductor.operations import Operations
from khutulun.conductor.performing import OperationFailed
from khutulun.conductor.workflow import REMOVE, Change

log = logging.getLogger(__name__)

_CONTENT = (Kind.CLASS, Kind.VERTEX_TEMPLATE, Kind.EDGE_TEMPLATE, Kind.VERTEX, Kind.EDGE, Kind.PLUGIN)


class Planner:
    """Makes plans. While one is being made, `graph` is its graph for the plugins that it asks."""

    def __init__(
        self,
        store: Store,
        over: bus.Bus,
        functions: Functions,
        found: registry.Registry,
        admin: plugins.Administration,
    ) -> None:
        self._store, self._bus, self._functions, self._registry, self._admin = store, over, functions, found, admin
        self._lock = threading.Lock()
        self._graphs: dict[str, GraphAccess] = {}

    def graph(self, plan: str) -> GraphAccess | None:
        """Return the graph of a plan that is being made."""
        with self._lock:
            return self._graphs.get(plan)

    def plan(self, request: model.DeployRequest, design: designs.Design | None) -> model.Plan:
        """Plan a deploy, or an update when the service is there. Raises `model.Refused`."""
        with contextlib.closing(MemoryStore()) as scratch:
            with self._store.read() as reader:
                self._copy(reader, scratch, request, design)
            operations = Operations(scratch, self._bus, self._functions, self._registry, messages.Mode.PLAN)
            performing = Imperative(scratch, self._functions, operations).perform
            runs = executions.Executions(scratch, performing, lambda *_: lambda: None, lambda: None)
            try:
                return self._on(scratch, operations, runs, request, design)
            finally:
                runs.close()

    def _on(
        self,
        scratch: MemoryStore,
        operations: Operations,
        runs: executions.Executions,
        request: model.DeployRequest,
        design: designs.Design | None,
    ) -> model.Plan:
        written = services.Services(scratch, self._functions, runs, self._registry, self._admin)
        with scratch.write() as tx:
            root = written.find(tx, request.name, request.directory)
            changes: tuple[model.NodeChange, ...]
            if root is None:
                if design is None:
                    raise model.refuse(
                        "no-archive",
                        f"there is no service {request.name!r}, and no file to deploy it from",
                        hint="name the FILE of a new service, or a service that is there",
                    )
                execution: Id | None = written.deploy(tx, request, design)
                assert execution is not None
                changes = tuple(model.NodeChange(step.name, Change.NOVEL) for step in progress.steps(tx, execution))
            else:
                updated = written.update(tx, root, request, design)
                execution, changes = updated.execution, updated.changes
        unknown: list[str] = []
        if execution is not None:
            with self._as_plan(scratch, operations) as id:
                unknown = self._perform(scratch, operations, execution, id)
        found = tuple(effect for answer in operations.planned for effect in answer.effects if effect.change)
        script = effects.script(untold(effect) for effect in found) if found else ""
        warnings = tuple(dict.fromkeys(line for answer in operations.planned for line in _warnings(answer)))
        return model.Plan(request.name, changes, found, script, tuple(unknown), warnings)

    def _perform(self, scratch: Store, operations: Operations, execution: Id, id: str) -> list[str]:
        """Do the steps one after the other; return what could not be planned."""
        with scratch.read() as reader:
            steps = {ids.parse(str(progress.value(step, "node"))): step for step in progress.steps(reader, execution)}
        order = graphlib.TopologicalSorter({node: _after(step) for node, step in steps.items()}).static_order()
        unknown: list[str] = []
        for node in order:
            if node not in steps:
                continue
            step = steps[node]
            for name in progress.operations(step):
                if name == REMOVE:
                    continue
                try:
                    operations.perform(node, name, id, lambda _: None)
                except OperationFailed as failure:
                    unknown.append(f"{step.name}, {name}: {failure.problem.message}")
                    break
        return unknown

    @contextlib.contextmanager
    def _as_plan(self, scratch: Store, operations: Operations) -> Iterator[str]:
        id = ids.new()
        with self._lock:
            self._graphs[id] = GraphAccess(scratch, self._functions, lambda *_: None)
        try:
            yield id
        finally:
            with self._lock:
                del self._graphs[id]
            for host in {effect.host for answer in operations.planned for effect in answer.effects}:
                try:
                    self._bus.request(f"agent.{host}.forget", messages.Forget(plan=id), messages.Done)
                except bus.BusError as error:
                    log.warning("host %s keeps a plan that was made: %s", host, error)

    def _copy(
        self, reader: Reader, scratch: Store, request: model.DeployRequest, design: designs.Design | None
    ) -> None:
        """Copy what a plan has to do with: hosts, plugins, and the service itself with everything in its directory.

        When targets are looked for everywhere, other services too.
        """
        directory = locations.path(request.directory, request.name)
        wanted: list[Entity] = list(self._registry.hosts(reader))
        wanted += reader.query(Query(kinds=(Kind.DIRECTORY,)))
        for level in registry.upwards(request.directory):
            wanted += reader.query(Query(kinds=(Kind.PLUGIN,), directory=level, recursive=False))
        for kind in _CONTENT:
            wanted += reader.query(Query(kinds=(kind,), directory=directory, recursive=False))
        templates = design.bundle.edges if design is not None else wanted
        if any(_looks_elsewhere(one) for one in templates):
            wanted += reader.query(Query(kinds=(Kind.VERTEX, Kind.EDGE)))
        known: set[Id] = set()
        with scratch.write() as tx:
            for entity in _owners_first(wanted):
                if entity.id in known or _is_execution(entity):
                    continue
                known.add(entity.id)
                tx.put(msgspec.structs.replace(entity, revision=0))
        if self._registered(reader, request.name) and views.last_execution(reader, directory) is None:
            raise model.refuse(
                "name-taken",
                f"a service {request.name!r} is deployed in another directory",
                hint="names of services are unique on a machine: choose another with `--name`",
                status=409,
            )

    def _registered(self, reader: Reader, name: str) -> bool:
        return f"service/{name}" in reader.claims(placement.NAMES)


def _warnings(answer: messages.Operated) -> list[str]:
    """Return what of a driver's log people are to know."""
    return [line.removeprefix(messages.WARNING) for line in answer.log if line.startswith(messages.WARNING)]


def _looks_elsewhere(template: Entity) -> bool:
    return isinstance(template, EdgeTemplate) and template.finder is not None and template.finder.scope is not None


def _after(step: Vertex) -> list[Id]:
    after = progress.value(step, "after")
    assert isinstance(after, list)
    return [ids.parse(str(one)) for one in after]


def _is_execution(entity: Entity) -> bool:
    return progress.EXECUTION in entity.classes or progress.STEP in entity.classes


def _owners_first(found: list[Entity]) -> list[Entity]:
    """Return containers before their content, and vertexes before edges."""
    by_id = {entity.id: entity for entity in found}
    ordered: dict[Id, Entity] = {}

    def add(entity: Entity) -> None:
        if entity.id in ordered:
            return
        for name in ("parent", "source", "target"):
            owner = by_id.get(getattr(entity, name, None) or Id(""))
            if owner is not None:
                add(owner)
        ordered[entity.id] = entity

    for entity in found:
        add(entity)
    return list(ordered.values())
