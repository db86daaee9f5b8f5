"""Every name in a file that defines something or refers to something, with its place. Used for all but completion.

A file is walked along `puccini.server.structure`; functions in values are looked into. What a name means is what the
loader and the resolver found: nothing is resolved here a second time.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from puccini import extents, yaml
from puccini.functions.signatures import SIGNATURES, Signature
from puccini.grammar.templates import FunctionDefinition
from puccini.grammar.types import Kind
from puccini.model.data import BUILT_IN
from puccini.model.type import Type
from puccini.nodes import Node
from puccini.server import operations, paths, structure
from puccini.server.members import key as key_of
from puccini.server.occurrence import Occurrence
from puccini.server.structure import Form, Place, Refers, World
from puccini.units import FUNCTIONS, REPOSITORIES, Unit


def find(world: World) -> Iterator[Occurrence]:
    """Yield all occurrences in the file of `world`."""
    yield from _Walk(world).node(world.unit.root, structure.top(world))


def at(world: World, line: int, column: int) -> Occurrence | None:
    """Return what stands at a position (from 0), the innermost."""
    text = extents.lines(world.unit.root.document.data)
    found: Occurrence | None = None
    for one in find(world):
        if one.node.start.line > line and (not one.on_key or one.node.key_range[0].line > line):
            continue
        start, end = one.extent(text)
        if start.line == end.line == line and start.column <= column <= end.column and one.written(text):
            found = one
    return found


class _Walk:
    def __init__(self, world: World) -> None:
        self.world = world
        self.steps: dict[str, Node] = {}
        self.source: Any = None

    def node(self, node: Node, place: Place) -> Iterator[Occurrence]:
        value = node.value
        if isinstance(value, str) and place.form is Form.CONSTRUCT:
            if place.construct is not None and place.construct.title in _IMPLEMENTED:
                found = self._part(node, Refers.ARTIFACT)
                if found is not None:
                    yield found
                return
            place = place.short()
        match place.form:
            case Form.VALUES if place.refers:
                yield from self.mapping(node, place)
            case Form.CONSTRUCT | Form.MAP | Form.ENTRY | Form.VALUES if type(value) is yaml.Map:
                yield from self.map(node, place)
            case Form.NAMED_LIST | Form.LIST if type(value) is yaml.Seq:
                for item in node:
                    yield from self.node(item, place.step(item.key, _sibling(item)))
            case Form.REFERENCE:
                yield from self.reference(node, place)
            case Form.VALUE | Form.VALUES:
                yield from self.value(node)

    def map(self, node: Node, place: Place) -> Iterator[Occurrence]:
        title = place.construct.title if place.construct is not None else ""
        before = self.steps, self.source
        if title == "workflow definition" and (steps := node.get("steps")) is not None:
            self.steps = dict(steps.items()) if type(steps.value) is yaml.Map else {}
        if place.form is Form.CONSTRUCT and title in _SELVES:
            self.source = place.owner if _SELVES[title] else None
        for key, child in node.items():
            if not isinstance(key, str):
                continue
            if place.form is Form.CONSTRUCT and (title, key) in operations.SECTIONS:
                yield from operations.find(child, key, self.world)
                if title == "substitution mapping":
                    continue
            if key in ("activities", "action") and place.form is Form.CONSTRUCT:
                yield from self.activities(child)
                continue
            inner = place.step(key, _sibling(child))
            if place.form in (Form.MAP, Form.ENTRY):
                yield from self.name(key, child, title, place, inner)
            elif place.form is Form.VALUES:
                yield from self.assignment(key, child, place)
            yield from self.node(child, inner)
        self.steps, self.source = before

    def name(self, key: str, node: Node, title: str, place: Place, inner: Place) -> Iterator[Occurrence]:
        """A name in a map of named things: a definition, or what is assigned to one."""
        if title.endswith(" assignment"):
            thing = inner.owner
            if thing is not None:
                kind = title.removesuffix(" assignment")
                renamed = kind in _MEMBERS
                yield Occurrence(node, True, kind, key, getattr(thing, "node", None), thing, False, renamed)
            return
        kind, renamed = _DEFINES.get(title, (title, False))
        if title == "parameter definition" and node.parent is not None and node.parent.path == _INPUTS:
            kind, renamed = "input", True
        thing = inner.owner if title.endswith(" type") else place.names.get(key)
        if kind == "artifact" and thing is not None and key_of(thing.node) != key_of(node):
            yield Occurrence(node, True, kind, key, thing.node, thing, False, True)
            return
        yield Occurrence(node, True, kind, key, node, thing, True, renamed)

    def assignment(self, key: str, node: Node, place: Place) -> Iterator[Occurrence]:
        thing = place.names.get(key)
        if thing is not None:
            role = getattr(thing, "role", None)
            kind = role.value if role else "property"
            yield Occurrence(node, True, kind, key, getattr(thing, "node", None), thing, False, kind in _MEMBERS)

    def reference(self, node: Node, place: Place) -> Iterator[Occurrence]:
        if type(node.value) is yaml.Seq:
            for item in node:
                yield from self.reference(item, place)
        elif type(node.value) is yaml.Map:
            if Refers.ARTIFACT in place.refers:
                artifact = Place(Form.CONSTRUCT, self.world, structure.ARTIFACT)
                yield from self.node(node, artifact)
        elif isinstance(node.value, str) and node.value:
            for refers in place.refers:
                found = self._referred(node, refers, place)
                if found is not None:
                    yield found
                    return

    def _referred(self, node: Node, refers: Kind | Refers, place: Place) -> Occurrence | None:
        text, unit, service = node.text, self.world.unit, self.world.service
        last = text.rpartition(":")[2]
        if isinstance(refers, Kind):
            type = self.world.type(refers, text)
            if type is None:
                type = BUILT_IN.get(text) if refers is Kind.DATA else None
                return Occurrence(node, False, refers.label, text, None, type) if type is not None else None
            return Occurrence(node, False, refers.label, last, type.node, type, False, True)
        if refers in (Refers.IMPORT, Refers.PROFILE):
            linked = _linked(unit, node)
            return Occurrence(node, False, "import", text, linked.root, linked) if linked is not None else None
        if refers is Refers.REPOSITORY:
            found = unit.find(REPOSITORIES, text)
            target = found.definition.node if found is not None else None
            return Occurrence(node, False, "repository definition", last, target, None, False, True) if target else None
        if refers is Refers.STEP:
            target = self.steps.get(text)
            return Occurrence(node, False, "workflow step", text, target, None, False, True) if target else None
        if refers in _PARTS:
            return self._part(node, refers)
        if service is None:
            return None
        known: dict[Refers, Mapping[str, Any]] = {
            Refers.NODE: service.nodes,
            Refers.RELATIONSHIP: service.relationships,
            Refers.GROUP: service.groups,
        }
        thing = known.get(refers, {}).get(text)
        if thing is None:
            return None
        return Occurrence(node, False, _SINGULAR[refers], text, thing.node, thing, False, True)

    def _part(self, node: Node, refers: Refers) -> Occurrence | None:
        """A capability of a target, a requirement of a step's target, an artifact of what is around."""
        kind, section = _PARTS[refers]
        owner = self.source
        if refers is not Refers.ARTIFACT:
            named = _beside(node, "node" if refers is Refers.CAPABILITY else "target")
            owner = self._type(named) if named is not None else None
        thing = getattr(owner, section, {}).get(node.text)
        return Occurrence(node, False, kind, node.text, thing.node, thing, False, True) if thing is not None else None

    def _type(self, name: str) -> Type | None:
        """Return the type of the node template of a name, or the node type of that name."""
        template = self.world.service.nodes.get(name) if self.world.service is not None else None
        return template.type if template is not None else self.world.type(Kind.NODE, name)

    def activities(self, node: Node) -> Iterator[Occurrence]:
        """Workflows that activities name, and what is in the inputs of all of them."""
        service = self.world.service
        for item in node if type(node.value) is yaml.Seq and service is not None else ():
            for key, child in item.items() if type(item.value) is yaml.Map else ():
                word = "operation" if key == "call_operation" else "workflow"
                named = child.get(word) if type(child.value) is yaml.Map else child
                if named is None or not isinstance(named.value, str):
                    continue
                if key in ("inline", "delegate") and service is not None and named.value in service.workflows:
                    thing = service.workflows[named.text]
                    yield Occurrence(named, False, "workflow", thing.name, thing.node, thing, False, True)
                if type(child.value) is yaml.Map and (inputs := child.get("inputs")) is not None:
                    yield from self.value(inputs)

    def mapped(self, node: Node, place: Place) -> Iterator[Occurrence]:
        """In mappings of substitution: the names of the outer type, and what lists lead to in inner nodes."""
        section, service = str(node.key), self.world.service
        outer = self._type(_beside(node, "node_type") or "")
        if service is None or section not in ("properties", "attributes", "capabilities", "requirements"):
            return
        items = list(node) if type(node.value) is yaml.Seq else [node]
        for item in items:
            for key, child in item.items() if type(item.value) is yaml.Map else ():
                thing = getattr(outer, section, {}).get(key)
                if thing is not None:
                    role = getattr(thing, "role", None)
                    kind = role.value if role is not None else _SECTIONS[section]
                    yield Occurrence(child, True, kind, str(key), thing.node, thing, False, True)
                if type(child.value) is yaml.Seq and len(child.value) > 1 and child.value[0] in service.nodes:
                    inner, second = service.nodes[str(child.value[0])].type, child.child(1)
                    found = getattr(inner, section, {}).get(second.value) if isinstance(second.value, str) else None
                    if found is not None and section in _SECTIONS:
                        yield Occurrence(second, False, _SECTIONS[section], found.name, found.node, found, False, True)

    def mapping(self, node: Node, place: Place) -> Iterator[Occurrence]:
        """Mappings: inputs by name, or lists that begin with a node template."""
        yield from self.mapped(node, place)
        service = self.world.service
        stack = [node]
        while stack and service is not None:
            one = stack.pop()
            if type(one.value) is yaml.Map:
                stack.extend(child for _, child in one.items())
            elif type(one.value) is yaml.Seq and one.value:
                first = one.child(0)
                if Refers.NODE in place.refers and isinstance(first.value, str) and first.value in service.nodes:
                    found = service.nodes[first.text]
                    yield Occurrence(first, False, "node template", found.name, found.node, found, False, True)
                else:
                    stack.extend(one)
            elif Refers.INPUT in place.refers and isinstance(one.value, str) and one.value in service.inputs:
                input = service.inputs[one.text]
                yield Occurrence(one, False, "input", input.name, input.node, input, False, True)

    def value(self, node: Node) -> Iterator[Occurrence]:
        """Look for functions in a value, however deep."""
        stack = [node]
        while stack:
            one = stack.pop()
            value = one.value
            if type(value) is yaml.Map:
                for key, child in one.items():
                    if isinstance(key, str) and key.startswith("$") and not key.startswith("$$"):
                        yield from self.function(key[1:].partition("$")[0], child)
                    stack.append(child)
            elif type(value) is yaml.Seq:
                stack.extend(one)

    def function(self, name: str, node: Node) -> Iterator[Occurrence]:
        signature = SIGNATURES.get(name)
        if signature is None:
            found = self.world.unit.find(FUNCTIONS, name)
            service = self.world.service
            own = service.functions.get(name) if service is not None else None
            definition: FunctionDefinition | None = own or (found.definition if found is not None else None)
            if definition is not None:
                last = name.rpartition(":")[2]
                yield Occurrence(node, True, "function definition", last, definition.node, definition, False, True)
            return
        yield Occurrence(node, True, "function", name, None, signature)
        first = node if isinstance(node.value, str) else node.child(0) if _first(node) else None
        if first is not None:
            yield from self._argument(signature, first, node)

    def _argument(self, signature: Signature, first: Node, node: Node) -> Iterator[Occurrence]:
        service, text = self.world.service, first.text
        if service is None and not signature.path:
            return
        if signature.name == "get_input" and service is not None and text in service.inputs:
            thing = service.inputs[text]
            yield Occurrence(first, False, "input", text, thing.node, thing, False, True)
            return
        if not signature.path:
            return
        owner: Any = service.nodes.get(text) if service is not None else None
        if owner is not None:
            yield Occurrence(first, False, "node template", text, owner.node, owner, False, True)
            owner = owner.type
        elif service is not None and text in service.relationships:
            relationship = service.relationships[text]
            yield Occurrence(first, False, "relationship template", text, relationship.node, relationship, False, True)
        elif text == "SELF":
            owner = self.source
        if owner is not None and type(node.value) is yaml.Seq:
            for step in paths.walk(owner, list(node)[1:], artifact=signature.name == "get_artifact"):
                named = step.node.text
                yield Occurrence(step.node, False, step.kind, named, step.thing.node, step.thing, False, True)


