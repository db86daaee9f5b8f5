"""Calls of custom functions (section 10.4): found, counted, and turned into ``tosca:call``.

``tosca:call`` has two arguments: what the function is, and the list of its arguments. The first is
``{"function": NAME, "signatures": [{"arguments": [SCHEMA], "optional": [SCHEMA], "variadic": BOOLEAN, "result": SCHEMA,
"artifact": ARTIFACT, "dependencies": [ARTIFACT]}]}``, the last three where they are given, artifacts as in
``tosca:operation``.
"""

from functools import partial
from typing import Any

from floria.values import Call, Value
from puccini.data.coercion import Coercion
from puccini.grammar.templates import FunctionDefinition, SignatureDefinition
from puccini.nodes import Node
from puccini.semantics import artifacts, definitions, operands, references
from puccini.semantics.resolver import Resolver
from puccini.semantics.scope import Scope
from puccini.units import Unit

NAME = "tosca:call"
_IMPLEMENTED = {"artifact", "dependencies", "timeout"}
_PLAIN = {"arguments", "optional", "variadic", "result"}
_SIGNATURE = {"arguments", "optional_arguments", "variadic", "result"}


def call(
    node: Node,
    name: str,
    found: tuple[Unit, FunctionDefinition],
    values: list[Value],
    scope: Scope,
    resolver: Resolver,
) -> Call:
    """Return the call of the custom function `name`."""
    unit, definition = found
    plain = describe(name, unit, definition, resolver)
    if not any(accepts(one, len(values)) for one in plain["signatures"]):
        message = f"${name} is not defined for {len(values)} argument{'' if len(values) == 1 else 's'}"
        resolver.report.error("bad-arguments", message, node, related=definition.node)
    else:
        resolver.deferred.append(partial(_check, plain, node, definition, values, scope, resolver))
    return Call(NAME, [plain, values])


def _check(
    plain: dict[str, Any],
    node: Node,
    definition: FunctionDefinition,
    values: list[Value],
    scope: Scope,
    resolver: Resolver,
) -> None:
    if not any(accepts(one, len(values)) and _fits(one, values, scope) for one in plain["signatures"]):
        message = f"no signature of ${plain['function']} fits the types of these arguments"
        resolver.report.error("bad-arguments", message, node, related=definition.node)


def describe(name: str, unit: Unit, definition: FunctionDefinition, resolver: Resolver) -> dict[str, Any]:
    """Return the plain form of a function definition, always the same one; schemas come when types are known."""
    key = id(definition)
    if key not in resolver.functions:
        signatures: list[Any] = []
        resolver.functions[key] = {"function": name, "signatures": signatures}
        signatures.extend(_signature(one, unit, resolver) for one in definition.signatures)
    return resolver.functions[key]


def refine(name: str, unit: Unit, definition: FunctionDefinition, outer: dict[str, Any], resolver: Resolver) -> None:
    """Describe a function in a service template that refines `outer`: implementations change, signatures are added.

    Signatures correspond by their place in the list; an empty one leaves that of `outer` as it is (section 10.4).
    """
    signatures: list[Any] = []
    resolver.functions[id(definition)] = {"function": name, "signatures": signatures}
    before = outer["signatures"]
    for index, inner in enumerate(definition.signatures):
        made = _signature(inner, unit, resolver)
        if index < len(before):
            resolver.deferred.append(partial(_merge, name, inner, made, before[index], resolver))
            made |= {key: before[index][key] for key in ("arguments", "optional", "variadic")}
        signatures.append(made)
    signatures.extend(before[len(definition.signatures) :])


def _merge(
    name: str, inner: SignatureDefinition, made: dict[str, Any], before: dict[str, Any], resolver: Resolver
) -> None:
    """Complete a refined signature, which is complete itself by now."""
    written = set(inner.node.value or ())
    if written & _SIGNATURE and any(made.get(key) != before.get(key) for key in _PLAIN):
        message = f"this signature of {name!r} is defined already; only its implementation can change"
        resolver.report.error("bad-refinement", message, inner.node)
    made |= {key: before[key] for key in _PLAIN & before.keys()}
    if "artifact" not in made:
        made |= {key: before[key] for key in _IMPLEMENTED & before.keys()}


def accepts(signature: dict[str, Any], count: int) -> bool:
    """Whether `count` arguments may be given."""
    least = len(signature["arguments"])
    if signature["variadic"]:
        return count >= least
    return least <= count <= least + len(signature["optional"])


def _signature(definition: SignatureDefinition, unit: Unit, resolver: Resolver) -> dict[str, Any]:
    result: dict[str, Any] = {
        "arguments": [None] * len(definition.arguments),
        "optional": [None] * len(definition.optional_arguments),
        "variadic": definition.variadic,
    }
    resolver.deferred.append(partial(_complete, result, definition, unit, resolver))
    if definition.implementation is not None:
        artifacts.implement(result, definition.implementation, unit, {}, resolver, lenient=True)
    return result


def _complete(result: dict[str, Any], definition: SignatureDefinition, unit: Unit, resolver: Resolver) -> None:
    scope = Scope(unit, closed=True)
    result["arguments"] = [definitions.schema(one, scope, resolver).plain for one in definition.arguments]
    result["optional"] = [definitions.schema(one, scope, resolver).plain for one in definition.optional_arguments]
    if definition.result is not None:
        result["result"] = definitions.schema(definition.result, scope, resolver).plain


def _fits(signature: dict[str, Any], values: list[Value], scope: Scope) -> bool:
    schemas = signature["arguments"] + signature["optional"]
    for index, value in enumerate(values):
        if not schemas:
            return True
        schema = schemas[min(index, len(schemas) - 1)]
        if isinstance(value, Call) and not operands.possible(value, schema, partial(references.result, scope=scope)):
            return False
        check = Coercion(schema, literal=True)
        check.run(value)
        if any(not problem.warning for problem in check.problems):
            return False
    return True
