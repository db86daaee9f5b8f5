"""Validate: report where the data differs from what its preparers, its updaters and the world say (R62).

Nothing is changed. The world is asked through handlers of the event ``floria.inspect``: what they return is a map of
property names to the values found.
"""

import time as clocks
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any

import msgspec

from floria import naming, properties, updating
from floria.entities import Handler, Property
from floria.evaluation import Clock, Context, EvaluationError, Key, Library, Run
from floria.functions import arguments
from floria.ids import Id
from floria.properties import Holder
from floria.store.interface import NotFound, Reader
from floria.values import Value

INSPECT = "floria.inspect"


class Problem(StrEnum):
    """How data and its surroundings disagree."""

    INVALID = "invalid"  # the preparer refuses the value
    UNPREPARED = "unprepared"  # the preparer would have stored another value
    OUTDATED = "outdated"  # the updater gives another value
    FAILED = "failed"  # the last evaluation failed, or the updater fails now
    UNKNOWN = "unknown"  # the world could not be asked
    REALITY = "reality"  # the world has another value
    METADATA = "metadata"  # metadata holds a call


class Difference(msgspec.Struct, frozen=True, omit_defaults=True):
    """One difference. `label` names the entity for people; `expected` is what the data says, `found` what else says."""

    id: Id
    label: str
    problem: Problem
    message: str
    property: str = ""
    expected: Value = None
    found: Value = None


def validate(
    reader: Reader, ids: Iterable[Id], functions: Library, *, clock: Clock = clocks.time_ns, extra: Any = None
) -> list[Difference]:
    """Return the differences of the vertices and edges `ids`, in their order. Raises `NotFound`."""
    wanted = list(ids)
    fresh = updating.evaluate(reader, wanted, functions, clock=clock, extra=extra)
    differences: list[Difference] = []
    for id in wanted:
        entity = reader.get(id)
        if not isinstance(entity, Holder):
            raise NotFound(f"there is no vertex or edge {id}")
        context = Context(reader, functions, entity=entity, extra=extra, run=Run(clock=clock))
        differences.extend(_of(context, entity, fresh))
    return differences


def _of(context: Context, entity: Holder, fresh: dict[Key, Value | EvaluationError]) -> Iterator[Difference]:
    report = _Report(entity.id, naming.label(context.reader, entity))
    try:
        properties.check_metadata(entity, report.label)
    except EvaluationError as error:
        yield report(Problem.METADATA, error.message)
    for name, found in entity.properties.items():
        yield from _prepared(context, report, entity, name, found)
        yield from _updated(report, name, found, fresh.get((entity.id, name), msgspec.UNSET))
    for handler in entity.handlers:
        if handler.event == INSPECT:
            yield from _inspected(context, report, entity, handler)


class _Report:
    def __init__(self, id: Id, label: str) -> None:
        self.id, self.label = id, label

    def __call__(
        self, problem: Problem, message: str, property: str = "", expected: Value = None, found: Value = None
    ) -> Difference:
        return Difference(self.id, self.label, problem, message, property, expected, found)


def _prepared(context: Context, report: _Report, entity: Holder, name: str, found: Property) -> Iterator[Difference]:
    if found.preparer is None or found.value is msgspec.UNSET:
        return
    try:
        prepared = context.prepare(entity, name, found.value)
    except EvaluationError as error:
        yield report(Problem.INVALID, error.message, name, found.value)
        return
    if not properties.identical(prepared, found.value):
        message = "the preparer would store another value"
        yield report(Problem.UNPREPARED, message, name, found.value, prepared)


def _updated(
    report: _Report, name: str, found: Property, now: Value | EvaluationError | msgspec.UnsetType
) -> Iterator[Difference]:
    stored = None if found.value is msgspec.UNSET else found.value
    if isinstance(now, EvaluationError):
        yield report(Problem.FAILED, now.message, name, stored)
    elif now is msgspec.UNSET:
        if found.error is not None:
            yield report(Problem.FAILED, found.error.message, name, stored)
    elif found.value is msgspec.UNSET:
        yield report(Problem.OUTDATED, "it has no value yet; its updater gives one", name, None, now)
    elif not properties.identical(now, found.value):
        yield report(Problem.OUTDATED, "its updater gives another value", name, stored, now)


def _inspected(context: Context, report: _Report, entity: Holder, handler: Handler) -> Iterator[Difference]:
    try:
        found = context.evaluate(handler.call)
    except EvaluationError as error:
        yield report(Problem.UNKNOWN, error.message)
        return
    if not isinstance(found, dict):
        yield report(Problem.UNKNOWN, f"{handler.call.function} returned {arguments.kind(found)} instead of a map")
        return
    for name, value in found.items():
        stored = entity.properties.get(name)
        if stored is None or stored.value is msgspec.UNSET:
            yield report(Problem.REALITY, "it is not in the data", name, None, value)
        elif not properties.identical(stored.value, value):
            yield report(Problem.REALITY, "the world has another value", name, stored.value, value)
