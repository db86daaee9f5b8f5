"""Plugins and hosts as the graph knows them: who does an operation, and where.

A plugin is found by name from the service's directory upwards, so a service, a directory or everybody can have their
own in place of a built-in one, and the next operation uses it.
"""

from typing import Any

import msgspec

from floria import codec, ids
from floria.entities import Edge, Entity, Kind, Plugin, Property, Vertex
from floria.store.interface import Axis, Query, Reader, Step, Transaction
from floria.values import Value
from khutulun import model
from khutulun.agent import messages
from khutulun.conductor import calls, topology

ROOT = "/"
HOST = "khutulun:host"
BUILT_IN = "khutulun.built-in"


class Host(msgspec.Struct, frozen=True):
    """A host and its facts, as its agent told them."""

    name: str
    facts: dict[str, Any]


class Registry:
    """Looks plugins and hosts up. Stateless: what changes in the graph holds from the next look on."""

    def find(self, reader: Reader, name: str, directory: str) -> messages.PluginReference:
        """Return the plugin that `name` means in `directory`. Raises `model.Refused`."""
        plugin = self.entity(reader, name, directory)
        if plugin is None:
            known = sorted({one.name for one in self.visible(reader, directory)})
            raise model.refuse(
                "unknown-plugin",
                f"there is no plugin {name!r}",
                hint=f"there are: {', '.join(known) or 'none'}; add one with `khutulun plugin add`",
                status=404,
            )
        grants: Any = codec.to_plain(plugin.grants)
        return messages.PluginReference(plugin.name, plugin.digest, plugin.carrier, grants)

    def entity(self, reader: Reader, name: str, directory: str) -> Plugin | None:
        for level in upwards(directory):
            query = Query(kinds=(Kind.PLUGIN,), directory=level, recursive=False, name=name)
            for found in reader.query(query):
                if isinstance(found, Plugin):
                    return found
        return None

    def visible(self, reader: Reader, directory: str) -> list[Plugin]:
        """Return the plugins seen from `directory`, nearest first; one name may come more than once."""
        found: list[Plugin] = []
        for level in upwards(directory):
            query = Query(kinds=(Kind.PLUGIN,), directory=level, recursive=False)
            found += [one for one in reader.query(query) if isinstance(one, Plugin)]
        return found

    def processor(self, reader: Reader, label: str, directory: str) -> str | None:
        """Return the name of the plugin that processes an artifact type."""
        manifests: dict[str, dict[str, Value]] = {}
        for plugin in self.visible(reader, directory):
            manifests.setdefault(plugin.name, plugin.manifest)
        return calls.processors(manifests).get(label)

    def host(self, reader: Reader, node: Vertex) -> Host:
        """Return the host that a node was placed on. Raises `model.Refused`."""
        edges = reader.get_many(reader.path([node.id], [Step(axis=Axis.OUT, name=topology.HOST_EDGE)]))
        for edge in edges:
            if isinstance(edge, Edge) and isinstance(vertex := reader.get(edge.target), Vertex):
                return _host(vertex)
        raise model.refuse("not-placed", f"{node.name} has no host")

    def hosts(self, reader: Reader) -> list[Vertex]:
        query = Query(kinds=(Kind.VERTEX,), classes=(HOST,))
        return [one for one in reader.query(query) if isinstance(one, Vertex)]


def upwards(directory: str) -> list[str]:
    """Return `directory` and everything above it, up to the root."""
    levels = []
    while directory != ROOT:
        levels.append(directory)
        directory = directory.rpartition("/")[0] or ROOT
    return [*levels, ROOT]


def register_host(tx: Transaction, hello: messages.Hello) -> Vertex:
    """Write what an agent told about its host."""
    id = ids.derive(HOST, hello.host)
    facts = codec.from_plain(hello.facts)
    before = tx.get(id)
    if isinstance(before, Vertex):
        if before.properties["facts"].value == facts:
            return before
        vertex = msgspec.structs.replace(before, properties={**before.properties, "facts": Property(value=facts)})
    else:
        vertex = Vertex(id=id, name=hello.host, classes=(HOST,), properties={"facts": Property(value=facts)})
    stored: Entity = tx.put(vertex)
    assert isinstance(stored, Vertex)
    return stored


def place(tx: Transaction, node: Vertex, host: Vertex) -> None:
    """Write that `node` is on `host`."""
    tx.put(
        Edge(
            id=ids.new(),
            name=topology.HOST_EDGE,
            directory=node.directory,
            classes=(topology.HOST_EDGE,),
            source=node.id,
            target=host.id,
        )
    )


def _host(vertex: Vertex) -> Host:
    found = vertex.properties["facts"].value
    assert isinstance(found, dict)
    facts: Any = codec.to_plain(found)
    return Host(vertex.name, facts)
