"""The names in TOSCA paths: what each token of ``[ web, RELATIONSHIP, host, CAPABILITY, port ]`` means, for editors.

A path of TOSCA 1.x says no kinds; there a name is that of a property, of a capability or of a requirement, in this
order.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from puccini.model.data import Base, Schema
from puccini.model.types import Capability, NodeType, Relationship, Requirement
from puccini.nodes import Node


class Step(NamedTuple):
    """A token that names something: a property, attribute, capability, requirement or artifact."""

    node: Node
    kind: str
    thing: Any


_SKIPPED = ("SELF", "SOURCE", "ALL")


def walk(holder: Any, tokens: Sequence[Node], *, artifact: bool = False) -> Iterator[Step]:
    """Yield what the tokens after the first mean, when that is `holder`: a type, or a part of one."""
    wanted = ""
    requirement: Requirement | None = None
    for token in tokens:
        text = token.value
        if text in ("CAPABILITY", "RELATIONSHIP", "TARGET"):
            if requirement is not None and text == "TARGET":
                holder, requirement = requirement.node_type, None
            elif requirement is not None and text == "CAPABILITY":
                holder, requirement = requirement.capability_type, None
                wanted = ""
                continue
            wanted = "" if text == "TARGET" else str(text)
            continue
        if not isinstance(text, str) or text in _SKIPPED:
            continue
        found = _named(holder, text, wanted, artifact)
        if found is None:
            return
        kind, thing = found
        yield Step(token, kind, thing)
        wanted = ""
        requirement = thing if isinstance(thing, Requirement) else None
        holder = _inner(thing)
        if holder is None:
            return


def _named(holder: Any, name: str, wanted: str, artifact: bool) -> tuple[str, Any] | None:
    if isinstance(holder, Schema):
        found = holder.type.properties.get(name)
        return ("property", found) if found is not None else None
    sections = {"CAPABILITY": ("capabilities",), "RELATIONSHIP": ("requirements",)}.get(
        wanted, ("properties", "attributes", "capabilities", "requirements")
    )
    if artifact:
        sections = ("artifacts",)
    for section in sections:
        thing = getattr(holder, section, {}).get(name)
        if thing is not None:
            role = getattr(thing, "role", None)
            return role.value if role is not None else _KINDS[section], thing
    return None


class End(NamedTuple):
    """Where a path has led to: what the next token is looked for in, and the word before it, if that says the kind."""

    holder: Any
    wanted: str = ""
    requirement: Requirement | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """The words that may follow."""
        if self.requirement is not None:
            return ("TARGET", "CAPABILITY", "ALL")
        return ("CAPABILITY", "RELATIONSHIP") if isinstance(self.holder, NodeType) and not self.wanted else ()

    def sections(self, function: str) -> tuple[str, ...]:
        """What names may follow in the path of a function."""
        if self.wanted:
            return ("capabilities",) if self.wanted == "CAPABILITY" else ("requirements",)
        if function == "get_artifact":
            return ("artifacts",)
        return ("properties", "attributes") if function == "get_attribute" else ("properties",)


def end(holder: Any, tokens: Sequence[Any]) -> End | None:
    """Return where the tokens after the first lead from `holder`; None when that is not known."""
    at = End(holder)
    for token in tokens:
        if at.requirement is not None and token == "TARGET":
            at = End(at.requirement.node_type)
        elif at.requirement is not None and token == "CAPABILITY":
            at = End(at.requirement.capability_type)
        elif at.requirement is not None and (token == "ALL" or isinstance(token, int)):
            continue
        elif token in ("CAPABILITY", "RELATIONSHIP") and isinstance(at.holder, NodeType) and not at.wanted:
            at = at._replace(wanted=token)
        elif isinstance(at.holder, Schema) and at.holder.base in (Base.LIST, Base.MAP):
            at = End(_members(at.holder.entries))
        else:
            found = _named(at.holder, token, at.wanted, False) if isinstance(token, str) else None
            if found is None:
                return None
            thing = found[1]
            if isinstance(thing, Requirement):
                at = End(thing.relationship, requirement=thing)
            else:
                schema = getattr(thing, "schema", None)
                at = End(_members(schema) if schema is not None else thing)
        if at.holder is None and at.requirement is None:
            return None
    return at


def _members(schema: Schema | None) -> Any:
    """Return what the values of a schema have properties of: a data type; of a list or a map, these are in entries."""
    if schema is None or schema.base in (Base.LIST, Base.MAP):
        return schema
    return schema.type


_KINDS = {"capabilities": "capability", "requirements": "requirement", "artifacts": "artifact"}


def _inner(thing: Any) -> Any:
    """Return what the next token is looked for in."""
    if isinstance(thing, Capability | NodeType | Relationship):
        return thing
    if isinstance(thing, Requirement):
        return thing.relationship or thing.capability_type
    schema = getattr(thing, "schema", None)
    if isinstance(schema, Schema):
        return schema.entries or schema
    return None
