"""Services inside of substituted nodes (section 15): for each candidate a service in the node, of which one is made."""

from collections.abc import Iterator, Sequence

import msgspec

from floria import instantiation
from floria.entities import EdgeTemplate, Finder, Handler, Property, VertexTemplate
from floria.values import Call, Value
from puccini.compilation import properties, services
from puccini.compilation.marks import CAPABILITY, NODE, STITCH, SUBSTITUTION, named
from puccini.compilation.state import Candidate, State
from puccini.loading import Loaded
from puccini.model.data import UNSET
from puccini.model.service import NodeTemplate

MAPPINGS = "tosca.mappings"
WORKFLOW = "tosca:mapped_workflow"
UNLESS = "tosca.unless"
"""Metadata of a handler: it is for a node that nothing substitutes."""


def fitting(template: NodeTemplate, candidates: Sequence[Loaded]) -> list[Loaded]:
    """Return the candidates for a node of this type, the most specific first, then in the order given."""
    assert template.type is not None
    classes = template.type.classes
    found = [one for one in candidates if _type(one) in classes]
    return sorted(found, key=lambda one: classes.index(_type(one)))


def candidates(template: NodeTemplate, state: State) -> list[Candidate]:
    """Return the candidates for a node, but those that it is inside of already."""
    result = state.fitting.setdefault(template.name, [])
    names: set[str] = set()
    for loaded in fitting(template, state.candidates):
        if loaded in state.around:
            continue
        assert loaded.service is not None
        assert loaded.service.mappings is not None
        name = base = services.name(loaded)
        number = 2
        while name in names:
            name, number = f"{base}-{number}", number + 1
        names.add(name)
        result.append(Candidate(name, loaded, loaded.service.mappings))
    return result


def attributes(known: Sequence[Candidate]) -> frozenset[tuple[str, ...]]:
    """Return the paths of attributes of a node, or its capabilities, that a candidate maps an output to."""
    paths = [path[1:] for one in known for path, _ in one.mappings.attributes]
    return frozenset(tuple(map(str, path)) for path in paths if path[0] != "RELATIONSHIP")


def edge_attributes(known: Sequence[Candidate]) -> frozenset[tuple[str, ...]]:
    """Return the paths, without index, of attributes of relationships that a candidate maps an output to."""
    paths = [path for one in known for path, _ in one.mappings.attributes if path[1] == "RELATIONSHIP"]
    return frozenset((str(path[1]), str(path[2]), str(path[4])) for path in paths)


def plain(known: list[Candidate]) -> list[Value]:
    """Return the candidates as data: ``name`` and ``filter``."""
    return [{"name": one.name, "filter": one.mappings.filter} for one in known]


def handlers(known: list[Candidate], created: bool) -> Iterator[Handler]:
    """Yield the handlers of a substituted node: what notes what substitutes it, then its mapped operations."""
    call = Call("tosca:settled", [plain(known), created])
    yield Handler(event=instantiation.AFTER, call=call, name="substitution")
    for operation in dict.fromkeys(operation for one in known for operation in one.mappings.interfaces):
        yield Handler(event=operation, call=Call(WORKFLOW, [{"operation": operation}]), name=operation)


def unless(handler: Handler) -> Handler:
    """Return a handler of a node that is created when nothing substitutes it."""
    return msgspec.structs.replace(handler, metadata={**handler.metadata, UNLESS: "substituted"})


def templates(
    template: NodeTemplate, candidate: Candidate, known: list[Candidate], state: State
) -> Iterator[VertexTemplate | EdgeTemplate]:
    """Yield the service of a candidate inside of a node, with all that is in it."""
    inside = state.inside(candidate.name, candidate.loaded, "node", template.name, "substitution", candidate.name)
    for segment, targets in candidate.mappings.requirements:
        for target in targets:
            inside.passed.setdefault((target.node, target.requirement), []).append(segment)
    for one in candidate.mappings.inward:
        inside.inward.setdefault((one.node, one.capability), {})[one.into] = one.label
    plain_root = services.vertex(inside)
    root = msgspec.structs.replace(
        plain_root,
        parent=state.node(template),
        count=Call("tosca:chosen", [candidate.name, plain(known)]),
        classes=(SUBSTITUTION, *plain_root.classes),
        properties=_inputs(plain_root.properties, candidate),
        metadata={**plain_root.metadata, MAPPINGS: _mappings(candidate, inside)},
    )
    yield root
    state.insides.append((root, inside))
    for outer, (node, inner) in candidate.mappings.capabilities.items():
        yield _stitch(template, candidate, outer, node, inner, state, inside)


def _inputs(found: dict[str, Property], candidate: Candidate) -> dict[str, Property]:
    """Return the properties of a service with inputs that get their values from the substituted node (section 15.2)."""
    assert candidate.loaded.service is not None
    result = dict(found)
    for path, name in candidate.mappings.properties:
        definition = candidate.loaded.service.inputs[name]
        arguments: list[Value] = [Call("tosca:get_property", list(path))]
        if definition.default is not UNSET:
            arguments.append(definition.default)
        result[name] = msgspec.structs.replace(
            found[name], value=msgspec.UNSET, updater=Call("tosca:mapped", arguments)
        )
    for one in candidate.mappings.inward:
        result[one.label] = Property(updater=Call("tosca:get_property", list(one.path)))
    return result


def _mappings(candidate: Candidate, inside: State) -> dict[str, Value]:
    known = services.output_names(inside.service)
    mapped: list[Value] = [
        {"path": list(path), "output": known[output]} for path, output in candidate.mappings.attributes
    ]
    return {"attributes": mapped, "interfaces": dict(candidate.mappings.interfaces)}


def _stitch(
    template: NodeTemplate, candidate: Candidate, outer: str, node: str, inner: str, state: State, inside: State
) -> EdgeTemplate:
    """Return the edge from a capability to the one inside that it is mapped to (section 15.4)."""
    target = inside.service.nodes[node]
    predicate: Value = Call(
        "floria:if", [Call("tosca:inside", []), True, "it is not inside of the node that the capability belongs to"]
    )
    return EdgeTemplate(
        id=inside.id("capability", outer),
        name="mapped",
        classes=(STITCH,),
        source=state.id("node", template.name, "capability", outer),
        finder=Finder(
            classes=(named(inner), CAPABILITY), owner_classes=(NODE,), owner=inside.node(target), predicate=predicate
        ),
        count="unbounded",
        optional=True,
        metadata=properties.metadata(candidate.mappings.node, {}),
    )


def _type(loaded: Loaded) -> str:
    service = loaded.service
    return service.mappings.type.class_name if service is not None and service.mappings is not None else ""
