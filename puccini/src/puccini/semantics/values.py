"""Values of properties, attributes and parameters: read, then checked against their schema once that is complete."""

from collections.abc import Callable, Mapping
from functools import partial

from floria.failing import EvaluationError
from floria.values import Call, Value, is_literal
from puccini import former
from puccini.data.coercion import Coercion, Problem
from puccini.diagnostics import mistaken, suggest
from puccini.grammar.interfaces import ARTIFACT
from puccini.grammar.policies import GROUP, POLICY
from puccini.grammar.templates import NODE_TEMPLATE, RELATIONSHIP_ASSIGNMENT
from puccini.model.data import ANY, UNSET, Base, Property, Schema
from puccini.nodes import Node
from puccini.semantics import expressions, references
from puccini.semantics.resolver import Resolver
from puccini.semantics.scope import Scope

_KEYNAMES = {key for one in (NODE_TEMPLATE, RELATIONSHIP_ASSIGNMENT, GROUP, POLICY, ARTIFACT) for key in one.keys}
_TEXTUAL = (Base.VERSION, Base.TIMESTAMP, Base.SCALAR)
"""What is written as text: in TOSCA 1.x a text may be given for it, which is checked when it is there."""

Store = Callable[[Value], None]


def give(node: Node, schema: Schema | None, scope: Scope, resolver: Resolver, store: Store) -> Value:
    """Return the value at `node`; when it has been checked, `store` gets it as it is to be kept."""
    value = expressions.read(node, scope, resolver)
    store(value)
    resolver.deferred.append(partial(_settle, value, node, schema, scope, resolver, store))
    return value


def inherit(value: Value, schema: Schema, node: Node, name: str, resolver: Resolver) -> None:
    """Report the default of a parent type that the refinement at `node`, with `schema`, does not take any more."""
    if not is_literal(value):
        return
    coercion = Coercion(schema.plain, resolver.statics.evaluator(schema.plain))
    try:
        coercion.run(value)
        problem = next((one.message for one in coercion.problems if not one.warning), "")
    except EvaluationError:
        return
    if problem:
        message = f"the default of {name!r} in the parent type is not valid here: {problem}"
        resolver.report.error("not-valid", message, node, "give it another default", key=True)


def assign(
    given: Mapping[str, Node],
    known: Mapping[str, Property],
    scope: Scope,
    resolver: Resolver,
    owner: str,
    *,
    open_ended: bool = False,
    into: dict[str, Value] | None = None,
) -> dict[str, Value]:
    """Return the values assigned to `known` definitions. Reports fixed ones and, unless `open_ended`, unknown ones.

    With `into`, they are put there.
    """
    result: dict[str, Value] = {} if into is None else into
    for name, node in given.items():
        definition = known.get(name)
        if definition is None:
            if not open_ended:
                message = f"{owner} has no {_role(known)} {name!r}"
                resolver.report.error("unknown-property", message, node, suggest(name, known), key=True)
                continue
            give(node, None, scope, resolver, partial(result.__setitem__, name))
            continue
        if definition.fixed is not UNSET:
            message = f"{name!r} has a fixed value, which cannot be assigned"
            resolver.report.error("fixed-value", message, node, "remove it", key=True, related=definition.node)
            continue
        give(node, definition.schema, scope, resolver, partial(result.__setitem__, name))
    return result


def require(
    given: Mapping[str, object], known: Mapping[str, Property], node: Node, owner: str, resolver: Resolver
) -> None:
    """Report required properties that have neither a value nor a default (section 9.5)."""
    for name, definition in known.items():
        if name not in given and definition.required and definition.initial is UNSET:
            section = _section(definition)
            if mistaken(name, (one for one in given if one not in known)) or _misspelt(node, section):
                continue
            message = f"the {definition.role} {name!r} of {owner} is required"
            hint = f"assign it under '{section}'"
            resolver.report.error("missing-property", message, node, hint, key=True, related=definition.node)


def _misspelt(node: Node, section: str) -> bool:
    """Whether `node` seems to have a section of values, under a name that was reported."""
    written = node.value
    if not isinstance(written, dict) or section in written:
        return False
    return mistaken(section, (key for key in written if key not in _KEYNAMES))


