"""Contexts: evaluation of calls, failures, and properties on demand.

Function libraries (``floria:`` in `floria.functions`, ``tosca:`` in Puccini, plugins) are written against `Context`
and registered in `Functions`. Instantiation, update, validation and events evaluate through it.

Arguments arrive unevaluated, so functions may be lazy. Registered functions are free of effects: when a chain of
properties is so long that evaluating it in one go would exhaust the stack, part of it is evaluated again.
"""

import dataclasses
import time
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias, cast

import msgspec

from floria import entities, naming, values
from floria.entities import Entity, Property
from floria.failing import EvaluationError
from floria.ids import Id
from floria.store.interface import Reader
from floria.values import Call, Value

Key: TypeAlias = tuple[Id, str]
Clock: TypeAlias = Callable[[], int]
"""Returns Unix nanoseconds."""

MAX_DEPTH = 150
SUSPEND_DEPTH = 40
SHOWN = 20
_HOLDS_CALLS = (Call, list, dict)


class Library(Protocol):
    """Where functions come from: `floria.evaluation.Functions`."""

    def find(self, context: "Context", name: str) -> "tuple[Function, bool]":
        """Return the function and whether it is foreign (a plugin's). Raises `EvaluationError`."""
        ...


class Actions(Protocol):
    """What an event handler may do to the graph; all of it is committed together with the handler's result."""

    def emit(self, name: str, source: Id | None = None, data: Value = None) -> Id:
        """Emit an event caused by the one being handled; return its id."""
        ...

    def set(self, id: Id, name: str, value: Value) -> None:
        """Write a property."""
        ...


class _Suspended(BaseException):
    """Evaluation is too deep: unwind, evaluate this property first, then come back."""

    def __init__(self, key: Key, trail: list[Key]) -> None:
        self.key, self.trail = key, trail


