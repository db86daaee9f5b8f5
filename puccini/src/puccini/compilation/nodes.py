"""Node templates as vertex templates, with their capabilities and artifacts inside of them."""

from collections.abc import Iterator
from typing import NamedTuple

from floria.entities import Handler, Property, VertexTemplate
from floria.values import Value
from puccini.compilation import occurrences, properties
from puccini.compilation.marks import (
    ARTIFACT,
    CAPABILITY,
    EXTERNAL,
    INTERNAL,
    NODE,
    RESTRICTED_RELATIONSHIPS,
    RESTRICTED_SOURCES,
    accepts,
    named,
)
from puccini.compilation.state import State
from puccini.model.service import NodeTemplate
from puccini.model.types import Artifact, Capability


class Way(NamedTuple):
    """How a node comes to be there: how often, with which handlers, and which of its attributes come from inside.

    `attributes` are paths from the node: ``("load",)`` or ``("CAPABILITY", "host", "load")``.
    """

    number: Value
    handlers: tuple[Handler, ...]
    attributes: frozenset[tuple[str, ...]] = frozenset()


def vertexes(template: NodeTemplate, way: Way, root: VertexTemplate, state: State) -> Iterator[VertexTemplate]:
    """Yield the vertex template of a node, then those in it."""
    type = template.type
    assert type is not None
    known = {**type.artifacts, **template.artifacts} if template.artifacts else type.artifacts
    id = state.node(template)
    found = properties.assigned(
        state.defaults(type), type.properties, type.attributes, template.properties, template.attributes
    )
    yield VertexTemplate(
        id=id,
        name=template.name,
        parent=root.id,
        count=way.number,
        classes=(*type.classes, NODE),
        properties=properties.from_inside(_inward(found, template, "", state), way.attributes, ()),
        handlers=way.handlers,
        metadata=properties.metadata(template.node, template.metadata, template.description),
    )
    for capability in type.capabilities.values():
        yield _capability(template, way, capability, state)
    for artifact in known.values():
        yield _artifact(template, artifact, state)


def _capability(template: NodeTemplate, way: Way, capability: Capability, state: State) -> VertexTemplate:
    use = template.capabilities.get(capability.name)
    classes = capability_classes(capability, state)
    if use is not None and len(use.directives) == 1:
        classes = (*classes[:-1], INTERNAL if use.directives == ["internal"] else EXTERNAL, *classes[-1:])
    return VertexTemplate(
        id=state.id("node", template.name, "capability", capability.name),
        name=capability.name,
        parent=state.node(template),
        classes=classes,
        properties=properties.from_inside(
            _inward(capability_properties(template, capability, state), template, capability.name, state),
            way.attributes,
            ("CAPABILITY", capability.name),
        ),
        metadata=properties.metadata((use or template).node, {}),
    )


def _inward(found: dict[str, Property], template: NodeTemplate, capability: str, state: State) -> dict[str, Property]:
    """Return properties of a node, or its capability; some get those of the substituted node that this is inside of."""
    labels = state.inward.get((template.name, capability))
    return found if labels is None else {**found, **properties.inward(found, labels)}


def capability_properties(template: NodeTemplate, capability: Capability, state: State) -> dict[str, Property]:
    """Return what is assigned to the capability of a node."""
    use = template.capabilities.get(capability.name)
    base = state.defaults(capability)
    if state.has_limits:
        base = {**base, **occurrences.capacity(template, capability)}
    if use is None:
        return dict(base)
    return properties.assigned(base, capability.properties, capability.attributes, use.properties, use.attributes)


def capability_classes(capability: Capability, state: State) -> tuple[str, ...]:
    """Return the classes of a capability; among them, which sources and relationships it accepts if not all."""
    found = state.capability_classes.get(id(capability))
    if found is None:
        result = [*capability.type.classes, named(capability.name)]
        if capability.valid_sources is not None:
            result += [RESTRICTED_SOURCES, *(accepts(one.class_name) for one in capability.valid_sources)]
        if capability.valid_relationships is not None:
            result += [RESTRICTED_RELATIONSHIPS, *(accepts(one.class_name) for one in capability.valid_relationships)]
        found = state.capability_classes[id(capability)] = (*result, CAPABILITY)
    return found


def _artifact(template: NodeTemplate, artifact: Artifact, state: State) -> VertexTemplate:
    type = artifact.type
    base: dict[str, Property] = state.defaults(type) if type is not None else {}
    known = type.properties if type is not None else {}
    more = {"file": artifact.place}
    if (digest := state.digest(artifact)) is not None:
        more["blob"] = digest
    for key in ("repository", "repository_url", "version", "checksum", "checksum_algorithm"):
        if getattr(artifact, key):
            more[key] = getattr(artifact, key)
    return VertexTemplate(
        id=state.id("node", template.name, "artifact", artifact.name),
        name=artifact.name,
        parent=state.node(template),
        classes=(*(type.classes if type is not None else ()), ARTIFACT),
        properties=properties.assigned(base, known, {}, artifact.properties, {}),
        metadata=properties.metadata(artifact.node, {}, artifact.description, **more),
    )
