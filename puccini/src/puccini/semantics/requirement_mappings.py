"""Requirement mappings (section 15.5): which relationships of a substituted node are passed to what inside.

Used by `puccini.semantics.substitution`.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from puccini import yaml
from puccini.grammar.readers import UNBOUNDED
from puccini.grammar.templates import SubstitutionMapping
from puccini.model.service import Mapping, Segment, Service, Substitution
from puccini.model.types import Requirement
from puccini.nodes import Node
from puccini.semantics import assignments, mapping_targets
from puccini.semantics.resolver import Resolver
from puccini.semantics.scope import Scope


class _Passed(NamedTuple):
    """One requirement mapping: for how many relationships it is (None: all others), to what they are passed.

    `number` is how many it counts for.
    """

    span: int | None
    number: int
    targets: list[Mapping]
    needed: bool


def resolve(mapping: SubstitutionMapping, result: Substitution, service: Service, resolver: Resolver) -> None:
    type = result.type
    unbounded: set[str] = set()
    passed: dict[str, list[_Passed]] = {}
    keys = [key for key, _ in mapping.requirements]
    for key, node in mapping.requirements:
        read = _requirement_key(key, node, resolver)
        if read is None:
            continue
        name, count = read
        requirement = type.requirements.get(name)
        if requirement is None:
            mapping_targets.absent("requirement", name, type, list(type.requirements), node, resolver)
            continue
        if name in unbounded:
            message = f"no mapping of {name!r} follows one that is {UNBOUNDED}"
            resolver.report.error("bad-mapping", message, node, key=True)
        if count is None:
            unbounded.add(name)
        found = [_requirement_target(one, service, resolver) for one in _targets(node)]
        targets = [target for target, _ in found if target is not None]
        only = isinstance(key, str) and sum(one == name or _names(one, name) for one in keys) == 1
        one = _Passed(None if only else count, count or 0, targets, any(needed for _, needed in found))
        passed.setdefault(name, []).append(one)
        _check_number(requirement, passed[name], node, resolver)
    for name, mappings in passed.items():
        result.requirements.extend(_segments(type.requirements[name], mappings))


def _check_number(requirement: Requirement, mappings: list[_Passed], node: Node, resolver: Resolver) -> None:
    """Rules 2 and 3 (section 15.5.4)."""
    lower, upper = requirement.count_range
    mandatory = sum(one.number for one in mappings if one.needed)
    if mappings[-1].needed and mandatory > lower:
        message = f"more mandatory requirements are mapped than {requirement.name!r} guarantees ({lower})"
        resolver.report.warn("too-many-mappings", message, node, key=True, related=requirement.node)
    elif upper is not None and sum(one.number for one in mappings) > upper:
        message = f"more requirements are mapped than {requirement.name!r} can have ({upper})"
        resolver.report.warn("too-many-mappings", message, node, key=True, related=requirement.node)


def _segments(requirement: Requirement, mappings: list[_Passed]) -> Iterator[tuple[Segment, list[Mapping]]]:
    """Yield which relationships each mapping is about; surplus ones are left out (section 15.5.4, rule 3).

    When there may be fewer relationships than mappings, those onto what is not optional come first.
    """
    lower, upper = requirement.count_range
    if sum(one.span or 0 for one in mappings) > lower:
        mappings = sorted(mappings, key=lambda one: (one.span is None, not one.needed))
    first = 0
    for one in mappings:
        if upper is not None and first >= upper:
            return
        yield Segment(requirement.name, first, one.span), one.targets
        first += one.span or 0


def _targets(node: Node) -> list[Node]:
    return list(node) if _is_list_of_targets(node) else [node]


def _names(key: Any, name: str) -> bool:
    return isinstance(key, yaml.SequenceKey) and len(key) > 0 and key[0] == name


def _requirement_key(key: Any, node: Node, resolver: Resolver) -> tuple[str, int | None] | None:
    """Return the name in the key of a requirement mapping, and for how many assignments it is; None is all others.

    None alone is returned for what is no key.
    """
    if isinstance(key, str):
        return key, 1
    if isinstance(key, yaml.SequenceKey) and len(key) == 2 and isinstance(key[0], str):
        count = key[1]
        if count == UNBOUNDED:
            return key[0], None
        if isinstance(count, int) and not isinstance(count, bool) and count >= 0:
            return key[0], count
    message = f"the key of a requirement mapping is a name, [ NAME, COUNT ] or [ NAME, {UNBOUNDED} ]"
    resolver.report.error("bad-mapping", message, node, key=True)
    return None


def _is_list_of_targets(node: Node) -> bool:
    value = node.value
    if not isinstance(value, list):
        return False
    return any(isinstance(item, list) for item in value) or len(value) != 2


def _requirement_target(node: Node, service: Service, resolver: Resolver) -> tuple[Mapping | None, bool]:
    """Check one target of a requirement mapping; return it and whether it is a requirement that must be fulfilled."""
    if isinstance(node.value, str):
        template = mapping_targets.node_template(node, service, resolver)
        if template is not None and not any(one.text == "select" for one in template.directives):
            message = f"{node.text!r} is not a selectable node"
            resolver.report.error("bad-mapping", message, node, "add 'directives: [ select ]', or name a requirement")
        return (Mapping(template.name, "") if template is not None else None), False
    found = mapping_targets.pair(node, service, resolver)
    if found is None:
        return None, False
    template, name = found
    known = template.type.requirements if template.type is not None else {}
    if name not in known:
        if template.type is not None:
            mapping_targets.absent("requirement", name, template.type, list(known), node.child(1), resolver, key=False)
        return None, False
    uses = [use for use in template.requirements if use.name == name]
    if uses and all(use.target is not None for use in uses):
        message = f"the requirement {name!r} of {template.name!r} has a target already"
        resolver.report.error("bad-mapping", message, node, "only requirements without a target are mapped")
        return None, False
    if name not in template.passed:
        scope = Scope(service.unit, service=service, owner=template)
        template.passed[name] = made = assignments.implicit(known[name], template, scope, resolver)
        made.optional = True
    return Mapping(template.name, name), any(not use.optional for use in uses)