_INPUTS = "service_template/inputs"
_DEFINES = {
    "property definition": ("property", True),
    "attribute definition": ("attribute", True),
    "parameter definition": ("parameter", True),
    "capability definition": ("capability", True),
    "requirement definition": ("requirement", True),
    "interface definition": ("interface", True),
    "operation definition": ("operation", True),
    "notification definition": ("notification", True),
    "artifact definition": ("artifact", True),
    **{kind.label: (kind.label, True) for kind in Kind},
    **{
        title: (title, True)
        for title in (
            "node template",
            "relationship template",
            "workflow step",
            "function definition",
            "repository definition",
        )
    },
    "group definition": ("group", True),
    "policy definition": ("policy", True),
    "workflow definition": ("workflow", True),
}
_MEMBERS = (
    *("property", "attribute", "parameter", "capability", "requirement"),
    *("interface", "operation", "notification"),
)
"""What types have, and templates assign to: every use is looked for, and a rename that leaves one is refused."""

_SELVES = {
    **dict.fromkeys(("node template", "relationship template"), True),
    **dict.fromkeys((Kind.NODE.label, Kind.RELATIONSHIP.label, Kind.CAPABILITY.label), True),
    **dict.fromkeys(("relationship definition", "relationship assignment"), False),
    **dict.fromkeys(("requirement definition", "requirement assignment"), False),
}
"""Where SELF begins to mean another thing, and whether that is known to be the construct itself."""

