"""A service in memory: instantiated by the same engine as everywhere, its operations recorded instead of executed.

``puccini-tosca instantiate`` shows what is found here (R82).
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from floria import graph, instantiation
from floria.entities import Bundle, Edge, Failure, Handler, Property, Vertex
from floria.evaluation import Context, EvaluationError, Functions
from floria.events import Emitter, Event
from floria.graph import Graph
from floria.ids import Id
from floria.store.memory import MemoryStore
from floria.values import Call, Value
from puccini import functions

OPERATION, OUTPUT = "tosca:operation", "tosca:output"
NO_VALUE = "it has no value yet"
_SHOWN = ("interface", "operation", "artifact", "outputs", "timeout")


class Result(msgspec.Struct, frozen=True):
    """A value, or why there is none."""

    value: Value = None
    error: Failure | None = None


class Reaction(msgspec.Struct, frozen=True):
    """What a handler would do about an event, or, when `status` is not ``done``, why it would not."""

    event: str
    entity: str
    handler: str
    status: str
    call: str
    inputs: dict[str, Result] = {}
    detail: Value = None
    error: Failure | None = None


class Simulation:
    """One service in a store of its own. Raises `floria.instantiation.InstantiationError` when it cannot be made."""

    def __init__(self, bundle: Bundle, name: str, inputs: Mapping[str, Value]) -> None:
        self._functions = Functions()
        functions.register(self._functions)
        self._store = MemoryStore()
        self._runs: list[tuple[Id, str, dict[str, Result]]] = []
        self.plan = instantiation.instantiate(self._store, bundle, name=name, inputs=inputs, functions=self._functions)

    def current(self) -> Graph:
        """Return what there is now."""
        with self._store.read() as reader:
            return graph.load(reader, self.plan.root)

    def properties(self, entity: Vertex | Edge) -> dict[str, Result]:
        """Return the properties of an entity, evaluated."""
        with self._store.read() as reader:
            context = Context(reader, self._functions, entity=entity)
            return {name: self._property(context, entity, name, one) for name, one in entity.properties.items()}

    def outputs(self) -> dict[str, Result]:
        """Return the outputs of the service."""
        root = self.current().vertexes[self.plan.root]
        found = self.properties(root)
        return {name: found[name] for name, one in root.properties.items() if OUTPUT in one.classes}

    def react(self, event: str, target: str | None) -> list[Reaction]:
        """Emit an event to a node (``web``, ``web[1]``, ``web/endpoint``), or to everything that handles it.

        Raises `EvaluationError` when there is no such node.
        """
        current = self.current()
        entities = self._targets(current, target) if target else self._handling(current, event)
        emitter = Emitter(self._store, self._functions, self._record)
        return [reaction for one in entities for reaction in self._emit(emitter, event, one)]

    def label(self, entity: Vertex | Edge | Id) -> str:
        """Return the name of an entity for people."""
        with self._store.read() as reader:
            return Context(reader, self._functions).label(entity)

    def _property(self, context: Context, entity: Vertex | Edge, name: str, found: Property) -> Result:
        if found.value is msgspec.UNSET and found.updater is msgspec.UNSET and found.error is None:
            return Result(error=Failure("floria.unset", NO_VALUE, retryable=True))
        try:
            return Result(context.property(entity.id, name))
        except EvaluationError as error:
            return Result(error=error.failure())

    def _targets(self, current: Graph, target: str) -> list[Vertex | Edge]:
        root = self.label(self.plan.root)
        found: list[Vertex | Edge] = []
        for one in _entities(current):
            label = self.label(one).removeprefix(f"{root}/")
            if target in (label, _without_indexes(label)):
                found.append(one)
        if not found:
            nodes = [one.name for one in current.vertexes.values() if "tosca:node" in one.classes]
            names = ", ".join(sorted(dict.fromkeys(nodes))[:12])
            raise EvaluationError("puccini.no-node", f"there is no {target!r} in the service; it has: {names}")
        return found

    def _handling(self, current: Graph, event: str) -> list[Vertex | Edge]:
        return [one for one in _entities(current) if any(handler.event == event for handler in one.handlers)]

    def _emit(self, emitter: Emitter, event: str, entity: Vertex | Edge) -> Iterator[Reaction]:
        self._runs.clear()
        for handling in emitter.emit(Event(name=event, source=entity.id)).handlings:
            with self._store.read() as reader:
                found = reader.get(handling.entity)
            assert isinstance(found, Vertex | Edge)
            handler = found.handlers[handling.handler]
            runs = [run for id, name, run in self._runs if (id, name) == (found.id, handler.name)]
            yield Reaction(
                event=handling.name,
                entity=self.label(found),
                handler=handler.name,
                status=handling.status.value,
                call=handler.call.function,
                inputs=runs[-1] if runs else {},
                detail=_detail(handler),
                error=handling.error,
            )

    def _record(self, handler: Handler, entity: Vertex | Edge, event: Event, context: Context) -> Value:
        """Stand in for an orchestrator: evaluate the inputs of an operation, and note it."""
        if handler.call.function.partition(":")[0] != functions.NAMESPACE:
            return context.evaluate(handler.call)
        plain = handler.call.arguments[0] if handler.call.arguments else None
        inputs = plain.get("inputs", {}) if isinstance(plain, dict) else {}
        if handler.call.function == OPERATION and isinstance(inputs, dict):
            self._runs.append(
                (entity.id, handler.name, {name: _evaluated(context, one) for name, one in inputs.items()})
            )
        return None


def _evaluated(context: Context, value: Value) -> Result:
    try:
        return Result(context.evaluate(value))
    except EvaluationError as error:
        return Result(error=error.failure())


def _detail(handler: Handler) -> Value:
    """Return what a call of TOSCA is about, without its inputs."""
    match handler.call:
        case Call(function="tosca:operation", arguments=[dict() as plain, *_]):
            return {name: plain[name] for name in _SHOWN if plain.get(name)}
        case Call(arguments=arguments):
            return list(arguments)


def _entities(current: Graph) -> list[Vertex | Edge]:
    return [*current.vertexes.values(), *current.edges.values()]


def _without_indexes(label: str) -> str:
    return "/".join(part.partition("[")[0] for part in label.split("/"))


def plain(results: Mapping[str, Result]) -> dict[str, Any]:
    """Return results in the plain form: ``{"value": …}`` or ``{"error": …, "code": …}``."""
    from floria import codec

    return {
        name: {"value": codec.to_plain(one.value)}
        if one.error is None
        else {"error": one.error.message, "code": one.error.code}
        for name, one in results.items()
    }
