"""The names in TOSCA paths: what each token of ``[ web, RELATIONSHIP, host, CAPABILITY, port ]`` means, for editors.

A path of TOSCA 1.x says no kinds; there a name is that of a property, of a capability or of a requirement, in this
order.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from puccini.model.data import Schema
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