_PARTS = {
    Refers.CAPABILITY: ("capability", "capabilities"),
    Refers.REQUIREMENT: ("requirement", "requirements"),
    Refers.ARTIFACT: ("artifact", "artifacts"),
}
_IMPLEMENTED = (
    *(f"{name} {form}" for name in ("operation", "notification") for form in ("definition", "assignment")),
    "implementation definition",
    "artifact definition",
)
"""Constructs for which the name of an artifact may stand."""

_SECTIONS = {"capabilities": "capability", "requirements": "requirement"}
_SINGULAR = {Refers.NODE: "node template", Refers.RELATIONSHIP: "relationship template", Refers.GROUP: "group"}


def _sibling(node: Node) -> structure.Sibling:
    def sibling(key: str) -> str | None:
        found = node.get(key)
        return found.value if found is not None and isinstance(found.value, str) else None

    return sibling


def _beside(node: Node, key: str) -> str | None:
    """Return the text under a key of the map that a node is in."""
    return _sibling(node.parent)(key) if node.parent is not None else None


def _first(node: Node) -> bool:
    return type(node.value) is yaml.Seq and len(node.value) > 0 and isinstance(node.value[0], str)


def _linked(unit: Unit, node: Node) -> Unit | None:
    """Return the file that an import leads to."""
    for link in unit.links:
        definition = link.definition
        if definition is None:
            continue
        for written in (definition.url, definition.profile):
            if written is not None and written.start == node.start:
                return link.unit
    return None