@dataclasses.dataclass(slots=True)
class Run:
    """What the contexts of one evaluation share.

    With `fresh`, updaters are evaluated even where there is a value (update, validation); without, only where there is
    none (instantiation, events). `results` are the properties evaluated so far.
    """

    fresh: bool = False
    clock: Clock = time.time_ns
    max_depth: int = MAX_DEPTH
    results: dict[Key, Value | EvaluationError] = dataclasses.field(default_factory=dict)
    active: dict[Key, None] = dataclasses.field(default_factory=dict)
    depth: int = 0
    base: int = 0
    driving: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Context:
    """What a function sees.

    `entity` holds the call (in a finder: the candidate), `name` is the property being evaluated, `value` the one
    being prepared. `source` is the vertex a finder works for, `candidate` the vertex it looks at. `event` is the plain
    form of the event being handled. `extra` carries what the caller wants its own functions to see.
    """

    reader: Reader
    functions: Library
    entity: Entity | None = None
    name: str = ""
    value: Value = None
    source: Entity | None = None
    candidate: Entity | None = None
    event: dict[str, Value] | None = None
    actions: Actions | None = None
    extra: Any = None
    run: Run = dataclasses.field(default_factory=Run)

    def with_(self, **changes: Any) -> "Context":
        """Return a context that differs in `changes` and shares the run."""
        return dataclasses.replace(self, **changes)

    def evaluate(self, value: Value) -> Value:
        """Return `value` with all calls in it replaced by what they return. Raises `EvaluationError`."""
        try:
            return self._evaluate(value)
        except RecursionError:
            raise EvaluationError("floria.too-deep", "the expression is nested too deep") from None

    def property(self, id: Id, name: str) -> Value:
        """Return the value of a property, evaluating its updater first where that is called for.

        Raises `EvaluationError`: ``floria.not-found``, ``floria.no-property``, ``floria.unset`` (no value yet),
        ``floria.cycle`` (with the chain of properties), or why the updater failed.
        """
        key = (id, name)
        if (known := self._known(key)) is not msgspec.UNSET:
            return cast(Value, known)
        entity, found = self._find(key)
        if not must_pull(found, self.run.fresh):
            return self._stored(entity, name, found)
        if not self.run.driving:
            return self._drive(key)
        if self.run.depth - self.run.base >= SUSPEND_DEPTH:
            raise _Suspended(key, list(self.run.active))
        return self._pull(key, entity, found)

    def prepare(self, entity: Entity, name: str, value: Value) -> Value:
        """Return `value` as the preparer of the property wants it stored. Raises `EvaluationError`."""
        found = properties_of(entity).get(name)
        prepared = value
        if found is not None and found.preparer is not None:
            prepared = self.with_(entity=entity, name=name, value=value).evaluate(found.preparer)
        try:
            values.check(prepared)
        except values.InvalidValue as error:
            raise EvaluationError("floria.invalid-value", str(error)) from None
        return prepared

    def label(self, entity: Entity | Id) -> str:
        """Return the name of an entity for messages."""
        return naming.label(self.reader, entity)

    def _evaluate(self, value: Value) -> Value:
        if isinstance(value, Call):
            return self._call(value)
        if isinstance(value, list):
            return [self._evaluate(item) if isinstance(item, _HOLDS_CALLS) else item for item in value]
        if isinstance(value, dict):
            return {
                key: self._evaluate(item) if isinstance(item, _HOLDS_CALLS) else item for key, item in value.items()
            }
        return value

    def _call(self, call: Call) -> Value:
        run = self.run
        if run.depth >= run.max_depth:
            raise EvaluationError("floria.too-deep", f"{call.function}: more than {run.max_depth} calls in each other")
        function, foreign = self.functions.find(self, call.function)
        driving, base = run.driving, run.base
        run.depth += 1
        if foreign:
            run.driving, run.base = False, run.depth
        try:
            return function(self, list(call.arguments))
        finally:
            run.depth -= 1
            run.driving, run.base = driving, base

    def _known(self, key: Key) -> Any:
        known = self.run.results.get(key, msgspec.UNSET)
        if isinstance(known, EvaluationError):
            raise known.with_traceback(None)
        if known is msgspec.UNSET and key in self.run.active:
            chain = list(self.run.active)
            raise self._cycle(chain[chain.index(key) :])
        return known

    def _find(self, key: Key) -> tuple[Entity, Property]:
        id, name = key
        own = self.entity if self.entity is not None and self.entity.id == id else None
        entity = own if own is not None and not self.run.fresh else self.reader.get(id) or own
        if entity is None:
            raise EvaluationError("floria.not-found", f"there is no entity {id}")
        found = properties_of(entity)
        if name not in found:
            has = ", ".join(sorted(found)) or "none"
            message = f"{self.label(entity)} has no property {name!r}; it has: {has}"
            raise EvaluationError("floria.no-property", message)
        return entity, found[name]

    def _stored(self, entity: Entity, name: str, found: Property) -> Value:
        if found.value is not msgspec.UNSET:
            return found.value
        where = f"{self.label(entity)}.{name}"
        if (error := found.error) is not None:
            raise EvaluationError(error.code, f"{where}: {error.message}", error.retryable, error.detail)
        raise EvaluationError("floria.unset", f"{where} has no value yet", retryable=True)

    def _pull(self, key: Key, entity: Entity, found: Property) -> Value:
        run, name = self.run, key[1]
        run.active[key] = None
        run.depth += 1
        inside = self.with_(entity=entity, name=name, value=None, source=None, candidate=None)
        try:
            assert found.updater is not msgspec.UNSET
            result = inside.prepare(entity, name, inside._evaluate(found.updater))
        except EvaluationError as error:
            raise self._failed(key, entity, error) from error.__cause__
        except RecursionError:
            deep = EvaluationError("floria.too-deep", "the expression is nested too deep")
            raise self._failed(key, entity, deep) from None
        finally:
            run.depth -= 1
            run.active.pop(key, None)
        run.results[key] = result
        return result

    def _failed(self, key: Key, entity: Entity, error: EvaluationError) -> EvaluationError:
        if not error.located:
            error.message = f"{self.label(entity)}.{key[1]}: {error.message}"
            error.args = (error.message,)
            error.located = True
        self.run.results[key] = error
        return error

    def _cycle(self, chain: list[Key]) -> EvaluationError:
        names = [f"{self.label(id)}.{name}" for id, name in chain]
        shown = names if len(names) <= SHOWN else [*names[: SHOWN - 1], f"({len(names) - SHOWN} more)", names[-1]]
        message = f"these need each other: {' -> '.join([*shown, names[0]])}"
        error = EvaluationError("floria.cycle", message, detail=list(shown))
        error.located = True
        return error

    def _drive(self, key: Key) -> Value:
        """Evaluate `key`, and first whatever turns out to be too far below it, without deep recursion."""
        run = self.run
        depth, base = run.depth, run.base
        outer = dict(run.active)
        waiting: list[tuple[Key, dict[Key, None]]] = [(key, outer)]
        run.driving = True
        try:
            while True:
                top, active = waiting[-1]
                run.depth, run.base, run.active = depth, depth, dict(active)
                entity, found = self._find(top)
                try:
                    self._pull(top, entity, found)
                except _Suspended as suspended:
                    waiting.append((suspended.key, dict.fromkeys(suspended.trail)))
                    continue
                except EvaluationError:
                    if len(waiting) == 1:
                        raise
                waiting.pop()
                if not waiting:
                    return cast(Value, self._known(key))
        finally:
            run.depth, run.base, run.driving, run.active = depth, base, False, outer


Function: TypeAlias = Callable[[Context, list[Value]], Value]


def properties_of(entity: Entity) -> dict[str, Property]:
    """Return the properties of `entity`; directories, classes and plugins have none."""
    return {} if isinstance(entity, entities.Directory | entities.Class | entities.Plugin) else entity.properties


def must_pull(found: Property, fresh: bool) -> bool:
    """Whether reading the property means to evaluate its updater."""
    if found.updater is msgspec.UNSET:
        return False
    return found.value is msgspec.UNSET or (fresh and not found.read_only)
