"""Functions as the keys of maps (section 10.1): what they give is the key when the map is evaluated.

``$f$suffix`` is the function ``f``: the suffix lets a map have the same call as a key several times.
"""

from typing import Any

from floria.values import Call, Value
from puccini import yaml
from puccini.functions.signatures import SIGNATURES
from puccini.nodes import Node
from puccini.semantics import custom
from puccini.semantics.resolver import Resolver
from puccini.semantics.scope import Scope

MAP = "tosca:map"
"""A map as a list of pairs, each of a key and a value."""


def is_call(key: Any) -> bool:
    """Whether the key of a map is a function."""
    return isinstance(key, yaml.MapKey) and len(key) == 1 and _named(key[0][0])


def call(key: Any, node: Node, scope: Scope, resolver: Resolver) -> Value:
    """Return the call that `key` is; `node` is the value at that key, for messages."""
    written, arguments = key[0]
    name = written[1:].partition("$")[0]
    listed = arguments if isinstance(arguments, yaml.SequenceKey) else () if arguments is None else (arguments,)
    values = [_read(one, node, scope, resolver) for one in listed]
    signature = SIGNATURES.get(name)
    if signature is None:
        found = scope.function(name)
        if found is not None:
            return custom.call(node, name, found, values, scope, resolver)
        resolver.report.error("unknown-function", f"there is no function ${name}", node, key=True)
    elif not signature.accepts(len(values)):
        message = f"${name} takes {signature.expectation}, not {len(values)}"
        hint = f"see section {signature.section} of the Standard"
        resolver.report.error("bad-arguments", message, node, hint, key=True)
    return Call(f"tosca:{name}", values)


def _read(raw: Any, node: Node, scope: Scope, resolver: Resolver) -> Value:
    if isinstance(raw, str):
        if raw.startswith("$$"):
            return raw[1:]
        return call(yaml.MapKey(((raw, None),)), node, scope, resolver) if raw.startswith("$") else raw
    if isinstance(raw, yaml.SequenceKey):
        return [_read(one, node, scope, resolver) for one in raw]
    if is_call(raw):
        return call(raw, node, scope, resolver)
    if isinstance(raw, yaml.MapKey):
        return {str(key): _read(value, node, scope, resolver) for key, value in raw}
    return raw  # type: ignore[no-any-return]


def _named(key: Any) -> bool:
    return isinstance(key, str) and key.startswith("$") and not key.startswith("$$")