def check(value: Value, node: Node, schema: Schema | None, scope: Scope, resolver: Resolver) -> Value:
    """Return `value` as it is stored, after reporting what is wrong with it."""
    _spelling(node, resolver)
    if schema is None or schema.type is ANY:
        return value
    if isinstance(value, Call):
        _check_call(value, node, schema, scope, resolver)
        return value
    adapt = getattr(node.document, "adapt", None)
    if adapt is not None:
        value = adapt(value, schema, node, resolver.report)
    coercion = Coercion(schema.plain, resolver.statics.evaluator(schema.plain), literal=True)
    try:
        result = coercion.run(value)
    except EvaluationError as error:
        resolver.report.error("not-valid", f"the value cannot be validated: {error}", node)
        return value
    for problem in coercion.problems:
        _report(problem, node, resolver)
    if isinstance(value, list | dict):
        _check_nested(value, node, schema, scope, resolver)
    return result


def _settle(value: Value, node: Node, schema: Schema | None, scope: Scope, resolver: Resolver, store: Store) -> None:
    store(check(value, node, schema, scope, resolver))


def _check_call(value: Call, node: Node, schema: Schema, scope: Scope, resolver: Resolver) -> None:
    found = references.result(value, scope)
    if found is not None and not references.fits(found, schema):
        message = f"{_named(schema)} was expected, and this gives {_named(found)}"
        lenient = found.base is Base.STRING and schema.base in _TEXTUAL and hasattr(node.document, "adapt")
        (resolver.report.warn if lenient else resolver.report.error)("wrong-type", message, node)


def _check_nested(value: Value, node: Node, schema: Schema, scope: Scope, resolver: Resolver) -> None:
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if isinstance(item, Call | list | dict):
            child = _child(node, key)
            inner = references.nested(schema, [key], (), "", None)
            if child is None or inner is None:
                continue
            if isinstance(item, Call):
                _check_call(item, child, inner, scope, resolver)
            else:
                _check_nested(item, child, inner, scope, resolver)


def _report(problem: Problem, node: Node, resolver: Resolver) -> None:
    place = node
    for key in problem.path:
        child = _child(place, key)
        if child is None:
            break
        place = child
    if not isinstance(place.value, dict | list) and place.unusual is not None and not hasattr(place.document, "reword"):
        return  # it was reported for how it is written
    report = resolver.report.warn if problem.warning else resolver.report.error
    meant = ""
    if not hasattr(place.document, "reword"):
        meant = former.function(place.value if problem.code == "wrong-type" else getattr(place.parent, "value", None))
    report(problem.code, problem.message, place, meant or problem.hint)


def _child(node: Node, key: str | int) -> Node | None:
    value = node.value
    if isinstance(value, dict) and isinstance(key, str):
        for written in (key, "$" + key):
            if written in value:
                return node.child(written)
    elif isinstance(value, list) and isinstance(key, int) and key < len(value):
        return node.child(key)
    return None


def _spelling(node: Node, resolver: Resolver) -> None:
    """Report booleans and nulls that are not in lower case (sections 9.1.1.4, 9.1.1.6)."""
    if not node.document.unusual:
        return
    stack = [node]
    while stack:
        one = stack.pop()
        if isinstance(one.value, bool) or one.value is None:
            written = one.unusual
            if written is not None:
                message = f"{written!r} is neither a boolean nor null in TOSCA"
                resolver.report.error("wrong-type", message, one, f"write {written.lower()}, or quote it")
        elif isinstance(one.value, dict):
            stack.extend(child for _, child in one.items())
        elif isinstance(one.value, list):
            stack.extend(one)


def _named(schema: Schema) -> str:
    entries = schema.entries if schema.type.built_in else None
    return f"{schema.type.name} of {_named(entries)}" if entries is not None else schema.type.name


def _role(known: Mapping[str, Property]) -> str:
    return next((definition.role.value for definition in known.values()), "property")


def _section(definition: Property) -> str:
    return {"property": "properties", "attribute": "attributes", "parameter": "inputs"}[definition.role]
