"""Writing properties: the one way in which a property changes (R76).

Updates, event handlers, plugins and the orchestrator write here; instantiation uses the same preparation. A write
passes through the preparer, read-only properties are set once, and what the design said is kept beside the first
value that departs from it, so that a later design can be compared with the earlier one (see `floria.difference`).
"""

import time as clocks
from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from floria import entities, naming, values
from floria.entities import Edge, EdgeTemplate, Entity, Property, Vertex, VertexTemplate
from floria.evaluation import Clock, Context, EvaluationError, Library, Run
from floria.functions import logic
from floria.ids import Id
from floria.store.interface import NotFound, Transaction
from floria.values import Value

DESIGNED = "floria.designed"
"""Metadata of a property that was written since: a list of the designed value, empty when there was none."""

REQUIRED = "floria:required"
"""Class of a property that has to have a value or an updater when it is instantiated."""

OUTPUT = "floria:output"
"""Class of a property of a root that is a result, not an input."""

Holder: TypeAlias = Vertex | Edge | VertexTemplate | EdgeTemplate


def write_property(
    tx: Transaction,
    entity: Entity | Id,
    name: str,
    value: Value,
    cause: str | None = None,
    *,
    functions: Library,
    clock: Clock = clocks.time_ns,
    declare: bool = False,
) -> Holder:
    """Write one property; see `write_properties`."""
    return write_properties(tx, entity, {name: value}, cause, functions=functions, clock=clock, declare=declare)


def write_properties(
    tx: Transaction,
    entity: Entity | Id,
    changes: Mapping[str, Value],
    cause: str | None = None,
    *,
    functions: Library,
    clock: Clock = clocks.time_ns,
    declare: bool = False,
) -> Holder:
    """Write properties of one entity, as it is in `tx` now, and return it as stored.

    Each value passes through its preparer. A value that is there already is no write. With `declare`, names that the
    entity does not have become new properties. Raises `EvaluationError` (``floria.read-only``, ``floria.no-property``,
    ``floria.invalid-value`` or what the preparer says) and writes nothing, or `NotFound`.
    """
    found = current(tx, entity)
    context = Context(tx, functions, entity=found, run=Run(clock=clock))
    changed: dict[str, Property] = {}
    for name, value in changes.items():
        if name not in found.properties and not declare:
            raise _missing(context, found, name)
        before = found.properties.get(name, Property())
        prepared = _prepared(context, found, name, value)
        if not holds(before, prepared):
            changed[name] = written(before, prepared, clock(), cause, f"{context.label(found)}.{name}")
    return put_properties(tx, found, changed)


def written(before: Property, prepared: Value, time: int, cause: str | None, where: str) -> Property:
    """Return `before` with a prepared value written. Raises `EvaluationError` when it is read-only and set."""
    if before.read_only and before.value is not msgspec.UNSET:
        raise EvaluationError("floria.read-only", f"{where} is read-only and set already")
    metadata = before.metadata
    if before.updater is msgspec.UNSET and DESIGNED not in metadata:
        metadata = {**metadata, DESIGNED: [] if before.value is msgspec.UNSET else [before.value]}
    return msgspec.structs.replace(
        before, value=prepared, error=None, metadata=metadata, revision=before.revision + 1, time=time, cause=cause
    )


def failed(before: Property, error: EvaluationError, time: int, cause: str | None) -> Property:
    """Return `before` with an error beside the value that it keeps (R64)."""
    failure = error.failure(time, cause)
    return msgspec.structs.replace(before, error=failure, revision=before.revision + 1)


def holds(found: Property, value: Value) -> bool:
    """Whether the property has this very value, and no error."""
    return found.error is None and found.value is not msgspec.UNSET and identical(found.value, value)


def identical(a: Value, b: Value) -> bool:
    """Whether two values are the same and of the same type, to the last bit of a float."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return repr(a) == repr(b)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(identical, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(identical(one, b[key]) for key, one in a.items())
    return logic.same(a, b)


def put_properties(tx: Transaction, entity: Holder, changed: Mapping[str, Property]) -> Holder:
    """Store `entity` with properties replaced; without any, return it as it is."""
    if not changed:
        return entity
    stored = tx.put(msgspec.structs.replace(entity, properties={**entity.properties, **changed}))
    assert isinstance(stored, Holder)
    return stored


def current(tx: Transaction, entity: Entity | Id) -> Holder:
    """Return the entity as it is in `tx`. Raises `NotFound`, also for kinds that have no properties."""
    id = Id(entity) if isinstance(entity, str) else entity.id
    found = tx.get(id)
    if not isinstance(found, Holder):
        raise NotFound(f"there is no vertex, edge or template {naming.label(tx, id)}")
    return found


def check_metadata(entity: Entity, where: str) -> None:
    """Raise `EvaluationError` when metadata of the entity, its properties or its handlers holds a call (R76)."""
    _literal(entity.metadata, f"{where}: metadata")
    if isinstance(entity, Holder):
        for name, found in entity.properties.items():
            if found.metadata:
                _literal(found.metadata, f"{where}.{name}: metadata")
        for handler in entity.handlers:
            _literal(handler.metadata, f"{where}: metadata of the handler of {handler.event!r}")
    elif isinstance(entity, entities.Plugin):
        _literal({**entity.manifest, **entity.grants}, f"{where}: manifest and grants")


def _literal(metadata: dict[str, Value], where: str) -> None:
    for key, value in metadata.items():
        if not values.is_literal(value):
            raise EvaluationError("floria.metadata-call", f"{where} {key!r} holds a call; metadata is literal")


def _prepared(context: Context, entity: Holder, name: str, value: Value) -> Value:
    try:
        return context.prepare(entity, name, value)
    except EvaluationError as error:
        if not error.located:
            error.message = f"{context.label(entity)}.{name}: {error.message}"
            error.args, error.located = (error.message,), True
        raise


def _missing(context: Context, entity: Holder, name: str) -> EvaluationError:
    has = ", ".join(sorted(entity.properties)) or "none"
    return EvaluationError("floria.no-property", f"{context.label(entity)} has no property {name!r}; it has: {has}")
