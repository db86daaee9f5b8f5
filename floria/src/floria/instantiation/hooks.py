"""Hooks: user code that may change or refuse what an instantiation creates (R41).

Declared: handlers of `BEFORE` and `AFTER` on templates. What they return decides: null or true lets it be; false leaves
the vertex (with its content) or the edge out before, and refuses the instantiation after; a map of ``properties``,
``metadata`` and ``state`` changes it; a failure refuses the instantiation.

In Python: a subclass of `Hooks`, given to `plan`.
"""

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from floria.entities import Edge, EdgeTemplate, Handler, Property, Vertex
from floria.evaluation import Context, EvaluationError
from floria.functions import arguments
from floria.ids import Id
from floria.values import Value

BEFORE = "floria.before-instantiate"
AFTER = "floria.after-instantiate"

Made = TypeVar("Made", Vertex, Edge)


class Hooks:
    """Called while planning, with what is about to be made. To refuse all of it, raise `EvaluationError`."""

    def before_vertex(self, vertex: Vertex, context: Context) -> Vertex | None:
        """Return the vertex to make, with the same id, or None to leave it out together with its content."""
        return vertex

    def before_edge(self, edge: Edge, context: Context) -> Edge | None:
        """Return the edge to make, with the same id and ends, or None to refuse this target."""
        return edge

    def select(
        self, template: EdgeTemplate, source: Vertex, accepted: Sequence[Vertex], context: Context
    ) -> Sequence[Id] | None:
        """Return the targets to use, the best first, or None to leave the choice to the finder."""
        return None

    def after_vertex(self, vertex: Vertex, context: Context) -> Vertex:
        """Return the vertex to make, when all edges are known."""
        return vertex

    def after_edge(self, edge: Edge, context: Context) -> Edge:
        """Return the edge to make, when all edges are known."""
        return edge


def declared(context: Context, made: Made, event: str) -> Made | None:
    """Run the handlers of `event` on `made` in order; return it as they leave it, or None when one left it out."""
    current: Made = made
    for handler in made.handlers:
        if handler.event != event:
            continue
        inside = context.with_(entity=current, event={"name": event})
        if handler.condition is not msgspec.UNSET and inside.evaluate(handler.condition) is not True:
            continue
        result = inside.evaluate(handler.call)
        if result is False:
            return None
        if result is not None and result is not True:
            current = _changed(inside, current, handler, result)
    return current


def _changed(context: Context, made: Made, handler: Handler, result: Value) -> Made:
    if not isinstance(result, dict) or not result.keys() <= {"properties", "metadata", "state"}:
        shape = "null, true, false or a map of properties, metadata and state"
        raise EvaluationError(
            "floria.bad-hook", f"{handler.call.function} returned {arguments.kind(result)}, not {shape}"
        )
    group = _map(handler, "properties", result.get("properties", {}))
    metadata = _map(handler, "metadata", result.get("metadata", {}))
    changed = {name: _property(context, made, name, value) for name, value in group.items()}
    return msgspec.structs.replace(
        made,
        properties={**made.properties, **changed},
        metadata={**made.metadata, **metadata},
        state=arguments.text(handler.event, result.get("state", made.state)),
    )


def _property(context: Context, made: Vertex | Edge, name: str, value: Value) -> Property:
    before = made.properties.get(name, Property())
    prepared = context.prepare(made, name, value)
    return msgspec.structs.replace(before, value=prepared, updater=msgspec.UNSET, time=context.run.clock())


def _map(handler: Handler, name: str, value: Value) -> dict[str, Value]:
    if not isinstance(value, dict):
        raise EvaluationError("floria.bad-hook", f"{name} returned by {handler.call.function} is not a map")
    return value
