"""Every name in a file that defines something or refers to something, with its place. Used for all but completion.

A file is walked along `puccini.server.structure`; functions in values are looked into. What a name means is what the
loader and the resolver found: nothing is resolved here a second time.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from puccini import extents, yaml
from puccini.functions.signatures import SIGNATURES, Signature
from puccini.grammar.templates import FunctionDefinition
from puccini.grammar.types import Kind
from puccini.model.data import BUILT_IN
from puccini.model.type import Type
from puccini.nodes import Node
from puccini.server import structure
from puccini.server.structure import Form, Place, Refers, World
from puccini.units import FUNCTIONS, REPOSITORIES, Unit


class Occurrence(NamedTuple):
    """A name at `node`, or at its key. `target` is where what it names is defined, `thing` what that is.

    `kind` is for people and the same for definition and references. Only things whose every use is known can be
    `renamed`. `name` is the name itself, without the namespaces that may stand before it.
    """

    node: Node
    on_key: bool
    kind: str
    name: str
    target: Node | None
    thing: Any
    defines: bool = False
    renamed: bool = False

    def extent(self, text: list[str]) -> extents.Extent:
        """Return where the name stands, without quotes and namespaces."""
        start, end = extents.key(self.node, text) if self.on_key else extents.value(self.node, text)
        if start.line != end.line or start.line >= len(text):
            return start, end
        written = text[start.line][start.column : end.column]
        offset = written.rfind(self.name)
        if offset < 0:
            return start, end
        begin = start.column + offset
        return yaml.Position(start.line, begin), yaml.Position(start.line, begin + len(self.name))

    def written(self, text: list[str]) -> bool:
        """Whether the name stands there as it is; a dialect may have made it of something else."""
        start, end = self.extent(text)
        return start.line == end.line < len(text) and text[start.line][start.column : end.column] == self.name


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
        if title == "node template" and place.form is Form.CONSTRUCT:
            self.source = place.owner
        for key, child in node.items():
            if not isinstance(key, str):
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
                yield Occurrence(node, True, kind, key, getattr(thing, "node", None), thing)
            return
        kind, renamed = _DEFINES.get(title, (title, False))
        if title == "parameter definition" and node.parent is not None and node.parent.path == _INPUTS:
            kind, renamed = "input", True
        thing = inner.owner if title.endswith(" type") else place.names.get(key)
        yield Occurrence(node, True, kind, key, node, thing, True, renamed)

    def assignment(self, key: str, node: Node, place: Place) -> Iterator[Occurrence]:
        thing = place.names.get(key)
        if thing is not None:
            role = getattr(thing, "role", None)
            yield Occurrence(node, True, role.value if role else "property", key, getattr(thing, "node", None), thing)

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
        if refers is Refers.CAPABILITY:
            return None
        if refers is Refers.REQUIREMENT or refers is Refers.ARTIFACT or service is None:
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

    def mapping(self, node: Node, place: Place) -> Iterator[Occurrence]:
        """Mappings: inputs by name, or lists that begin with a node template."""
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
        if service is None:
            return
        if signature.name == "get_input" and text in service.inputs:
            thing = service.inputs[text]
            yield Occurrence(first, False, "input", text, thing.node, thing, False, True)
            return
        if not signature.path:
            return
        owner: Any = service.nodes.get(text)
        if owner is not None:
            yield Occurrence(first, False, "node template", text, owner.node, owner, False, True)
            owner = owner.type
        elif text in service.relationships:
            relationship = service.relationships[text]
            yield Occurrence(first, False, "relationship template", text, relationship.node, relationship, False, True)
        elif text == "SELF":
            owner = self.source
        if isinstance(owner, Type) and type(node.value) is yaml.Seq and len(node.value) > 1:
            second = node.child(1)
            known = {**getattr(owner, "properties", {}), **getattr(owner, "attributes", {})}
            if isinstance(second.value, str) and second.value in known:
                found = known[second.text]
                yield Occurrence(second, False, found.role.value, second.text, found.node, found)


_INPUTS = "service_template/inputs"
_DEFINES = {
    "property definition": ("property", False),
    "attribute definition": ("attribute", False),
    "parameter definition": ("parameter", False),
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
    "policy definition": ("policy", False),
    "workflow definition": ("workflow", False),
}
_SINGULAR = {Refers.NODE: "node template", Refers.RELATIONSHIP: "relationship template", Refers.GROUP: "group"}


def _sibling(node: Node) -> structure.Sibling:
    def sibling(key: str) -> str | None:
        found = node.get(key)
        return found.value if found is not None and isinstance(found.value, str) else None

    return sibling


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
