"""What the conductor is made of, and what all that it does begins with: permission, and the service it is about."""

from pathlib import Path

from floria import plugins
from floria.entities import Vertex
from floria.evaluation import Functions
from floria.ids import Id
from floria.store.interface import Reader, Store
from khutulun import model, paths
from khutulun.bus import interface as bus
from khutulun.conductor import (
    access,
    auditing,
    designs,
    executions,
    feeds,
    journals,
    locations,
    planning,
    progress,
    registry,
    retention,
    secrets,
    services,
    topology,
    trust,
    turns,
)
from khutulun.conductor import plugins as administration
from khutulun.conductor.access import Role
from khutulun.conductor.emission import Emission
from khutulun.conductor.endings import Endings
from khutulun.conductor.graphaccess import GraphAccess
from khutulun.conductor.imperative import Imperative
from khutulun.conductor.operations import Operations


class Parts:
    """Holds the parts."""

    def __init__(
        self,
        store: Store,
        over: bus.Bus,
        where: paths.Paths,
        host: plugins.PluginHost,
        functions: Functions,
        keep: retention.Retention = retention.DEFAULT,
        trusted: Path | None = None,
    ) -> None:
        self._trusted = trusted
        self._store, self._bus, self._paths, self._functions = store, over, where, functions
        self._registry = registry.Registry()
        self._admin = administration.Administration(store, host)
        self._secrets = secrets.Secrets(store, where.state)
        functions.register("khutulun", {"secret": self._secrets.mark})
        self._bell = feeds.Bell()
        self._turns = turns.Turns()
        self._operations = Operations(store, over, functions, self._registry, turns=self._turns)
        self._imperative = Imperative(store, functions, self._operations)
        self._emission = Emission(store, functions, self._operations, self._imperative, self._bell.ring, self._turns)
        self._endings = Endings(store, over, self._registry, self._emission)
        self._executions = executions.Executions(
            store,
            self._imperative.perform,
            self._endings.finished,
            self._bell.ring,
            self._endings.before,
            self._turns,
        )
        self._imperative.executions = self._executions
        self._services = services.Services(store, functions, self._executions, self._registry, self._admin)
        self._endings.services, self._endings.begin = self._services, self._begin
        self._housekeeping = retention.Housekeeping(store, keep, self._emission.settle, self._created)
        self._graph = GraphAccess(store, functions, self._emission.told)
        self._planner = planning.Planner(store, over, functions, self._registry, self._admin)

    def _created(self, reader: Reader) -> dict[str, int]:
        """Return when services were deployed, by their directories."""
        return {root.directory: root.created for root in self._services.roots(reader, registry.ROOT)}

    def _begin(self, id: Id) -> model.Execution:
        with self._store.read() as reader:
            found = reader.get(id)
            assert isinstance(found, Vertex)
            shown = progress.view(reader, found)
        self._bell.ring()
        self._executions.begin(id)
        return shown

    def _design(self, request: model.DeployRequest) -> designs.Design:
        if request.archive is None:
            raise model.refuse("no-archive", "a service is deployed from a file", hint="upload it first")
        if self._trusted is not None:
            trust.check(self._store, request.archive, self._trusted)
        return designs.load(self._store, request.archive, request.name)

    def _node(
        self, principal: model.Principal, service: str, node: str, directory: str, role: Role, action: str = ""
    ) -> Vertex:
        self._require(principal, directory, role, action)
        with self._store.read() as reader:
            return topology.find(reader, self._services.root(reader, service, directory), node)

    def _require(self, principal: model.Principal, directory: str, role: Role, action: str = "") -> None:
        """Raise `model.Refused` when the role is not enough; for an `action`, which changes something, it is noted."""
        locations.check_directory(directory)
        try:
            with self._store.read() as reader:
                access.require(reader, principal, directory, role)
        except model.Refused as refused:
            if action:
                auditing.deny(self._store, principal, action, directory, refused.problems[0])
            raise

    def _require_known(self, service: str, directory: str) -> None:
        """Raise `model.Refused` for a service that is not there and of which nothing is kept."""
        subject = locations.path(directory, service)
        with self._store.read() as reader:
            topics = (*feeds.TOPICS, journals.Topic.EFFECT, journals.Topic.REACTION)
            if not any(reader.journal(topic, subject=subject, limit=1) for topic in topics):
                self._services.root(reader, service, directory)
