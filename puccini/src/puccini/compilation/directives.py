"""What the directives of a node template come to (section 7.2.1): selected, substituted or created, in their order.

What is selected is decided when a service is instantiated: a vertex of the node's name leads to the node of another
service. Where one thing fails and another follows, counts say which of them there is.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from floria.entities import EdgeTemplate, Finder, Handler, Property, VertexTemplate
from floria.values import Call, Value
from puccini.compilation import handlers, nodes, passing, properties, substitution
from puccini.compilation.marks import NODE, SELECTED, SELECTION
from puccini.compilation.state import Candidate, State
from puccini.loading import Loaded
from puccini.model.service import NodeTemplate

CREATE, SELECT, SUBSTITUTE = "create", "select", "substitute"
EVERYWHERE = "/"
SELECT_EDGE = "select"


def order(template: NodeTemplate) -> list[str]:
    """Return the directives that count: nothing after 'create', which never fails, and none twice."""
    given = list(dict.fromkeys(one.text for one in template.directives)) or [CREATE]
    return given[: given.index(CREATE) + 1] if CREATE in given else given


def may_select(template: NodeTemplate) -> bool:
    """Whether the node may turn out to be one of another service."""
    return SELECT in order(template)


def templates(
    template: NodeTemplate, root: VertexTemplate, triggers: Sequence[Handler], state: State
) -> Iterator[VertexTemplate | EdgeTemplate]:
    """Yield everything of a node but its relationships."""
    known = order(template)
    candidates = substitution.candidates(template, state) if SUBSTITUTE in known else []
    if known == [SUBSTITUTE] and not candidates:
        _absent(template, state)
        return
    node_first = known[0] != SELECT
    selection: list[VertexTemplate | EdgeTemplate] = []
    if SELECT in known:
        selection = [*_selection(template, known, bool(candidates), root, state)]
    if not node_first:
        yield from selection
    if candidates or CREATE in known:
        yield from _node(template, known, candidates, root, triggers, state)
    if node_first:
        yield from selection


def _node(
    template: NodeTemplate,
    known: list[str],
    candidates: list[Candidate],
    root: VertexTemplate,
    triggers: Sequence[Handler],
    state: State,
) -> Iterator[VertexTemplate | EdgeTemplate]:
    created = CREATE in known
    own = handlers.build(template.implemented, state) if created else ()
    if candidates:
        own = (*substitution.handlers(candidates, created), *(substitution.unless(one) for one in own))
    count = template.count
    if known[0] == SELECT:
        count = Call("tosca:unselected", [template.name, count])
    elif SELECT in known and candidates:
        plain = substitution.plain(candidates)
        count = Call("tosca:substitutable", [count, plain, _described(template, state), _sought(template, state)])
    way = nodes.Way(count, (*own, *triggers), substitution.attributes(candidates))
    yield from nodes.vertexes(template, way, root, state)
    for candidate in candidates:
        yield from substitution.templates(template, candidate, candidates, state)


def _selection(
    template: NodeTemplate, known: list[str], substitutes: bool, root: VertexTemplate, state: State
) -> Iterator[VertexTemplate | EdgeTemplate]:
    """Yield what stands for a selected node, and the edge that leads to it."""
    assert template.type is not None
    passed = state.passed.get((template.name, ""), [])
    only = known == [SELECT] or not (substitutes or CREATE in known) or (known[0] == SELECT and bool(passed))
    alias = VertexTemplate(
        id=state.id("node", template.name, "select"),
        name=template.name,
        parent=root.id,
        count=1 if only else Call("tosca:selectable", [_sought(template, state)]),
        classes=(SELECTED,),
        metadata=properties.metadata(template.node, template.metadata, template.description),
    )
    yield alias
    conditions: Value = True
    tests = [passing.condition(passed[0])] if passed else [(Call("tosca:external", []), _HERE)]
    if template.node_filter is not None:
        conditions = Call("tosca:filter", [template.node_filter])
    for test, reason in tests:
        conditions = Call("floria:if", [test, conditions, reason])
    yield EdgeTemplate(
        id=state.id("node", template.name, "select", "edge"),
        name=SELECT_EDGE,
        classes=(SELECTION,),
        source=alias.id,
        finder=Finder(classes=(template.type.class_name, NODE), predicate=conditions, scope=EVERYWHERE),
        metadata=properties.metadata(template.node, {}, requirement=SELECT_EDGE),
    )


def _absent(template: NodeTemplate, state: State) -> None:
    assert template.type is not None
    message = f"there is no service template to substitute {template.name!r}, of the type {template.type.name!r}"
    known = [one for one in state.candidates if one.service is not None and one.service.mappings is not None]
    offers = [f"{_file(one)} substitutes {one.service.mappings.type.name}" for one in known]  # type: ignore[union-attr]
    hint = f"there are: {'; '.join(offers)}" if offers else "name files with one as Other-Definitions, or import them"
    if any(one in state.around for one in substitution.fitting(template, state.candidates)):
        hint = "the only one that fits is what this node is inside of, which never ends"
    state.report.error("no-substitution", message, template.directives[0], hint)


def _file(loaded: Loaded) -> str:
    return loaded.entry.name if loaded.entry is not None else ""


_HERE = "it is not in another service that can be seen from here"


def _sought(template: NodeTemplate, state: State) -> dict[str, Value]:
    assert template.type is not None
    clauses: list[Value] = [] if template.node_filter is None else [template.node_filter]
    return {"name": template.name, "type": template.type.class_name, "filter": clauses}


def _described(template: NodeTemplate, state: State) -> dict[str, Value]:
    """Return the node as data, for candidates to accept or not before it is there."""
    assert template.type is not None
    found = properties.assigned(
        state.defaults(template.type),
        template.type.properties,
        template.type.attributes,
        template.properties,
        template.attributes,
    )
    capabilities: list[Value] = []
    for capability in template.type.capabilities.values():
        inside = nodes.capability_properties(template, capability, state)
        capabilities.append(_entity(capability.name, nodes.capability_classes(capability, state), inside))
    return {**_entity(template.name, (*template.type.classes, NODE), found), "capabilities": capabilities}


def _entity(name: str, classes: tuple[str, ...], found: dict[str, Property]) -> dict[str, Value]:
    return {"name": name, "classes": [*classes], "properties": {key: _data(one) for key, one in found.items()}}


def _data(found: Property) -> dict[str, Value]:
    value: Any = found.value if found.value is not properties.UNSET else found.updater
    return {"value": None if value is properties.UNSET else value, "preparer": found.preparer}
