"""Where an expression stands, which decides what it may refer to."""

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from puccini.grammar.templates import FunctionDefinition
from puccini.model.data import Property, Schema
from puccini.model.types import CapabilityType, NodeType, Relationship, RelationshipType, Requirement
from puccini.units import Unit

if TYPE_CHECKING:
    from puccini.model.service import NodeTemplate, Service

Owner: TypeAlias = "NodeType | RelationshipType | Relationship | CapabilityType | NodeTemplate | None"


class Scope(NamedTuple):
    """What an expression may refer to.

    `unit` is its file. `owner` is what SELF means, None where that is not known or means nothing; `relationship` says
    that SELF is a relationship. `source` is the node at whose `requirement` the expression stands. `service` gives
    names of inputs and node templates. `value` is the schema of ``$value``; `validating` says whether there is one at
    all. `inputs` are those of the workflow around it. With `closed`, nothing outside of the value may be referred to
    (data types, interface types). `selfless` says that there is no SELF (outputs of services).
    """

    unit: Unit
    service: "Service | None" = None
    owner: Owner = None
    relationship: bool = False
    source: "NodeType | NodeTemplate | None" = None
    requirement: Requirement | None = None
    value: Schema | None = None
    validating: bool = False
    closed: bool = False
    selfless: bool = False
    inputs: dict[str, Property] | None = None

    def with_value(self, schema: Schema | None) -> "Scope":
        """Return the scope of a validation clause for values of `schema`."""
        return self._replace(value=schema, validating=True)

    def with_(self, **changes: Any) -> "Scope":
        return self._replace(**changes)

    def function(self, name: str) -> tuple[Unit, FunctionDefinition] | None:
        """Return the custom function that is meant, and its file."""
        if self.service is not None and (refined := self.service.functions.get(name)) is not None:
            return self.service.unit, refined
        return self.unit.function(name)
