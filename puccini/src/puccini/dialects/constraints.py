"""Constraints, and what is made of them: validation clauses, node filters, conditions of policies and workflows."""

from collections.abc import Callable, Sequence

from puccini import yaml
from puccini.diagnostics import suggest
from puccini.dialects.forms import Page
from puccini.dialects.values import value
from puccini.dialects.writing import Written, both, call, entries, keep, marks, sequence
from puccini.nodes import Node, describe

UNBOUNDED = "UNBOUNDED"
COMPARISONS = ("equal", "greater_than", "greater_or_equal", "less_than", "less_or_equal")
LENGTHS = {"length": "equal", "min_length": "greater_or_equal", "max_length": "less_or_equal"}
NAMES = (*COMPARISONS, "in_range", "valid_values", *LENGTHS, "pattern", "schema")

Subject = Callable[[yaml.Mark], Written]
"""Returns what a clause is about, at a place."""


Literal = Callable[[Node, Page], Written]
"""Returns a value that another is compared with."""


def of_value(place: yaml.Mark) -> Written:
    """The value that is being validated."""
    return Written("$value", place)


def part_of_value(index: int) -> Subject:
    """An entry of the list that is being validated."""
    return lambda place: call("value", [Written(index, place)], place)


def of_data(function: str, path: Sequence[str]) -> Subject:
    """A property or an attribute."""
    return lambda place: call(function, [Written(token, place) for token in path], place)


def clauses(
    node: Node, page: Page, subject: Subject, *, ranges: bool = False, literal: Literal = value
) -> list[Written]:
    """Return the clauses for a list of constraints; `ranges` says that the value is a range itself.

    `literal` is the rule for what the value is compared with.
    """
    if type(node.value) is yaml.Map:
        found = [node]
    elif type(node.value) is yaml.Seq:
        found = list(node)
    else:
        message = f"{node.key}: a list of constraints was expected, not {describe(node.value)}"
        page.report.error("wrong-kind", message, node, "such as [ greater_than: 0 ]")
        return []
    result: list[Written] = []
    for item in found:
        if type(item.value) is not yaml.Map:
            message = f"a constraint is a map with one key, not {describe(item.value)}"
            page.report.error("wrong-kind", message, item, "such as greater_than: 0")
            continue
        for _, child in entries(item):
            result.extend(_clause(child, page, subject, ranges, literal))
    return result


def validation(node: Node, page: Page, *, ranges: bool = False, literal: Literal = value) -> Written | None:
    """Return the validation clause for a list of constraints."""
    found = clauses(node, page, of_value, ranges=ranges, literal=literal)
    return both(found, marks(node)) if found else None


def _clause(node: Node, page: Page, subject: Subject, ranges: bool, literal: Literal) -> list[Written]:
    name, place = node.key, marks(node)
    if name in COMPARISONS:
        return [call(name, [subject(place), literal(node, page)], place)]
    if name == "in_range":
        return _in_range(node, page, subject, ranges, literal)
    if name == "valid_values":
        listed = type(node.value) is yaml.Seq
        allowed = sequence([literal(one, page) for one in (node if listed else [node])], place)
        return [call(name, [subject(place), allowed], place)]
    if name in LENGTHS:
        length = call("length", [subject(place)], place)
        return [call(LENGTHS[name], [length, value(node, page)], place)]
    if name == "pattern":
        pattern = Written(f"^(?:{node.value})$", place) if isinstance(node.value, str) else keep(node)
        return [call("matches", [subject(place), pattern], place)]
    if name == "schema":
        message = "schema: values are not checked against a schema of their own language"
        page.report.warn("foreign-schema", message, node, key=True)
        return []
    shown = repr(name) if isinstance(name, str) else "a complex key"
    page.report.error(
        "unknown-constraint", f"there is no constraint {shown}", node, suggest(str(name), NAMES), key=True
    )
    return []


def _in_range(node: Node, page: Page, subject: Subject, ranges: bool, literal: Literal) -> list[Written]:
    if type(node.value) is not yaml.Seq or len(node.value) != 2:
        message = f"in_range: a list of two bounds was expected, not {describe(node.value)}"
        page.report.error("bad-range", message, node, f"such as [ 1, 10 ] or [ 1, {UNBOUNDED} ]")
        return []
    lower, upper = node
    low, high = (part_of_value(0), part_of_value(1)) if ranges else (subject, subject)
    result: list[Written] = []
    if lower.value != UNBOUNDED:
        place = marks(node)
        result.append(call("greater_or_equal", [low(place), literal(lower, page)], place))
    if upper.value != UNBOUNDED:
        place = marks(node)
        result.append(call("less_or_equal", [high(place), literal(upper, page)], place))
    return result


