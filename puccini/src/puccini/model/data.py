"""Resolved data definitions: data types, schemas, properties, attributes and parameters (section 9)."""

from enum import Enum, StrEnum
from functools import cached_property
from typing import Any, Final

from floria.values import Call, Value
from puccini.data import scalars
from puccini.grammar.types import Kind
from puccini.model.type import Type
from puccini.nodes import Node


class Unset(Enum):
    """There is no value; null would be one."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET


class Base(StrEnum):
    """What values of a data type are made of."""

    STRING = "string"
    INTEGER = "integer"
    FLOAT = "float"
    BOOLEAN = "boolean"
    BYTES = "bytes"
    NIL = "nil"
    TIMESTAMP = "timestamp"
    VERSION = "version"
    SCALAR = "scalar"
    LIST = "list"
    MAP = "map"
    COMPLEX = "complex"
    ANY = "any"


class DataType(Type):
    """A data type. `validations` are those of this type alone; `written` is its plain form, once that was asked for.

    `free` is set for scalars that are spelt as in TOSCA 1.x: without a blank, with units in any case.
    """

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.properties: dict[str, Property] = {}
        self.validations: tuple[Value, ...] = ()
        self.key: Schema | None = None
        self.entry: Schema | None = None
        self.number: DataType | None = None
        self.units: dict[str, int | float] = {}
        self.prefixes: dict[str, int | float] | None = None
        self.canonical: str = ""
        self.free = False
        self.written: tuple[dict[str, Value], list[DataType]] | None = None

    @cached_property
    def base(self) -> Base:
        root = self.ancestors[-1]
        return Base(root.name) if root.definition is None else Base.COMPLEX

    @property
    def built_in(self) -> bool:
        return self.definition is None

    @property
    def all_units(self) -> dict[str, int | float]:
        return scalars.units(self.units, self.prefixes)


class Schema:
    """A data type and what is said of it at one place."""

    def __init__(
        self,
        type: DataType,
        node: Node | None = None,
        key: "Schema | None" = None,
        entry: "Schema | None" = None,
        validations: tuple[Value, ...] = (),
    ) -> None:
        self.type = type
        self.node = node
        self.key = key
        self.entry = entry
        self.validations = validations

    @property
    def base(self) -> Base:
        return self.type.base

    @property
    def entries(self) -> "Schema | None":
        """The schema of the entries, said here or in the data type."""
        return self.entry or self.type.entry

    @property
    def keys(self) -> "Schema | None":
        return self.key or self.type.key

    @cached_property
    def plain(self) -> dict[str, Value]:
        """The self-contained map that `puccini.data` works with."""
        from puccini.model import plain

        return plain.schema(self)


class Role(StrEnum):
    """What a definition defines."""

    PROPERTY = "property"
    ATTRIBUTE = "attribute"
    PARAMETER = "parameter"


class Property:
    """A property, attribute or parameter. `default` and `fixed` may be unset; without a `schema` it is untyped.

    `mapping` is the attribute that an incoming parameter is stored in.
    """

    def __init__(
        self,
        name: str,
        role: Role,
        schema: Schema | None,
        node: Node | None,
        *,
        required: bool = True,
        default: Value | Unset = UNSET,
        fixed: Value | Unset = UNSET,
        mapping: list[Value] | None = None,
        metadata: dict[str, Any] | None = None,
        description: str = "",
    ) -> None:
        self.name = name
        self.role = role
        self.schema = schema
        self.node = node
        self.required = required
        self.default = default
        self.fixed = fixed
        self.mapping = mapping
        self.metadata = metadata or {}
        self.description = description

    @property
    def initial(self) -> Value | Unset:
        """What the value is when nothing is assigned: the fixed value, or the default when it is required."""
        if self.fixed is not UNSET:
            return self.fixed
        return self.default if self.required else UNSET

    @cached_property
    def preparer(self) -> Call | None:
        """The call that checks and coerces each write."""
        if self.schema is None or self.schema.base is Base.ANY:
            return None
        return Call("tosca:prepare", [self.schema.plain])


def _built_in(base: Base) -> DataType:
    return DataType(Kind.DATA, base.value, None, None, None)


BUILT_IN: dict[str, DataType] = {base.value: _built_in(base) for base in Base if base is not Base.COMPLEX}
ANY = BUILT_IN.pop(Base.ANY.value)
"""Stands in where the type is not known, so that one mistake is reported once."""
