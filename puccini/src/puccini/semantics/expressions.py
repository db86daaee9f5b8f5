"""Reads values that may hold functions (section 10.1) into Floria values, and checks each call.

A call is checked twice: when it is read, against its signature; and later, when everything it could refer to is known,
by `puccini.semantics.references`.
"""

from floria.values import Call, Value
from puccini import yaml
from puccini.diagnostics import suggest
from puccini.functions.signatures import SIGNATURES, Signature
from puccini.functions.signatures import Scope as Needs
from puccini.nodes import Node
from puccini.semantics import custom, keys, references
from puccini.semantics.resolver import Resolver
from puccini.semantics.scope import Scope
from puccini.units import FUNCTIONS

NAMESPACE = "tosca:"


def read(node: Node, scope: Scope, resolver: Resolver) -> Value:
    """Return the value at `node`, its functions as calls."""
    raw = node.value
    kind = raw.__class__
    if kind is str:
        return _text(node, raw, scope, resolver) if raw.startswith("$") else raw
    if kind is yaml.Map:
        return _map(node, scope, resolver)
    if kind is yaml.Seq:
        return [read(item, scope, resolver) for item in node]
    return raw  # type: ignore[no-any-return]


def _text(node: Node, raw: str, scope: Scope, resolver: Resolver) -> Value:
    if raw.startswith("$$"):
        return raw[1:]
    return _call(node, raw[1:], [], scope, resolver)


def _map(node: Node, scope: Scope, resolver: Resolver) -> Value:
    result: dict[str, Value] = {}
    computed: list[Value] = []
    for key, child in node.items():
        if keys.is_call(key):
            computed.append([keys.call(key, child, scope, resolver), read(child, scope, resolver)])
            continue
        if not isinstance(key, str):
            resolver.report.error("bad-key", "the keys of a map are strings", child, "quote it", key=True)
            continue
        if key.startswith("$"):
            if not key.startswith("$$"):
                if len(node.value) == 1:
                    return _function(node, key, child, scope, resolver)
                message = f"malformed function: {key!r} is not the only key of its map"
                hint = f"write '${key}' for a key that begins with '$'"
                resolver.report.error("malformed-function", message, child, hint, key=True)
                continue
            key = key[1:]
        result[key] = read(child, scope, resolver)
    if computed:
        known: list[Value] = [[key, value] for key, value in result.items()]
        return Call(keys.MAP, [known + computed])
    return result


def _function(node: Node, key: str, child: Node, scope: Scope, resolver: Resolver) -> Value:
    name = key[1:].partition("$")[0]
    value = child.value
    signature = SIGNATURES.get(name)
    if type(value) is yaml.Seq:
        arguments = list(child)
    elif value is None:
        arguments = []
    elif signature is not None and signature.bare and not isinstance(value, yaml.Map):
        arguments = [child]
    elif signature is None and scope.function(name) is None:
        arguments = []
    else:
        message = f"${name}: the arguments of a function are a list"
        resolver.report.error("bad-arguments", message, child, f"write ${name}: [ ... ]")
        arguments = [child]
    return _call(node, name, arguments, scope, resolver)


def _call(node: Node, name: str, arguments: list[Node], scope: Scope, resolver: Resolver) -> Value:
    signature = SIGNATURES.get(name)
    values = [read(argument, scope, resolver) for argument in arguments]
    if signature is None:
        found = scope.function(name)
        if found is not None:
            return custom.call(node, name, found, values, scope, resolver)
        special = getattr(node.document, "special", None)
        if special is not None and (made := special(name, values, arguments, scope, resolver)) is not None:
            return made  # type: ignore[no-any-return]
        _unknown(node, name, scope, resolver)
        return Call(NAMESPACE + name, values)
    if not signature.accepts(len(values)):
        message = f"${name} takes {signature.expectation}, not {len(values)}"
        resolver.report.error("bad-arguments", message, node, f"see section {signature.section} of the Standard")
        return Call(NAMESPACE + name, values)
    call = Call(NAMESPACE + name, values)
    if _allowed(node, signature, scope, resolver):
        references.later(call, node, arguments, signature, scope, resolver)
    return call


def _allowed(node: Node, signature: Signature, scope: Scope, resolver: Resolver) -> bool:
    needs = signature.scope
    reason = ""
    if needs is Needs.VALIDATION and not scope.validating:
        reason = "is only for validation clauses"
    elif needs in (Needs.SERVICE, Needs.NODE, Needs.RELATIONSHIP) and scope.closed:
        reason = "cannot be used here, where there is no service"
    if reason:
        resolver.report.error("misplaced-function", f"${signature.name} {reason}", node)
    return not reason


def _unknown(node: Node, name: str, scope: Scope, resolver: Resolver) -> None:
    if scope.unit.uncertain(FUNCTIONS, name):
        return
    hint = suggest(f"${name}", [f"${known}" for known in (*SIGNATURES, *scope.unit.names(FUNCTIONS))])
    if name == "in_range":
        hint = "write $and: [ { $greater_or_equal: [ $value, LOW ] }, { $less_or_equal: [ $value, HIGH ] } ]"
    elif not hint or hint.startswith("known"):
        hint = f"write '$${name}' for text that begins with '$'"
    place = node.child(next(iter(node.value))) if type(node.value) is yaml.Map else node
    resolver.report.error("unknown-function", f"there is no function ${name}", place, hint, key=place is not node)
