"""Attributes that are there for properties (section 9.6): of one name, they have values of one type.

`puccini.semantics.types` calls this.
"""

from typing import Protocol

from puccini.grammar.data import DataDefinition
from puccini.model.data import Property, Schema
from puccini.semantics import references
from puccini.semantics.resolver import Resolver


class _Holder(Protocol):
    properties: dict[str, Property]
    attributes: dict[str, Property]


class _Definition(Protocol):
    @property
    def properties(self) -> dict[str, DataDefinition]: ...

    @property
    def attributes(self) -> dict[str, DataDefinition]: ...


def check(type: _Holder, definition: _Definition, resolver: Resolver) -> None:
    """Report each attribute that cannot begin as the property of its name, if `definition` says anything of either."""
    for name, attribute in type.attributes.items():
        given = definition.attributes.get(name) or definition.properties.get(name)
        wanted = type.properties.get(name)
        if given is None or wanted is None or wanted.schema is None or attribute.schema is None:
            continue
        if not references.fits(wanted.schema, attribute.schema):
            message = (
                f"the attribute {name!r} is {_named(attribute.schema)}, and so cannot begin as the property {name!r}, "
                f"which is {_named(wanted.schema)}"
            )
            other = wanted if name in definition.attributes else attribute
            hint = "give both one type, or rename one of them"
            resolver.report.warn("other-attribute", message, given.node, hint, key=True, related=other.node)


def _named(schema: Schema) -> str:
    entries = schema.entries if schema.type.built_in else None
    return f"{schema.type.name} of {_named(entries)}" if entries is not None else schema.type.name
