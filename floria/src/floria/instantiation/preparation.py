"""Preparing what designs say of properties: literals and inputs pass through their preparers, all problems noted.

A literal whose preparer cannot tell from the property alone (a retryable failure) is pulled in the graph instead, as
expressions are; `Preparation.postponed` names those, so that the finished plan can be checked.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

import msgspec

from floria import properties
from floria.entities import EdgeTemplate, Property, VertexTemplate
from floria.evaluation import Clock, Context, EvaluationError
from floria.ids import Id
from floria.values import Value, is_literal

Template: TypeAlias = VertexTemplate | EdgeTemplate


class Preparation:
    """Prepares templates of one plan; `problem` notes what is wrong: template, place, code, message."""

    def __init__(
        self, context: Callable[[Template], Context], problem: Callable[[Template, str, str, str], None], clock: Clock
    ) -> None:
        self._context, self._problem, self._clock = context, problem, clock
        self._prepared: dict[Id, dict[str, Property]] = {}
        self.postponed: dict[Id, list[str]] = {}

    def of(self, template: Template) -> dict[str, Property]:
        """Return the template's properties, prepared; once, because preparing sees the property only."""
        found = self._prepared.get(template.id)
        if found is None:
            found = self._prepared[template.id] = dict(self._prepare(template, template.properties))
        return found

    def of_root(self, template: VertexTemplate, name: str, inputs: Mapping[str, Value]) -> dict[str, Property]:
        """Return the properties of the root called `name` with inputs, prepared."""
        takes = {name for name, found in template.properties.items() if properties.OUTPUT not in found.classes}
        given = dict(template.properties)
        for key, value in inputs.items():
            if key not in takes:
                known = ", ".join(sorted(takes)) or "none"
                self._problem(template, name, "floria.unknown-input", f"no input {key!r}; inputs are: {known}")
            elif not is_literal(value):
                self._problem(template, name, "floria.bad-input", f"input {key!r} holds a call; inputs are literal")
            else:
                given[key] = msgspec.structs.replace(given[key], value=value, updater=msgspec.UNSET)
        return dict(self._prepare(template, given))

    def _prepare(self, template: Template, group: Mapping[str, Property]) -> Iterator[tuple[str, Property]]:
        time = self._clock()
        for name, found in group.items():
            if found.value is msgspec.UNSET:
                if properties.REQUIRED in found.classes and found.updater is msgspec.UNSET:
                    self._problem(template, template.name, "floria.missing", f"{name!r} is required and has no value")
                yield name, found
                continue
            try:
                prepared = self._prepared_value(template, name, found)
            except EvaluationError as error:
                if error.retryable:
                    self.postponed.setdefault(template.id, []).append(name)
                    yield name, msgspec.structs.replace(found, value=msgspec.UNSET, updater=found.value)
                    continue
                self._problem(template, f"{template.name}.{name}", error.code, error.message)
                prepared = found.value
            yield name, msgspec.structs.replace(found, value=prepared, revision=1, time=time)

    def _prepared_value(self, template: Template, name: str, found: Property) -> Value:
        assert found.value is not msgspec.UNSET
        if found.preparer is None:
            return found.value
        holder = msgspec.structs.replace(template, properties={name: found})
        return self._context(holder).prepare(holder, name, found.value)
