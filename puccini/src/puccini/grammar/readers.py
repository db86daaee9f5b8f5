"""Readers of the simple values that keynames take."""

from typing import Any, NamedTuple

from puccini import yaml
from puccini.diagnostics import Report
from puccini.grammar.construct import INVALID, Construct, E, entry_name
from puccini.nodes import Node, describe

UNBOUNDED = "UNBOUNDED"


class Range(NamedTuple):
    """A count range; `upper` None means unbounded."""

    lower: int
    upper: int | None

    def within(self, other: "Range") -> bool:
        """Whether every number in this range is in `other`."""
        if self.lower < other.lower:
            return False
        return other.upper is None or (self.upper is not None and self.upper <= other.upper)

    def __str__(self) -> str:
        return f"[ {self.lower}, {UNBOUNDED if self.upper is None else self.upper} ]"


def value(node: Node, report: Report) -> Any:
    """Anything: kept as a node until it is known what it is for."""
    return node


def name(node: Node, report: Report) -> Any:
    """The name of something else, kept with its place."""
    if isinstance(node.value, str) and node.value:
        return node
    report.error("wrong-kind", f"{node.key}: a name was expected, not {describe(node.value)}", node)
    return INVALID


def text(node: Node, report: Report) -> Any:
    """A string, kept with its place."""
    if isinstance(node.value, str):
        return node
    report.error("wrong-kind", f"{node.key}: a string was expected, not {describe(node.value)}", node, "quote it")
    return INVALID


def names(node: Node, report: Report) -> Any:
    """A list of names: a list of nodes."""
    if type(node.value) is not yaml.Seq:
        report.error("wrong-kind", f"{node.key}: a list of names was expected, not {describe(node.value)}", node)
        return INVALID
    found = []
    for item in node:
        if isinstance(item.value, str) and item.value:
            found.append(item)
        else:
            report.error("wrong-kind", f"{node.key}: a name was expected, not {describe(item.value)}", item)
    return found


def some_names(node: Node, report: Report) -> Any:
    """A list of one or more names: a list of nodes."""
    if node.value == []:
        message = f"{node.key}: a list of one or more names was expected; with none, nothing is valid"
        report.warn("empty-list", message, node, "remove it, if anything is valid", key=True)
    return names(node, report)


def name_or_names(node: Node, report: Report) -> Any:
    """A name or a list of names: a list of nodes."""
    return [node] if isinstance(node.value, str) and node.value else names(node, report)


def boolean(node: Node, report: Report) -> Any:
    """``true`` or ``false``, in lower case."""
    written = node.unusual
    if isinstance(node.value, bool) and written is None:
        return node.value
    found = repr(written) if written is not None else describe(node.value)
    report.error("wrong-kind", f"{node.key}: true or false was expected, not {found}", node)
    return INVALID


def seconds(node: Node, report: Report) -> Any:
    """A length of time in seconds."""
    if isinstance(node.value, int | float) and not isinstance(node.value, bool) and node.value > 0:
        return node.value
    message = f"{node.key}: a number of seconds above 0 was expected, not {describe(node.value)}"
    report.error("wrong-kind", message, node)
    return INVALID


def count_range(node: Node, report: Report) -> Any:
    """``[ LOWER, UPPER ]`` where UPPER may be UNBOUNDED."""
    bounds = list(node) if type(node.value) is yaml.Seq else []
    numbers = [_bound(item) for item in bounds]
    if len(bounds) != 2 or numbers[0] is None or numbers[1] is None or bounds[0].value == UNBOUNDED:
        message = f"{node.key}: a list of two counts was expected, such as [ 0, 1 ] or [ 1, {UNBOUNDED} ]"
        report.error("bad-range", message, node)
        return INVALID
    result = Range(numbers[0], None if numbers[1] < 0 else numbers[1])
    if result.upper is not None and result.upper < result.lower:
        report.error("bad-range", f"{node.key}: the upper bound {result.upper} is below the lower one", node)
        return INVALID
    return result


def values(node: Node, report: Report) -> Any:
    """A map of values by name: a dict of nodes."""
    if type(node.value) is not yaml.Map:
        hint = "remove the key, or write {}" if node.value is None else ""
        report.error("wrong-kind", f"{node.key}: a map was expected, not {describe(node.value)}", node, hint)
        return INVALID
    result: dict[str, Node] = {}
    for key, child in node.items():
        entry = entry_name(key, child, report)
        if entry is not None:
            result[entry] = child
    return result


def mappings(node: Node, report: Report) -> Any:
    """A map whose keys may be complex: a list of pairs of key and node."""
    if type(node.value) is not yaml.Map:
        report.error("wrong-kind", f"{node.key}: a map was expected, not {describe(node.value)}", node)
        return INVALID
    return list(node.items())


def single_mappings(node: Node, report: Report) -> Any:
    """A list of maps with one, possibly complex, key: a list of pairs of key and node."""
    if type(node.value) is not yaml.Seq:
        report.error("wrong-kind", f"{node.key}: a list was expected, not {describe(node.value)}", node)
        return INVALID
    pairs: list[tuple[Any, Node]] = []
    for item in node:
        if type(item.value) is yaml.Map and len(item.value) == 1:
            pairs.extend(item.items())
        else:
            report.error("wrong-kind", f"{node.key}: each entry is a map with one key", item)
    return pairs


class Late:
    """A reader of a construct that is defined further down (schemas hold schemas)."""

    construct: Construct[Any]

    def __call__(self, node: Node, report: Report) -> Any:
        return self.construct(node, report)


def or_name(construct: Construct[E], field: str) -> Any:
    """Return a short form for `construct`: a name, which is the value of `field`."""

    def short(node: Node, report: Report) -> dict[str, Any] | None:
        return {field: node} if isinstance(node.value, str) and node.value else None

    construct.short = short
    return construct


def _bound(node: Node) -> int | None:
    if node.value == UNBOUNDED:
        return -1
    if isinstance(node.value, int) and not isinstance(node.value, bool) and node.value >= 0:
        return node.value
    return None


def multipliers(node: Node, report: Report) -> Any:
    """A map of units or prefixes (which may be empty) to numbers: a dict of nodes."""
    if type(node.value) is not yaml.Map:
        report.error("wrong-kind", f"{node.key}: a map was expected, not {describe(node.value)}", node)
        return INVALID
    result: dict[str, Node] = {}
    for key, child in node.items():
        if not isinstance(key, str) or any(character.isspace() for character in key):
            report.error("bad-name", f"{node.key}: a name is a string without blanks", child, key=True)
        elif isinstance(child.value, bool) or not isinstance(child.value, int | float):
            message = f"{node.key}: the multiplier of {key!r} is a number, not {describe(child.value)}"
            report.error("wrong-kind", message, child)
        else:
            result[key] = child
    return result
