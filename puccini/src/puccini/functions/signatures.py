"""The built-in functions of TOSCA 2.0 (section 10.2): names, argument counts, where each is allowed, what it gives.

Read by the parser, which checks every call against it, and by the library, which checks again at run time.
The names of TOSCA 1.x (``concat`` without a dollar sign, ``in_range`` and the like) are not here: a dialect translates
them.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class Scope(StrEnum):
    """Where a function makes sense."""

    ANYWHERE = "anywhere"
    SERVICE = "service"  # needs a service: not in the schema of a data type
    VALIDATION = "validation"  # needs the value that is being checked
    NODE = "node"  # needs a node, or something inside one
    RELATIONSHIP = "relationship"  # needs a relationship: relationship types and templates, requirements


class Kind(StrEnum):
    """What a result is.

    `SAME` is the type of the first argument, `NUMBER` too, but a float when one of the arguments is a float; `RATIO` is
    a float, or the type of the first argument when that is a scalar.
    """

    ANY = "any"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    FLOAT = "float"
    STRING = "string"
    LIST = "list"
    NUMBER = "number"
    SAME = "same"
    RATIO = "ratio"


class Signature(NamedTuple):
    """How a function is called.

    `maximum` is None when there is no limit. `path` says that the arguments begin with a TOSCA path (section 10.3).
    `bare` says that one argument may be written without the list around it. `section` is that of the Standard.
    """

    name: str
    minimum: int
    maximum: int | None
    result: Kind
    section: str
    scope: Scope = Scope.ANYWHERE
    path: bool = False
    bare: bool = False

    def accepts(self, count: int) -> bool:
        """Whether `count` arguments may be given."""
        return self.minimum <= count and (self.maximum is None or count <= self.maximum)

    @property
    def expectation(self) -> str:
        """How many arguments are right, in words."""
        if self.maximum is None:
            return f"at least {_count(self.minimum)}"
        if self.minimum == self.maximum:
            return "no arguments" if self.maximum == 0 else f"exactly {_count(self.maximum)}"
        return f"{self.minimum} to {_count(self.maximum)}"


def _count(number: int) -> str:
    return f"{number} argument" if number == 1 else f"{number} arguments"


SIGNATURES: Mapping[str, Signature] = {
    one.name: one
    for one in (
        Signature("get_input", 1, None, Kind.ANY, "10.2.1.1", scope=Scope.SERVICE, bare=True),
        Signature("get_property", 2, None, Kind.ANY, "10.2.1.2", scope=Scope.SERVICE, path=True),
        Signature("get_attribute", 2, None, Kind.ANY, "10.2.1.3", scope=Scope.SERVICE, path=True),
        Signature("get_artifact", 2, None, Kind.STRING, "10.2.1.4", scope=Scope.SERVICE, path=True),
        Signature("value", 0, None, Kind.ANY, "10.2.1.5", scope=Scope.VALIDATION),
        Signature("node_index", 0, 0, Kind.INTEGER, "10.2.1.6", scope=Scope.NODE),
        Signature("relationship_index", 0, 0, Kind.INTEGER, "10.2.1.7", scope=Scope.RELATIONSHIP),
        Signature("available_allocation", 2, None, Kind.ANY, "10.2.1.8", scope=Scope.SERVICE, path=True),
        Signature("and", 2, None, Kind.BOOLEAN, "10.2.2.1.1"),
        Signature("or", 2, None, Kind.BOOLEAN, "10.2.2.1.2"),
        Signature("not", 1, 1, Kind.BOOLEAN, "10.2.2.1.3"),
        Signature("xor", 2, 2, Kind.BOOLEAN, "10.2.2.1.4"),
        Signature("equal", 2, 2, Kind.BOOLEAN, "10.2.2.2.1"),
        Signature("greater_than", 2, 2, Kind.BOOLEAN, "10.2.2.2.2"),
        Signature("greater_or_equal", 2, 2, Kind.BOOLEAN, "10.2.2.2.3"),
        Signature("less_than", 2, 2, Kind.BOOLEAN, "10.2.2.2.4"),
        Signature("less_or_equal", 2, 2, Kind.BOOLEAN, "10.2.2.2.5"),
        Signature("valid_values", 2, 2, Kind.BOOLEAN, "10.2.2.2.6"),
        Signature("matches", 2, 2, Kind.BOOLEAN, "10.2.2.2.7"),
        Signature("has_suffix", 2, 2, Kind.BOOLEAN, "10.2.2.3.1"),
        Signature("has_prefix", 2, 2, Kind.BOOLEAN, "10.2.2.3.2"),
        Signature("contains", 2, 2, Kind.BOOLEAN, "10.2.2.3.3"),
        Signature("has_entry", 2, 2, Kind.BOOLEAN, "10.2.2.3.4"),
        Signature("has_key", 2, 2, Kind.BOOLEAN, "10.2.2.3.5"),
        Signature("has_all_entries", 2, 2, Kind.BOOLEAN, "10.2.2.3.6"),
        Signature("has_all_keys", 2, 2, Kind.BOOLEAN, "10.2.2.3.7"),
        Signature("has_any_entry", 2, 2, Kind.BOOLEAN, "10.2.2.3.8"),
        Signature("has_any_key", 2, 2, Kind.BOOLEAN, "10.2.2.3.9"),
        Signature("length", 1, 1, Kind.INTEGER, "10.2.3.1"),
        Signature("concat", 1, None, Kind.SAME, "10.2.3.2"),
        Signature("join", 1, 2, Kind.STRING, "10.2.3.3"),
        Signature("token", 3, 3, Kind.STRING, "10.2.3.4"),
        Signature("union", 1, None, Kind.LIST, "10.2.4.1"),
        Signature("intersection", 1, None, Kind.LIST, "10.2.4.2"),
        Signature("sum", 1, None, Kind.NUMBER, "10.2.5.1"),
        Signature("difference", 2, 2, Kind.NUMBER, "10.2.5.2"),
        Signature("product", 1, None, Kind.NUMBER, "10.2.5.3"),
        Signature("quotient", 2, 2, Kind.RATIO, "10.2.5.4"),
        Signature("remainder", 2, 2, Kind.SAME, "10.2.5.5"),
        Signature("round", 1, 1, Kind.INTEGER, "10.2.5.6"),
        Signature("floor", 1, 1, Kind.INTEGER, "10.2.5.7"),
        Signature("ceil", 1, 1, Kind.INTEGER, "10.2.5.8"),
    )
}
"""By name, in the order of the Standard."""
