"""Update: pull new values through updaters, on demand and in no other order (R64).

The orchestrator updates what an event or an operation may have changed; Puccini's simulation updates everything.
"""

import time as clocks
from collections.abc import Iterable
from typing import Any

import msgspec

from floria import properties
from floria.entities import Failure, Property
from floria.evaluation import Clock, Context, EvaluationError, Key, Library, Run, must_pull, properties_of
from floria.ids import Id
from floria.store.interface import NotFound, Reader, Transaction
from floria.values import Value


class Updated(msgspec.Struct, frozen=True):
    """What an update did: the properties that have another value now, and those that could not be evaluated."""

    changed: tuple[Key, ...] = ()
    failed: dict[Key, Failure] = {}


def update(
    tx: Transaction,
    ids: Iterable[Id],
    functions: Library,
    *,
    cause: str | None = None,
    clock: Clock = clocks.time_ns,
    extra: Any = None,
) -> Updated:
    """Evaluate the updaters of `ids`, and of whatever they depend on, and write what changed.

    A failure keeps the old value and is kept beside it; it fails what depends on it. Raises `NotFound`.
    """
    results = evaluate(tx, ids, functions, clock=clock, extra=extra)
    pending: dict[Id, dict[str, Property]] = {}
    changed: list[Key] = []
    failures: dict[Key, Failure] = {}
    for key, result in results.items():
        id, name = key
        before = properties.current(tx, id).properties[name]
        if isinstance(result, EvaluationError):
            after = _failed(before, result, clock(), cause)
            failures[key] = after.error or result.failure(clock(), cause)
        else:
            after = _written(tx, id, name, before, result, clock(), cause)
            if after is not before:
                changed.append(key)
        if after is not before:
            pending.setdefault(id, {})[name] = after
    for id, group in pending.items():
        properties.put_properties(tx, properties.current(tx, id), group)
    return Updated(tuple(changed), failures)


def evaluate(
    reader: Reader, ids: Iterable[Id], functions: Library, *, clock: Clock = clocks.time_ns, extra: Any = None
) -> dict[Key, Value | EvaluationError]:
    """Return what the updaters of `ids`, and of whatever they depend on, give now. Changes nothing."""
    run = Run(fresh=True, clock=clock)
    for id in ids:
        entity = reader.get(id)
        if entity is None:
            raise NotFound(f"there is no entity {id}")
        context = Context(reader, functions, entity=entity, extra=extra, run=run)
        for name, found in properties_of(entity).items():
            if must_pull(found, fresh=True):
                _pull(context, id, name)
    return run.results


def _pull(context: Context, id: Id, name: str) -> None:
    try:
        context.property(id, name)
    except EvaluationError as error:
        context.run.results.setdefault((id, name), error)


def _failed(before: Property, error: EvaluationError, time: int, cause: str | None) -> Property:
    known = before.error
    if known is not None and (known.code, known.message) == (error.code, error.message):
        return before
    return properties.failed(before, error, time, cause)


def _written(
    reader: Reader, id: Id, name: str, before: Property, result: Value, time: int, cause: str | None
) -> Property:
    if properties.holds(before, result):
        return before
    return properties.written(before, result, time, cause, f"{id}.{name}")
