"""Whether a requirement can lead to its target: capability types and lists of valid types (sections 7.3, 8.1, 8.2)."""

from collections.abc import Iterable

from puccini.model.data import Property
from puccini.model.service import NodeTemplate, RequirementUse
from puccini.model.type import Type
from puccini.model.types import Capability, NodeType
from puccini.semantics.resolver import Resolver


class Data:
    """Properties and attributes that refine those of a type, which may be `incomplete`."""

    def __init__(self, type: Type, properties: dict[str, Property], attributes: dict[str, Property]) -> None:
        self.incomplete = type.incomplete
        self.properties = properties
        self.attributes = attributes


def check(use: RequirementUse, source: NodeTemplate, resolver: Resolver) -> None:
    """Report a target that the requirement can never lead to, with the reason for each of its capabilities."""
    target = use.target
    if source.type is None:
        return
    for reason in _source_reasons(use, source.type):
        resolver.report.error("bad-source", f"the requirement {use.name!r} is not possible here: {reason}", use.node)
        return
    if target is None or target.type is None:
        return
    wanted = use.requirement.node_type
    if wanted is not None and not target.type.derives(wanted):
        message = f"{target.name!r} is of the type {target.type.name!r}, not of {wanted.name!r} as {use.name!r} asks"
        resolver.report.error("bad-target", message, use.node, related=use.requirement.node)
        return
    if isinstance(use.index, int) and isinstance(target.count, int) and use.index >= target.count and not use.optional:
        message = f"there is no node {use.index} of {target.name!r}: it has {target.count}, from 0"
        resolver.report.error("bad-target", message, use.node)
        return
    reasons: dict[str, str] = {}
    for one in target.type.capabilities.values():
        reasons[one.name] = refusal(use, one, source.type, target.type)
        if not reasons[one.name]:
            return
    if target.type.incomplete:
        return
    if not reasons:
        message = f"{target.name!r} has no capability that {use.name!r} could lead to"
        resolver.report.error("bad-target", message, use.node, _wanted(use))
    else:
        why = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
        message = f"{target.name!r} has no capability that {use.name!r} could lead to ({why})"
        resolver.report.error("bad-target", message, use.node, _wanted(use))


def refusal(use: RequirementUse, capability: Capability, source: NodeType, target: NodeType) -> str:
    """Return why `capability` is not a target, or nothing when it is one."""
    if use.capability_name and capability.name != use.capability_name:
        return f"it is not {use.capability_name!r}"
    wanted = use.capability_type
    if wanted is not None and not capability.type.derives(wanted):
        return f"its type {capability.type.name!r} is not {wanted.name!r}"
    if not _valid(source, capability.valid_sources):
        return f"the node type {source.name!r} is not a valid source of it"
    relationship = use.relationship.type if use.relationship is not None else None
    if relationship is None:
        return ""
    if not _valid(relationship, capability.valid_relationships):
        return f"the relationship type {relationship.name!r} is not valid for it"
    if not _valid(capability.type, relationship.valid_capabilities):
        return f"its type {capability.type.name!r} is not valid for {relationship.name!r}"
    if not _valid(target, relationship.valid_targets):
        return f"the node type {target.name!r} is not a valid target of {relationship.name!r}"
    return ""


def capability_properties(use: RequirementUse) -> dict[str, Property] | None:
    """Return the properties of the capability that a requirement leads to, as far as that is known."""
    target = use.target.type if use.target is not None else use.node_type
    if target is not None:
        for capability in target.capabilities.values():
            named = capability.name == use.capability_name
            typed = use.capability_type is not None and capability.type.derives(use.capability_type)
            if named or (typed and not use.capability_name):
                return capability.properties
    return use.capability_type.properties if use.capability_type is not None else None


def _source_reasons(use: RequirementUse, source: NodeType) -> Iterable[str]:
    relationship = use.relationship.type if use.relationship is not None else None
    if relationship is not None and not _valid(source, relationship.valid_sources):
        yield f"the node type {source.name!r} is not a valid source of {relationship.name!r}"


def _valid(type: Type, valid: tuple[Type, ...] | None) -> bool:
    return valid is None or any(type.derives(one) for one in valid)


def _wanted(use: RequirementUse) -> str:
    if use.capability_name:
        return f"a capability named {use.capability_name!r} is needed"
    return f"a capability of the type {use.capability_type.name!r} is needed" if use.capability_type is not None else ""
