"""Fills all types, parents before children (sections 6.4, 7.1, 7.3, 8.1, 12.1, 16.1, 16.3)."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from puccini.data import versions
from puccini.diagnostics import unread
from puccini.grammar import types as grammar
from puccini.grammar.types import Kind
from puccini.model import types as model
from puccini.model.data import DataType, Role
from puccini.model.type import Type
from puccini.nodes import Node
from puccini.semantics import artifacts, combination, data_types, definitions, interfaces, reflection, requirements
from puccini.semantics.resolver import CLASSES, Resolver
from puccini.semantics.scope import Scope
from puccini.units import Unit


def fill(resolver: Resolver) -> None:
    """Fill every declared type and run the checks that need all of them."""
    _fill(resolver, [type for kind in CLASSES for type in resolver.of(kind)])


def again(resolver: Resolver, definitions: Mapping[int, grammar.TypeDefinition]) -> None:
    """Fill types again, which stay the same objects; `definitions` are what they now have, by what they had.

    Every type that depends on one of them has to be among them. What they derive from has to be as before.
    """
    replaced = [type for kind in CLASSES for type in resolver.of(kind) if id(type.definition) in definitions]
    for type in replaced:
        kind, unit, parent, uncertain = type.kind, type.unit, type.parent, type.uncertain
        definition = definitions[id(type.definition)]
        type.__dict__.clear()
        type.__init__(kind, definition.name, unit, definition, parent)  # type: ignore[misc]
        type.partial = any(key not in grammar.TYPES[kind].keys for key in definition.node.value)
        type.uncertain = uncertain
    resolver.types = {id(type.definition): type for type in resolver.types.values()}
    resolver.implemented.clear()
    resolver.related.clear()
    _fill(resolver, replaced)


def owner(type: Type) -> str:
    """Return on whose behalf is reported what has to do with a type: that of its entry in its file."""
    return f"{type.kind.value}/{type.name}"


def _fill(resolver: Resolver, types: Iterable[Type]) -> None:
    report = resolver.report
    before = report.owner
    nodes: list[model.NodeType] = []
    for type in types:
        report.owner = owner(type)
        _version(type, resolver)
        _FILLERS[type.kind](type, resolver)
        if isinstance(type, model.NodeType):
            nodes.append(type)
    for node in nodes:
        report.owner = owner(node)
        requirements.check_targets(node, resolver)
    report.owner = before
    resolver.settle()


def narrow(
    resolver: Resolver, type: Type, kind: Kind, names: list[Node] | None, inherited: tuple[Type, ...] | None
) -> tuple[Type, ...] | None:
    """Return a list of valid types, which may only narrow the one it replaces."""
    assert type.unit is not None
    return restrict(resolver, resolver.all(kind, type.unit, names), names, inherited)


def restrict(
    resolver: Resolver,
    found: tuple[Type, ...] | None,
    names: list[Node] | None,
    inherited: tuple[Type, ...] | None,
) -> tuple[Type, ...] | None:
    """Return `found`, or what is inherited; report each type in it that was not valid before."""
    if found is None or names is None:
        return inherited
    if inherited is not None:
        for one in found:
            if not any(one.derives(valid) for valid in inherited):
                node = next((name for name in names if name.text.rpartition(":")[2] == one.name), names[0])
                valid = ", ".join(repr(valid.name) for valid in inherited)
                message = f"{one.name!r} is not valid before the refinement, where {valid} is"
                resolver.report.error("bad-refinement", message, node, "such a list can only become narrower")
    return found


def _version(type: Type, resolver: Resolver) -> None:
    version = type.definition.version if type.definition is not None else None
    if version is None:
        return
    try:
        versions.parse(version.text)
    except ValueError as error:
        resolver.report.error("bad-version", str(error), version)


def _data(type: Any, resolver: Resolver, *, attributes: bool = True) -> Scope:
    """Fill properties and attributes; return the scope of the type."""
    definition = type.definition
    scope = Scope(type.unit, owner=type)
    parent = type.parent
    inherited = parent.properties if parent is not None else {}
    type.properties = definitions.extend(inherited, definition.properties, Role.PROPERTY, scope, resolver)
    if attributes:
        inherited = parent.attributes if parent is not None else {}
        type.attributes = definitions.extend(inherited, definition.attributes, Role.ATTRIBUTE, scope, resolver)
        reflection.check(type, definition, resolver)
    return scope


def _fill_data(type: Type, resolver: Resolver) -> None:
    assert isinstance(type, DataType)
    data_types.fill(type, resolver)


def _fill_interface(type: Type, resolver: Resolver) -> None:
    assert isinstance(type, model.InterfaceType)
    interfaces.fill(type, resolver)


def _fill_artifact(type: Type, resolver: Resolver) -> None:
    assert isinstance(type, model.ArtifactType)
    assert isinstance(type.definition, grammar.ArtifactType)
    parent = type.parent if isinstance(type.parent, model.ArtifactType) else None
    _data(type, resolver, attributes=False)
    definition = type.definition
    mime, extensions = definition.mime_type, definition.file_ext
    type.mime_type = mime.text if mime is not None else parent.mime_type if parent is not None else ""
    inherited = parent.file_ext if parent is not None else ()
    type.file_ext = tuple(node.text for node in extensions) if extensions is not None else inherited


def _fill_capability(type: Type, resolver: Resolver) -> None:
    assert isinstance(type, model.CapabilityType)
    assert isinstance(type.definition, grammar.CapabilityType)
    parent = type.parent if isinstance(type.parent, model.CapabilityType) else None
    _data(type, resolver)
    definition = type.definition
    sources = parent.valid_sources if parent is not None else None
    type.valid_sources = narrow(resolver, type, Kind.NODE, definition.valid_source_node_types, sources)
    relationships = parent.valid_relationships if parent is not None else None
    names = definition.valid_relationship_types
    type.valid_relationships = narrow(resolver, type, Kind.RELATIONSHIP, names, relationships)


def _fill_relationship(type: Type, resolver: Resolver) -> None:
    assert isinstance(type, model.RelationshipType)
    assert isinstance(type.definition, grammar.RelationshipType)
    parent = type.parent if isinstance(type.parent, model.RelationshipType) else None
    scope = _data(type, resolver)
    definition = type.definition
    inherited = parent.interfaces if parent is not None else {}
    type.interfaces = interfaces.extend(inherited, definition.interfaces, scope, resolver)
    type.valid_capabilities = narrow(
        resolver,
        type,
        Kind.CAPABILITY,
        definition.valid_capability_types,
        parent.valid_capabilities if parent else None,
    )
    type.valid_targets = narrow(
        resolver, type, Kind.NODE, definition.valid_target_node_types, parent.valid_targets if parent else None
    )
    type.valid_sources = narrow(
        resolver, type, Kind.NODE, definition.valid_source_node_types, parent.valid_sources if parent else None
    )


def _fill_node(type: Type, resolver: Resolver) -> None:
    assert isinstance(type, model.NodeType)
    assert isinstance(type.definition, grammar.NodeType)
    parent = type.parent if isinstance(type.parent, model.NodeType) else None
    scope = _data(type, resolver)
    definition = type.definition
    type.capabilities = dict(parent.capabilities) if parent is not None else {}
    for name, capability in definition.capabilities.items():
        made = _capability(capability, type.capabilities.get(name), scope, resolver)
        if made is not None:
            type.capabilities[name] = made
        else:
            type.partial = True
    type.requirements = dict(parent.requirements) if parent is not None else {}
    for requirement in definition.requirements:
        type.requirements[requirement.name] = requirements.define(
            requirement, type.requirements.get(requirement.name), scope, resolver
        )
    inherited = parent.interfaces if parent is not None else {}
    type.interfaces = interfaces.extend(inherited, definition.interfaces, scope, resolver)
    type.artifacts = dict(parent.artifacts) if parent is not None else {}
    for name, artifact in definition.artifacts.items():
        built = artifacts.build(artifact, scope, resolver)
        if built is not None:
            type.artifacts[name] = built
        else:
            type.partial = True


def _capability(
    definition: grammar.CapabilityDefinition, parent: model.Capability | None, scope: Scope, resolver: Resolver
) -> model.Capability | None:
    """Section 8.2: properties, attributes and valid types refine those of the capability type."""
    type: Type | None = parent.type if parent is not None else None
    if definition.type is not None:
        type = resolver.find(Kind.CAPABILITY, scope.unit, definition.type)
        if type is not None and parent is not None and not type.derives(parent.type):
            message = f"{type.name!r} is neither {parent.type.name!r}, as in the parent type, nor derived from it"
            resolver.report.error("bad-refinement", message, definition.type, related=parent.node)
    elif parent is None and not unread(definition.node, "type", grammar.CAPABILITY.keys):
        message = f"the capability {definition.name!r} has no type"
        resolver.report.error("missing-keyname", message, definition.node, "add 'type: ...'")
    if not isinstance(type, model.CapabilityType):
        return None
    result = model.Capability(definition.name, type, definition.node)
    bounds = getattr(definition.node.document, "limits", {}).get(definition.node.marks)
    if parent is not None:
        result.limit, result.least = parent.limit, parent.least
    if bounds is not None:
        result.limit, result.least = result.limit if bounds.most is None else bounds.most, bounds.least
    if parent is not None:
        result.properties = combination.data(type.properties, parent.properties, parent.type.properties)
        result.attributes = combination.data(type.attributes, parent.attributes, parent.type.attributes)
    title = f"the capability type {type.name!r}"
    inner = scope.with_(owner=type)
    result.properties = definitions.extend(
        result.properties, definition.properties, Role.PROPERTY, inner, resolver, closed=title
    )
    result.attributes = definitions.extend(
        result.attributes, definition.attributes, Role.ATTRIBUTE, inner, resolver, closed=title
    )
    reflection.check(result, definition, resolver)
    names = definition.valid_source_node_types
    result.valid_sources = restrict(resolver, resolver.all(Kind.NODE, scope.unit, names), names, type.valid_sources)
    if names is None and parent is not None:
        result.valid_sources = combination.valid(type.valid_sources, parent.valid_sources)
    names = definition.valid_relationship_types
    found = resolver.all(Kind.RELATIONSHIP, scope.unit, names)
    result.valid_relationships = restrict(resolver, found, names, type.valid_relationships)
    if names is None and parent is not None:
        result.valid_relationships = combination.valid(type.valid_relationships, parent.valid_relationships)
    return result


def _fill_group(type: Type, resolver: Resolver) -> None:
    assert isinstance(type, model.GroupType)
    assert isinstance(type.definition, grammar.GroupType)
    parent = type.parent if isinstance(type.parent, model.GroupType) else None
    _data(type, resolver)
    members = parent.members if parent is not None else None
    type.members = narrow(resolver, type, Kind.NODE, type.definition.members, members)


def _fill_policy(type: Type, resolver: Resolver) -> None:
    """Section 16.3: targets are node types or group types; triggers may be added, not changed."""
    assert isinstance(type, model.PolicyType)
    assert isinstance(type.definition, grammar.PolicyType)
    assert type.unit is not None
    parent = type.parent if isinstance(type.parent, model.PolicyType) else None
    definition = type.definition
    _data(type, resolver, attributes=False)
    found: tuple[Type, ...] | None = None
    if definition.targets is not None:
        targets = [resolver.find(_target_kind(name, type.unit), type.unit, name) for name in definition.targets]
        found = tuple(target for target in targets if target is not None)
        found = found if len(found) == len(targets) else None
    type.targets = restrict(resolver, found, definition.targets, parent.targets if parent is not None else None)
    type.triggers = dict(parent.triggers) if parent is not None else {}
    for name, trigger in definition.triggers.items():
        if name in type.triggers:
            message = f"the trigger {name!r} of the parent type cannot be changed"
            resolver.report.error("bad-refinement", message, trigger.node, "choose another name", key=True)
            continue
        type.triggers[name] = (trigger, type.unit)


def _target_kind(name: Node, unit: Unit) -> Kind:
    return Kind.GROUP if unit.type(Kind.GROUP, name.text) is not None else Kind.NODE


_FILLERS: dict[Kind, Callable[[Type, Resolver], None]] = {
    Kind.ARTIFACT: _fill_artifact,
    Kind.DATA: _fill_data,
    Kind.CAPABILITY: _fill_capability,
    Kind.INTERFACE: _fill_interface,
    Kind.RELATIONSHIP: _fill_relationship,
    Kind.NODE: _fill_node,
    Kind.GROUP: _fill_group,
    Kind.POLICY: _fill_policy,
}
