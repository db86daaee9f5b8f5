"""Paths of TOSCA 1.x in those of TOSCA 2.0, which takes types: whether a name is that of a capability or requirement.

TOSCA 1.x writes ``[ web, host, mem_size ]`` where TOSCA 2.0 says what ``host`` is. Called by `puccini.semantics` when
all types and templates are known.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from floria.values import Call, Value
from puccini.diagnostics import suggest
from puccini.grammar.types import Kind
from puccini.model.data import Property, Role
from puccini.model.service import NodeTemplate
from puccini.model.types import CapabilityType, Interface, NodeType, Operation, Requirement
from puccini.nodes import Node
from puccini.semantics.paths import node_type
from puccini.semantics.resolver import Resolver
from puccini.semantics.scope import Scope

if TYPE_CHECKING:
    from puccini.dialects.document import OldDocument

_ENDS = ("SOURCE", "TARGET")
_STEPS = ("CAPABILITY", "RELATIONSHIP", *_ENDS)
_HOSTED = "tosca.relationships.HostedOn"
_MAX_HOSTS = 20

Holder = NodeType | NodeTemplate | None


class Modern:
    """One path being written anew. `tokens` and `nodes` go together."""

    def __init__(self, tokens: list[Value], nodes: list[Node], scope: Scope, resolver: Resolver) -> None:
        self.tokens = tokens
        self.nodes = nodes
        self.scope = scope
        self.resolver = resolver

    def run(self) -> None:
        start = self.tokens[0]
        if start == "HOST":
            self._host()
            return
        if start in _ENDS:
            self._insert(0, "SELF")
        index, holder = self._begin()
        if index < len(self.tokens) - 1:
            self._step(index, holder)

    @property
    def holder(self) -> Holder:
        """The node whose property it is, as far as that is known, when its path begins with a node alone."""
        _, holder = self._begin()
        return holder

    def _begin(self) -> tuple[int, Holder]:
        """Return where the path goes on after its beginning, and what that is."""
        tokens, scope = self.tokens, self.scope
        owner = scope.owner if isinstance(scope.owner, NodeType | NodeTemplate) else None
        if tokens[0] != "SELF":
            template = scope.service.nodes.get(str(tokens[0])) if scope.service is not None else None
            return 1, template
        if len(tokens) > 1 and tokens[1] in _ENDS and (scope.relationship or owner is None):
            return 2, scope.source if tokens[1] == "SOURCE" else None
        return 1, None if scope.relationship else owner

    def _step(self, index: int, holder: Holder) -> None:
        name, following = self.tokens[index], self.tokens[index + 1]
        if not isinstance(name, str):
            return
        if name == "CAPABILITY":
            if isinstance(following, str):
                self._capability_by_type(index, following, holder)
            return
        if name in _STEPS or not isinstance(following, str):
            return
        type = node_type(holder)
        known = [type] if type is not None else list(self._types())
        if any(name in one.properties for one in known if type is not None):
            return
        if any(_has(one.capabilities.get(name), following) for one in known):
            self._insert(index, "CAPABILITY")
        elif requirement := next((one.requirements[name] for one in known if name in one.requirements), None):
            self._insert(index, "RELATIONSHIP")
            if not _is_its_own(requirement, following):
                self._insert(index + 2, "CAPABILITY" if _has_at_end(requirement, following) else "TARGET")
        elif any(name in one.capabilities for one in known):
            self._insert(index, "CAPABILITY")

    def _capability_by_type(self, index: int, name: str, holder: Holder) -> None:
        """A node filter may name a capability by its type."""
        type = node_type(holder)
        known = [type] if type is not None else list(self._types())
        if any(name in one.capabilities for one in known):
            return
        found = self.scope.unit.type(Kind.CAPABILITY, name)
        wanted = self.resolver.types.get(id(found.definition)) if found is not None else None
        if not isinstance(wanted, CapabilityType):
            return
        names = {key for one in known for key, each in one.capabilities.items() if each.type.derives(wanted)}
        if len(names) == 1:
            self.tokens[index + 1] = names.pop()
        elif index == 2 and self.tokens[1] == "TARGET":
            del self.tokens[index + 1], self.nodes[index + 1]
            del self.tokens[1], self.nodes[1]

    def _host(self) -> None:
        """Follow relationships of hosting until something has the property."""
        wanted = self.tokens[1] if len(self.tokens) > 1 else None
        owner = self.scope.owner
        holder: Holder = owner if isinstance(owner, NodeType | NodeTemplate) else self.scope.source
        way: list[str] = []
        first: list[str] = []
        for _ in range(_MAX_HOSTS):
            step = _hosting(holder)
            if step is None:
                break
            name, holder = step
            way += ["RELATIONSHIP", name, "TARGET"]
            first = first or list(way)
            type = node_type(holder)
            if type is None or not isinstance(wanted, str) or wanted in {**type.properties, **type.attributes}:
                first = list(way)
                break
        self.tokens[:1] = ["SELF", *(first or ["RELATIONSHIP", "host", "TARGET"])]
        self.nodes[:1] = [self.nodes[0]] * (len(first or "123") + 1)

    def _types(self) -> Iterator[NodeType]:
        for one in self.resolver.visible(Kind.NODE, self.scope.unit):
            if isinstance(one, NodeType):
                yield one

    def _insert(self, index: int, token: str) -> None:
        self.tokens.insert(index, token)
        self.nodes.insert(index, self.nodes[min(index, len(self.nodes) - 1)])


def modernise(
    call: Call, nodes: Sequence[Node], document: "OldDocument", scope: Scope, resolver: Resolver
) -> list[Node]:
    """Write the path of `call` as that of TOSCA 2.0; return the nodes of its arguments, as many as these are then."""
    if not call.arguments or not isinstance(call.arguments[0], str):
        return list(nodes)
    path = Modern(call.arguments, list(nodes), scope, resolver)
    output = document.outputs.get(str(call.arguments[-1]))
    path.run()
    if output is not None:
        _keep_output(str(call.arguments[-1]), output, path, resolver)
    return path.nodes


def nodes_of_type(
    names: Sequence[Value], nodes: Sequence[Node], scope: Scope, resolver: Resolver
) -> tuple[list[Value], Callable[[], None]]:
    """Return the list of the names of the node templates of a type, and what fills it when all are known."""
    found: list[Value] = []

    def fill() -> None:
        for name, node in zip(names, nodes, strict=True):
            if not isinstance(name, str) or scope.service is None:
                resolver.report.error("bad-arguments", "get_nodes_of_type: the name of a node type was expected", node)
                continue
            type = resolver.find(Kind.NODE, scope.unit, node)
            if isinstance(type, NodeType):
                templates = scope.service.nodes.values()
                found.extend(one.name for one in templates if one.type is not None and one.type.derives(type))

    return found, fill


def _has(capability: object, name: str) -> bool:
    """Whether a capability (or its type) has a property or attribute."""
    properties = getattr(capability, "properties", {})
    return name in properties or name in getattr(capability, "attributes", {})


def _has_at_end(requirement: Requirement, name: str) -> bool:
    return _has(requirement.capability_type, name)


def _is_its_own(requirement: Requirement, name: str) -> bool:
    """Whether only the relationship that a requirement makes has such a property."""
    ends = (requirement.capability_type, requirement.node_type)
    return _has(requirement.relationship, name) and not any(_has(one, name) for one in ends)


def _hosting(holder: Holder) -> tuple[str, Holder] | None:
    """Return the requirement that says on what a node is hosted, and that."""
    if isinstance(holder, NodeTemplate):
        for use in holder.requirements:
            type = use.relationship.type if use.relationship is not None else None
            if use.name == "host" or (type is not None and any(one.name == _HOSTED for one in type.ancestors)):
                return use.name, use.target if use.target is not None else use.node_type
    own = node_type(holder)
    for name, requirement in own.requirements.items() if own is not None else ():
        relationship = requirement.relationship.type if requirement.relationship is not None else None
        if name == "host" or (relationship is not None and any(one.name == _HOSTED for one in relationship.ancestors)):
            return name, requirement.node_type
    return None


def _keep_output(name: str, output: tuple[str, str, str], path: Modern, resolver: Resolver) -> None:
    """Have what an operation returns kept in the attribute `name`, from which it is got."""
    interface, operation, key = output
    holder = path.holder
    own = node_type(holder)
    if own is None:
        for template in path.scope.service.nodes.values() if path.scope.service is not None else ():
            if template.type is not None:
                _keep_in_template(template, template.type, output, name, path.nodes[-1])
        return
    known = own.interfaces.get(interface)
    if known is None or operation not in known.operations:
        names = [f"{one.name}.{each}" for one in own.interfaces.values() for each in one.operations]
        message = f"get_operation_output: {own.name!r} has no operation {interface}.{operation}"
        hint = suggest(f"{interface}.{operation}", names)
        resolver.report.error("unknown-operation", message, path.nodes[-1], hint)
    types = [own]
    if isinstance(holder, NodeType):
        derived = (one for one in resolver.of(Kind.NODE) if one.derives(own) and one is not own)
        types += [one for one in derived if isinstance(one, NodeType)]
    node = path.nodes[-1]
    for type in types:
        type.attributes.setdefault(name, _attribute(name, node))
        if isinstance(holder, NodeType):
            _map_in_type(type, interface, operation, key, name, node)
    if isinstance(holder, NodeTemplate):
        _keep_in_template(holder, own, output, name, node)


def _keep_in_template(
    template: NodeTemplate, type: NodeType, output: tuple[str, str, str], name: str, node: Node
) -> None:
    interface, operation, key = output
    for one in template.implemented:
        if one.interface.name == interface and one.name == operation:
            type.attributes.setdefault(name, _attribute(name, node))
            defined = (one.defined or Operation(operation, node)).copy()
            defined.outputs.setdefault(key, _mapped(key, name, node))
            one.defined = defined


def _attribute(name: str, node: Node) -> Property:
    return Property(name, Role.ATTRIBUTE, None, node, required=False)


def _map_in_type(type: NodeType, interface: str, operation: str, key: str, name: str, node: Node) -> None:
    known = type.interfaces.get(interface)
    if known is None or operation not in known.operations:
        return
    changed = Interface(known.name, known.type, known.node)
    changed.inputs = known.inputs
    changed.operations = {**known.operations, operation: known.operations[operation].copy()}
    changed.notifications = known.notifications
    changed.operations[operation].outputs.setdefault(key, _mapped(key, name, node))
    type.interfaces[interface] = changed


def _mapped(key: str, name: str, node: Node) -> Property:
    return Property(key, Role.PARAMETER, None, node, required=False, mapping=["SELF", name])
