"""Calls of custom functions (section 10.4): found, counted, and turned into ``tosca:call``.

``tosca:call`` has two arguments: what the function is, and the list of its arguments. The first is
``{"function": NAME, "signatures": [{"arguments": [SCHEMA], "optional": [SCHEMA], "variadic": BOOLEAN, "result": SCHEMA,
"artifact": ARTIFACT, "dependencies": [ARTIFACT]}]}``, the last three where they are given, artifacts as in
``tosca:operation``.
"""

from typing import Any

from floria.values import Call, Value
from puccini.data.coercion import Coercion
from puccini.grammar.templates import FunctionDefinition, SignatureDefinition
from puccini.nodes import Node
from puccini.semantics import artifacts, definitions
from puccini.semantics.resolver import Resolver
from puccini.semantics.scope import Scope
from puccini.units import Unit

NAME = "tosca:call"
_IMPLEMENTED = {"artifact", "dependencies", "timeout"}


def call(
    node: Node,
    name: str,
    found: tuple[Unit, FunctionDefinition],
    arguments: list[Node],
    values: list[Value],
    scope: Scope,
    resolver: Resolver,
) -> Call:
    """Return the call of the custom function `name`."""
    unit, definition = found
    plain = describe(name, unit, definition, resolver)
    signatures = plain["signatures"]
    fitting = [one for one in signatures if accepts(one, len(values))]
    if not fitting:
        message = f"${name} is not defined for {len(values)} argument{'' if len(values) == 1 else 's'}"
        resolver.report.error("bad-arguments", message, node, related=definition.node)
    elif not any(_fits(one, values) for one in fitting):
        message = f"no signature of ${name} fits the types of these arguments"
        resolver.report.error("bad-arguments", message, node, related=definition.node)
    return Call(NAME, [plain, values])


def describe(name: str, unit: Unit, definition: FunctionDefinition, resolver: Resolver) -> dict[str, Any]:
    """Return the plain form of a function definition; the same one each time."""
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
        if index >= len(before):
            signatures.append(_signature(inner, unit, resolver))
            continue
        made = _signature(inner, unit, resolver)
        same = all(made.get(key) == before[index].get(key) for key in ("arguments", "optional", "variadic", "result"))
        if set(inner.node.value or ()) - {"implementation", "description", "metadata"} and not same:
            message = f"signature {index} of {name!r} is already defined; only its implementation can change"
            resolver.report.error("bad-refinement", message, inner.node)
        signatures.append(
            {**before[index], **({k: made[k] for k in _IMPLEMENTED & made.keys()} if made.get("artifact") else {})}
        )
    signatures.extend(before[len(definition.signatures) :])


def accepts(signature: dict[str, Any], count: int) -> bool:
    """Whether `count` arguments may be given."""
    least = len(signature["arguments"])
    if signature["variadic"]:
        return count >= least
    return least <= count <= least + len(signature["optional"])


def _signature(definition: SignatureDefinition, unit: Unit, resolver: Resolver) -> dict[str, Any]:
    scope = Scope(unit, closed=True)
    result: dict[str, Any] = {
        "arguments": [definitions.schema(one, scope, resolver).plain for one in definition.arguments],
        "optional": [definitions.schema(one, scope, resolver).plain for one in definition.optional_arguments],
        "variadic": definition.variadic,
    }
    if definition.result is not None:
        result["result"] = definitions.schema(definition.result, scope, resolver).plain
    if definition.implementation is not None:
        artifacts.implement(result, definition.implementation, unit, {}, resolver)
    return result


def _fits(signature: dict[str, Any], values: list[Value]) -> bool:
    schemas = signature["arguments"] + signature["optional"]
    for index, value in enumerate(values):
        if not schemas:
            return True
        check = Coercion(schemas[min(index, len(schemas) - 1)], literal=True)
        check.run(value)
        if any(not problem.warning for problem in check.problems):
            return False
    return True
