"""Values of TOSCA 1.x: functions have no ``$``, and text that begins with one is just text."""

from collections.abc import Callable

from puccini import yaml
from puccini.dialects.forms import Page
from puccini.dialects.writing import MERGE, Draft, Written, call, entries, escaped, keep, marks, sequence
from puccini.nodes import Node, describe

_SELF = "SELF"
_LITERAL = (int, float, bool, type(None))
NODES_OF_TYPE = "get_nodes_of_type"
OPERATION_OUTPUT = "get_operation_output"


def value(node: Node, page: Page) -> Written:
    """Return a value with its functions."""
    raw = node.value
    kind = raw.__class__
    if kind is str:
        return Written(escaped(raw), marks(node)) if raw.startswith("$") else keep(node)
    if kind is yaml.Seq:
        return sequence([value(item, page) for item in node], marks(node))
    if kind is not yaml.Map:
        return keep(node)
    if len(raw) == 1:
        key = next(iter(raw))
        function = _FUNCTIONS.get(key) if key.__class__ is str else None
        if function is not None:
            written = function(node.child(key), marks(node), page)
            if written is not None:
                return written
    draft = Draft()
    if MERGE in raw:
        for key, child in entries(node):
            draft.put(escaped(key) if key.__class__ is str else key, value(child, page))
    else:
        _copy(node, page, draft)
    return draft.at(node)


def _copy(node: Node, page: Page, draft: Draft) -> None:
    raw = node.value
    target, targets, places = draft.value, draft.value.marks, raw.marks
    for key, item in raw.items():
        kind = item.__class__
        if kind in _LITERAL or (kind is str and item[:1] != "$"):
            name = escaped(key) if key.__class__ is str else key
            target[name], targets[name] = item, places[key]
        else:
            draft.put(escaped(key) if key.__class__ is str else key, value(node.child(key), page))


def values(node: Node, page: Page) -> Written:
    """Return a map of values by name; a name is never that of a function."""
    if type(node.value) is not yaml.Map:
        return keep(node)
    draft = Draft()
    if MERGE in node.value:
        for key, child in page.entries(node):
            draft.put(escaped(key) if isinstance(key, str) else key, value(child, page))
    else:
        _copy(node, page, draft)
    return draft.at(node)


def assigned(node: Node, page: Page) -> Written | None:
    """Return a map of what is assigned to properties; null means that nothing is."""
    if type(node.value) is not yaml.Map or None not in node.value.values():
        return values(node, page)
    draft = Draft()
    for key, child in page.entries(node):
        if child.value is None:
            page.null(child)
        else:
            draft.put(escaped(key) if isinstance(key, str) else key, value(child, page))
    return draft.at(node)


def _input(node: Node, place: yaml.Mark, page: Page) -> Written:
    arguments = list(node) if type(node.value) is yaml.Seq else [node]
    return call("get_input", [value(one, page) for one in arguments], place)


def _path(function: str) -> "Function":
    def write(node: Node, place: yaml.Mark, page: Page) -> Written:
        return call(function, _start(node, page), place)

    return write


def _start(node: Node, page: Page) -> list[Written]:
    arguments = list(node) if type(node.value) is yaml.Seq else [node]
    written = [value(one, page) for one in arguments]
    if page.within and written and written[0].value == _SELF:
        written[1:1] = [Written(token, written[0].marks) for token in page.within]
    return written


def _artifact(node: Node, place: yaml.Mark, page: Page) -> Written:
    """Of its arguments, location and whether to remove the file are the orchestrator's business."""
    return call("get_artifact", _start(node, page)[: 2 + len(page.within)], place)


def _operation_output(node: Node, place: yaml.Mark, page: Page) -> Written | None:
    arguments = list(node) if type(node.value) is yaml.Seq else []
    if len(arguments) != 4 or not all(isinstance(one.value, str) for one in arguments):
        message = f"{OPERATION_OUTPUT}: [ NODE, INTERFACE, OPERATION, OUTPUT ] was expected, not {describe(node.value)}"
        page.report.error("bad-arguments", message, node)
        return Written(None, place)
    owner, interface, operation, output = arguments
    name = output_name(interface_name(interface.text), operation.text, output.text)
    page.outputs[name] = (interface_name(interface.text), operation.text, output.text)
    return call("get_attribute", [value(owner, page), Written(name, marks(output))], place)


def output_name(interface: str, operation: str, output: str) -> str:
    """Return the name of the attribute that keeps an operation's output."""
    return f"{interface}.{operation}.{output}"


def _nodes_of_type(node: Node, place: yaml.Mark, page: Page) -> Written:
    arguments = list(node) if type(node.value) is yaml.Seq else [node]
    return call(NODES_OF_TYPE, [value(one, page) for one in arguments], place)


def _list(function: str, counts: range) -> "Function":
    """A function whose name may also be that of a property, and which is known by its arguments."""

    def write(node: Node, place: yaml.Mark, page: Page) -> Written | None:
        if type(node.value) is not yaml.Seq or len(node.value) not in counts:
            return None
        return call(function, [value(one, page) for one in node], place)

    return write


_INTERFACES = {
    "tosca.interfaces.node.lifecycle.Standard": "Standard",
    "tosca.interfaces.relationship.Configure": "Configure",
    "tosca:Standard": "Standard",
    "tosca:Configure": "Configure",
}


def interface_name(name: str) -> str:
    """Return the name of an interface: those of the profile may go by the name of their type."""
    return _INTERFACES.get(name, name)


Function = Callable[[Node, yaml.Mark, Page], Written | None]
_MANY = range(1, 10_000)
_FUNCTIONS: dict[str, Function] = {
    "get_input": _input,
    "get_property": _path("get_property"),
    "get_attribute": _path("get_attribute"),
    "get_artifact": _artifact,
    OPERATION_OUTPUT: _operation_output,
    NODES_OF_TYPE: _nodes_of_type,
    "concat": _list("concat", _MANY),
    "join": _list("join", range(1, 3)),
    "token": _list("token", range(3, 4)),
}
