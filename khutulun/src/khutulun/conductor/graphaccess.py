"""The graph as plugins see it: asked by agents over the bus, in the name of the workload that an operation is for.

What lies outside the scope that a plugin was granted is not there for it. A change is remembered under the id of its
effect, so that doing it again after a crash changes nothing.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from floria import codec, ids, properties
from floria.entities import Edge, Entity, Vertex
from floria.evaluation import EvaluationError, Library
from floria.ids import Id
from floria.store.interface import Axis, Claimed, Query, Reader, Step, Store, StoreError, Transaction
from floria.values import Value
from khutulun import model
from khutulun.agent import messages
from khutulun.conductor import registry

DONE = "plugin-change"
"""Journal topic of changes that plugins made, by the id of their effect."""

LIMIT = 1000

FUNCTIONS = frozenset(
    ("permits", "get", "query", "set_property", "create", "delete", "emit", "claim", "release", "claims")
)

Emit = Callable[[Entity, str, Value, str], None]
"""Emits an event of an entity: (entity, name, data, id)."""


class Scope:
    """Which entities a plugin may see, as its grants name them."""

    OWN, SERVICE, DIRECTORY, ALL = "own", "service", "directory", "all"


class GraphAccess:
    """Answers ``conductor.graph``."""

    def __init__(self, store: Store, functions: Library, told: Emit) -> None:
        self._store, self._functions, self._told = store, functions, told

    def answer(self, request: messages.Graph) -> messages.GraphAnswer:
        function = getattr(self, f"_{request.function}", None) if request.function in FUNCTIONS else None
        if function is None:
            return _problem("unknown-function", f"the graph has no function {request.function!r}")
        try:
            return messages.GraphAnswer(function(request.workload, *request.arguments))
        except EvaluationError as error:
            return _problem(error.code, str(error))
        except model.Refused as refused:
            return messages.GraphAnswer(problem=refused.problems[0])
        except (StoreError, codec.CodecError, ids.InvalidId, msgspec.ValidationError, ValueError) as error:
            return _problem("graph", str(error))

    def _permits(self, workload: messages.Workload, id: str, scope: str) -> bool:
        with self._store.read() as reader:
            entity = reader.get(ids.parse(id))
            return entity is not None and inside(reader, workload, entity, scope)

    def _get(self, workload: messages.Workload, id: str) -> Any:
        with self._store.read() as reader:
            entity = reader.get(ids.parse(id))
        if entity is None:
            raise model.refuse("not-found", f"there is no entity {id}", status=404)
        return codec.entity_to_plain(entity)

    def _query(self, workload: messages.Workload, query: Any, scope: str) -> Any:
        wanted = msgspec.convert(query, Query)
        wanted = msgspec.structs.replace(wanted, limit=min(wanted.limit or LIMIT, LIMIT))
        with self._store.read() as reader:
            found = [one for one in reader.query(wanted) if inside(reader, workload, one, scope)]
        return [codec.entity_to_plain(one) for one in found]

    def _set_property(self, workload: messages.Workload, id: str, name: str, value: Any, effect: str) -> Any:
        def change(tx: Transaction) -> None:
            properties.write_property(
                tx, ids.parse(id), name, codec.from_plain(value), effect, functions=self._functions, declare=True
            )

        return self._once(workload, effect, change)

    def _create(self, workload: messages.Workload, entity: Any, scope: str, effect: str) -> Any:
        made = codec.entity_from_plain({"id": ids.derive("effect", effect), **entity, "revision": 0})
        if not isinstance(made, Vertex | Edge):
            raise ValueError(f"plugins create vertexes and edges, not a {entity.get('kind')}")
        made = msgspec.structs.replace(made, directory=workload.directory)

        def change(tx: Transaction) -> None:
            owner = tx.get((made.parent or Id(workload.entity)) if isinstance(made, Vertex) else made.source)
            if owner is None or not inside(tx, workload, owner, scope):
                raise model.refuse("denied", "the owner of what is created lies outside the scope", status=403)
            if isinstance(made, Vertex) and made.parent is None:
                tx.put(msgspec.structs.replace(made, parent=Id(workload.entity)))
            else:
                tx.put(made)

        self._once(workload, effect, change)
        return self._get(workload, made.id)

    def _delete(self, workload: messages.Workload, id: str, effect: str) -> Any:
        def change(tx: Transaction) -> None:
            if tx.get(ids.parse(id)) is not None:
                tx.delete(ids.parse(id))

        return self._once(workload, effect, change)

    def _emit(self, workload: messages.Workload, id: str, event: str, detail: Any, effect: str) -> Any:
        with self._store.read() as reader:
            entity = reader.get(ids.parse(id))
        if entity is None:
            raise model.refuse("not-found", f"there is no entity {id}", status=404)
        self._told(entity, event, codec.from_plain(detail), effect)
        return None

    def _claim(self, workload: messages.Workload, space: str, key: str, effect: str) -> Any:
        """Take `key` in a space of this host for the workload; False when somebody else has it."""
        try:
            with self._store.write() as tx:
                tx.claim(self._space(tx, workload, space), key, Id(workload.entity))
        except Claimed:
            return False
        return True

    def _release(self, workload: messages.Workload, space: str, key: str, effect: str) -> Any:
        with self._store.write() as tx:
            tx.unclaim(self._space(tx, workload, space), key, Id(workload.entity))
        return None

    def _claims(self, workload: messages.Workload, space: str) -> Any:
        with self._store.read() as reader:
            return sorted(reader.claims(self._space(reader, workload, space)))

    def _space(self, reader: Reader, workload: messages.Workload, space: str) -> str:
        node = reader.get(Id(workload.entity))
        if not isinstance(node, Vertex):
            raise model.refuse("not-found", f"node {workload.node} is gone", status=404)
        return f"host/{registry.Registry().host(reader, node).name}/{space}"

    def _once(self, workload: messages.Workload, effect: str, change: Callable[[Transaction], None]) -> None:
        with self._store.write() as tx:
            if tx.append(DONE, effect, None, subject=workload.directory) is not None:
                change(tx)


def inside(reader: Reader, workload: messages.Workload, entity: Entity, scope: str) -> bool:
    """Whether an entity lies in the scope, as seen from the workload."""
    if entity.id == workload.entity:
        return True
    match scope:
        case Scope.ALL:
            return True
        case Scope.DIRECTORY:
            above = workload.directory.rpartition("/")[0] or registry.ROOT
            return _below(entity.directory, above)
        case Scope.SERVICE:
            return _below(entity.directory, workload.directory)
        case _:
            node = Id(workload.entity)
            if isinstance(entity, Edge):
                return node in (entity.source, *reader.path([entity.source], [Step(axis=Axis.ANCESTORS)]))
            return node in reader.path([entity.id], [Step(axis=Axis.ANCESTORS)])


def _below(directory: str, above: str) -> bool:
    return above == registry.ROOT or directory == above or directory.startswith(f"{above}/")


def _problem(code: str, message: str) -> messages.GraphAnswer:
    return messages.GraphAnswer(problem=model.Problem(code, message))
