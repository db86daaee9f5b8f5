"""What clients see of services, hosts and plugins; `Conductor` has it. Nothing is changed here."""

import os
from importlib import metadata

import msgspec

from floria import ids, naming, updating
from floria.entities import Vertex
from floria.ids import Id
from floria.plugins import effects
from floria.store.interface import Reader
from khutulun import model
from khutulun.agent.effects import untold
from khutulun.conductor import (
    access,
    auditing,
    feeds,
    journals,
    locations,
    progress,
    registry,
    retention,
    topology,
    validating,
    views,
)
from khutulun.conductor import plugins as administration
from khutulun.conductor.access import Role
from khutulun.conductor.parts import Parts

HISTORY_LIMIT = 100_000
POSITIONS = 1 << 62
"""Positions in journals are below this."""


class Looking(Parts):
    """See `khutulun.conductor.interface.Conductor` for what each method does."""

    def info(self) -> model.Info:
        with self._store.read() as reader:
            hosts = self._registry.hosts(reader)
            count = len(self._services.roots(reader, registry.ROOT))
        return model.Info(
            version=metadata.version("khutulun"),
            scope=self._paths.scope.value,
            host=hosts[0].name if hosts else "",
            state_folder=str(self._paths.state),
            pid=os.getpid(),
            services=count,
        )

    def execution(self, principal: model.Principal, id: str) -> model.Execution:
        with self._store.read() as reader:
            found = reader.get(_parsed(id))
            if isinstance(found, Vertex):
                access.require(reader, principal, found.directory, Role.VIEWER)
                return progress.view(reader, found)
            ended = progress.ended(reader, id)
        if ended is None:
            raise model.refuse("unknown-execution", f"there is no execution {id}", status=404)
        return ended

    def _ended(self, principal: model.Principal, id: str) -> model.Execution:
        """Return an execution when it has ended; one that goes on when the conductor is back, when that stops."""
        seen = self._bell.count()
        while (found := self.execution(principal, id)).state == "running" and not self._executions.is_closing:
            seen = self._bell.wait(seen, lambda: self._executions.is_closing)
        return found

    def services(self, principal: model.Principal, directory: str = "/") -> list[model.Service]:
        locations.check_directory(directory)
        with self._store.read() as reader:
            roots = self._services.roots(reader, directory)
            seen = [root for root in roots if access.role(reader, principal, root.directory) >= Role.VIEWER]
            return sorted((views.summary(reader, root) for root in seen), key=lambda one: (one.directory, one.name))

    def service(self, principal: model.Principal, service: str, directory: str = "/") -> model.Service:
        self._require(principal, directory, Role.VIEWER)
        with self._store.read() as reader:
            root = self._services.root(reader, service, directory)
            return views.service(reader, root, topology.load(reader, root), self._outputs(reader, root))

    def validate(self, principal: model.Principal, service: str, directory: str = "/") -> list[model.Difference]:
        self._require(principal, directory, Role.VIEWER)
        with self._store.read() as reader:
            root = self._services.root(reader, service, directory)
            found = topology.load(reader, root)
        return validating.differences(self._store, self._functions, self._operations, found)

    def history(
        self, principal: model.Principal, service: str, node: str | None = None, directory: str = "/"
    ) -> list[model.Effect]:
        self._require(principal, directory, Role.VIEWER)
        self._require_known(service, directory)
        subject = locations.path(directory, service)
        with self._store.read() as reader:
            if node is not None:
                root = self._services.root(reader, service, directory)
                subject = naming.subject(reader, topology.find(reader, root, node))
            topics = (journals.Topic.EFFECT, journals.Topic.REACTION)
            found = [one for topic in topics for one in reader.journal(topic, subject=subject, limit=HISTORY_LIMIT)]
        found.sort(key=lambda record: record.position)
        return [msgspec.convert(record.body, model.Effect) for record in found]

    def script(self, principal: model.Principal, service: str, node: str | None = None, directory: str = "/") -> str:
        return effects.script(untold(effect) for effect in self.history(principal, service, node, directory))

    def events(
        self,
        principal: model.Principal,
        *,
        service: str | None = None,
        directory: str = "/",
        after: int | None = None,
        follow: bool = False,
        limit: int = 1000,
    ) -> feeds.Feed:
        self._require(principal, directory, Role.VIEWER)
        if service is not None:
            self._require_known(service, directory)
        subject = locations.path(directory, service) if service is not None else directory.rstrip("/")
        if (after or 0) >= POSITIONS:
            raise model.refuse("bad-position", f"{after} is no position of an event", hint="take one that events tell")
        limit = min(limit, POSITIONS - 1)
        with self._store.read() as reader:
            retention.check(reader, subject, after or 0)
        return feeds.Feed(self._store, self._bell, subject, after, follow, limit)

    def audit(
        self, principal: model.Principal, *, service: str | None = None, directory: str = "/", limit: int = 100
    ) -> list[model.Audited]:
        self._require(principal, directory, Role.VIEWER)
        if service is not None:
            self._require_known(service, directory)
        subject = locations.path(directory, service) if service is not None else directory.rstrip("/")
        with self._store.read() as reader:
            return auditing.read(reader, subject, limit)

    def plugins(self, principal: model.Principal, directory: str = "/") -> list[model.PluginInfo]:
        self._require(principal, directory, Role.VIEWER)
        with self._store.read() as reader:
            found = administration.visible(self._registry.visible(reader, directory))
        return [administration.info(plugin) for plugin in found]

    def plugin(self, principal: model.Principal, name: str, directory: str = "/") -> model.PluginInfo:
        found = {one.name: one for one in self.plugins(principal, directory)}
        if name not in found:
            raise model.refuse(
                "unknown-plugin",
                f"there is no plugin {name!r} in {directory}",
                hint=f"there are: {', '.join(found) or 'none'}",
                status=404,
            )
        return found[name]

    def access(self, principal: model.Principal, directory: str = "/") -> list[model.Access]:
        self._require(principal, directory, Role.VIEWER)
        with self._store.read() as reader:
            return access.seen(reader, directory)

    def secrets(self, principal: model.Principal, directory: str = "/") -> list[model.Secret]:
        self._require(principal, directory, Role.VIEWER)
        with self._store.read() as reader:
            return self._secrets.seen(reader, directory)

    def inspect_plugin(self, principal: model.Principal, content: bytes, carrier: str) -> model.PluginInfo:
        return administration.info(self._admin.describe(content, carrier))

    def _outputs(self, reader: Reader, root: Vertex) -> dict[str, model.Attribute]:
        """Evaluate a service's outputs, which are as late as the question."""
        results = updating.evaluate(reader, [root.id], self._functions)
        found = {}
        for name, property in root.properties.items():
            if views.OUTPUT not in property.classes:
                continue
            result = results.get((root.id, name), property.value)
            if isinstance(result, Exception):
                problem = model.Problem(getattr(result, "code", "failed"), str(result))
                found[name] = model.Attribute(None, problem)
            else:
                found[name] = model.Attribute(None if result is msgspec.UNSET else result)
        return found


def _parsed(id: str) -> Id:
    try:
        return ids.parse(id)
    except ids.InvalidId as error:
        raise model.refuse("bad-id", str(error)) from None