def node_filter(path: Sequence[str]) -> Callable[[Node, Page], Written | None]:
    """Return the rule for node filters; `path` leads to the node that is filtered."""

    def write(node: Node, page: Page) -> Written | None:
        if type(node.value) is not yaml.Map:
            return keep(node)
        result: list[Written] = []
        for key, child in page.entries(node):
            if key == "properties":
                result.extend(_filter_properties(child, page, path))
            elif key == "capabilities":
                result.extend(_filter_capabilities(child, page, path))
            elif key not in ("description", "metadata"):
                message = f"node filter: {key!r} is not a keyname here"
                hint = suggest(str(key), ("properties", "capabilities"))
                page.report.error("unknown-keyname", message, child, hint, key=True)
        return both(result, marks(node))

    return write


def _filter_properties(node: Node, page: Page, path: Sequence[str]) -> list[Written]:
    result: list[Written] = []
    for name, child in _pairs(node, page):
        result.extend(filtered(child, page, of_data("get_property", [*path, name])))
    return result


def filtered(node: Node, page: Page, subject: Subject) -> list[Written]:
    """Return the clauses of a filter: constraints, or a value to be equal to."""
    raw = node.value
    listed = raw if type(raw) is yaml.Seq else [raw]
    if all(type(one) is yaml.Map and one and all(key in NAMES for key in one) for one in listed):
        return clauses(node, page, subject)
    if type(raw) is yaml.Map and len(raw) == 1 and not _is_value(raw):
        return clauses(node, page, subject)
    return [call("equal", [subject(marks(node)), value(node, page)], marks(node))]


def _is_value(raw: yaml.Map) -> bool:
    return str(next(iter(raw))).startswith("get_") or next(iter(raw)) in ("concat", "join", "token")


def _filter_capabilities(node: Node, page: Page, path: Sequence[str]) -> list[Written]:
    result: list[Written] = []
    for name, child in _pairs(node, page):
        if type(child.value) is not yaml.Map:
            page.report.error("wrong-kind", f"{name}: a map with 'properties' was expected", child)
            continue
        for key, inner in page.entries(child):
            if key == "properties":
                result.extend(_filter_properties(inner, page, [*path, "CAPABILITY", name]))
            else:
                message = f"node filter: {key!r} is not a keyname here"
                page.report.error("unknown-keyname", message, inner, suggest(str(key), ("properties",)), key=True)
    return result


def _pairs(node: Node, page: Page) -> list[tuple[str, Node]]:
    """Return the entries of a list of maps with one key each, or of one map of all of them."""
    if type(node.value) is yaml.Map:
        return [(key, child) for key, child in page.entries(node) if isinstance(key, str)]
    if type(node.value) is not yaml.Seq:
        message = f"{node.key}: a list of maps with one key was expected, not {describe(node.value)}"
        page.report.error("wrong-kind", message, node)
        return []
    result: list[tuple[str, Node]] = []
    for item in node:
        if type(item.value) is yaml.Map:
            result.extend((key, child) for key, child in entries(item) if isinstance(key, str))
        else:
            message = f"{node.key}: each entry is a map with one key, not {describe(item.value)}"
            page.report.error("wrong-kind", message, item)
    return result


def conditions(node: Node, page: Page, start: Sequence[str]) -> list[Written]:
    """Return the conditions that clauses of a workflow or a trigger are, about attributes of what `start` leads to."""
    found = list(node) if type(node.value) is yaml.Seq else [node]
    result: list[Written] = []
    for item in found:
        if type(item.value) is not yaml.Map:
            message = f"a condition is a map of attributes to constraints, not {describe(item.value)}"
            page.report.error("wrong-kind", message, item, "such as state: [ equal: started ]")
            continue
        for key, child in entries(item):
            result.extend(_condition(key, child, page, start))
    return result


def _condition(key: object, node: Node, page: Page, start: Sequence[str]) -> list[Written]:
    place = marks(node)
    if key in ("and", "assert"):
        found = conditions(node, page, start)
        return [both(found, place)] if found else []
    if key == "or":
        found = conditions(node, page, start)
        return [both(found, place, "or")] if found else []
    if key == "not":
        found = conditions(node, page, start)
        return [call("not", [both(found, place)], place)] if found else []
    if not isinstance(key, str):
        page.report.error("bad-condition", "a condition names an attribute", node, key=True)
        return []
    return filtered(node, page, of_data("get_attribute", [*start, key]))
