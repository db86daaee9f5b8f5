"""What node filters want properties of the target capability to be, where that can be told: `floria.entities.Finder`.

With it, targets are looked up instead of looked at one by one. Used by `puccini.compilation.edges`.
"""

from collections.abc import Iterable, Iterator

from floria.values import Call, Value
from puccini.model.data import Base
from puccini.model.service import RequirementUse
from puccini.semantics import linking

_PATH = ("SELF", "CAPABILITY")
_COMPARABLE = (Base.STRING, Base.INTEGER, Base.FLOAT)
"""Types of which equal values are also the same as they are written."""


def wanted(use: RequirementUse) -> dict[str, str | int | float]:
    """Return at most one property of the capability, the first that a filter compares with a literal."""
    known = linking.capability_properties(use)
    if known is None:
        return {}
    for name, value in _compared(use.filters):
        schema = known[name].schema if name in known else None
        if schema is not None and schema.base in _COMPARABLE:
            return {name: value}
    return {}


def _compared(clauses: Iterable[Value]) -> Iterator[tuple[str, str | int | float]]:
    for clause in clauses:
        if not isinstance(clause, Call):
            continue
        if clause.function == "tosca:and":
            yield from _compared(clause.arguments)
        elif clause.function == "tosca:equal" and len(clause.arguments) == 2:
            for one, other in (clause.arguments, reversed(clause.arguments)):
                name = _property(one)
                if name is not None and isinstance(other, str | int | float) and not isinstance(other, bool):
                    yield name, other


def _property(value: Value) -> str | None:
    """Return the name of the target capability's property that `value` gets."""
    if not isinstance(value, Call) or value.function != "tosca:get_property" or len(value.arguments) != 3:
        return None
    *path, name = value.arguments
    return name if tuple(path) == _PATH and isinstance(name, str) else None
