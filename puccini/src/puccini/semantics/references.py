"""Checks what calls refer to, once it is known: inputs, TOSCA paths, scalars among arguments.

Also says what type the result of a call has, as far as that can be known without a service.
"""

from collections.abc import Sequence
from functools import partial

from floria.values import Call, Value
from puccini.data import coercion
from puccini.diagnostics import suggest
from puccini.functions.signatures import SIGNATURES, Kind, Signature
from puccini.functions.signatures import Scope as Needs
from puccini.model.data import ANY, BUILT_IN, Base, DataType, Property, Schema
from puccini.nodes import Node
from puccini.semantics import operands, paths
from puccini.semantics.resolver import Resolver
from puccini.semantics.scope import Scope

_COMPARISONS = frozenset(
    {"equal", "greater_than", "greater_or_equal", "less_than", "less_or_equal", "valid_values", "sum", "difference"}
)
_RESULTS = {
    Kind.BOOLEAN: "boolean",
    Kind.INTEGER: "integer",
    Kind.FLOAT: "float",
    Kind.STRING: "string",
    Kind.LIST: "list",
}


def later(
    call: Call, node: Node, arguments: list[Node], signature: Signature, scope: Scope, resolver: Resolver
) -> None:
    """Have `call` checked when types and templates are known."""
    if signature.name in operands.CHECKED or signature.scope in (Needs.SERVICE, Needs.VALIDATION):
        resolver.deferred.append(partial(_check, call, node, arguments, signature, scope, resolver))


def _check(
    call: Call, node: Node, arguments: list[Node], signature: Signature, scope: Scope, resolver: Resolver
) -> None:
    if signature.name == "get_input":
        _input(call, arguments, scope, resolver)
    elif signature.name == "value" and scope.value is not None:
        nested(scope.value, call.arguments, arguments, "the value", resolver)
    elif signature.path:
        modernise = getattr(node.document, "modernise", None)
        if modernise is not None:
            arguments = modernise(call, arguments, scope, resolver)
        paths.check(call, node, arguments, scope, resolver)
    else:
        if signature.name in _COMPARISONS:
            _convert(call, arguments, scope, resolver)
        if not hasattr(node.document, "reword"):
            operands.check(signature, call, arguments, partial(result, scope=scope), resolver)


def _input(call: Call, arguments: list[Node], scope: Scope, resolver: Resolver) -> None:
    name = call.arguments[0]
    if isinstance(name, Call):
        return
    if not isinstance(name, str):
        resolver.report.error("bad-arguments", "$get_input: the first argument is the name of an input", arguments[0])
        return
    if scope.service is None:
        return
    known = {**scope.service.inputs, **(scope.inputs or {})}
    if name not in known:
        if scope.service.uncertain("inputs", name):
            return
        hint = suggest(name, known) or "the service template has no inputs"
        resolver.report.error("unknown-input", f"there is no input {name!r}", arguments[0], hint)
        return
    schema = known[name].schema
    if schema is not None:
        nested(schema, call.arguments[1:], arguments[1:], f"the input {name!r}", resolver)


def nested(
    schema: Schema, keys: Sequence[Value], nodes: Sequence[Node], what: str, resolver: Resolver | None
) -> Schema | None:
    """Return the schema that `keys` lead to within `schema`, None when unknown. Reports when they lead nowhere."""
    current: Schema | None = schema
    for index, key in enumerate(keys):
        if current is None or isinstance(key, Call):
            return None
        following, problem, hint = step(current, key)
        if problem and resolver is not None:
            node = nodes[index] if index < len(nodes) else None
            if node is not None:
                resolver.report.error("bad-path", f"{what} {problem}", node, hint)
            return None
        what = f"{what}, {key!r},"
        current = following
    return current


def step(schema: Schema, key: Value) -> tuple[Schema | None, str, str]:
    """Return the schema of the part at `key` of a value; or why there is none, and what would be right."""
    match schema.base:
        case Base.COMPLEX:
            properties = schema.type.properties
            if isinstance(key, str) and key in properties:
                return properties[key].schema, "", ""
            return None, f"has no property {key!r}", suggest(str(key), properties)
        case Base.LIST:
            if isinstance(key, int) and not isinstance(key, bool) and key >= 0:
                return schema.entries, "", ""
            return None, f"is a list, where {key!r} leads nowhere", "use an index from 0"
        case Base.MAP:
            return (schema.entries, "", "") if isinstance(key, str) else (None, "is a map, whose keys are strings", "")
        case Base.ANY:
            return None, "", ""
        case _:
            return None, f"is of the type {schema.type.name}, in which there is nothing more", ""


def _convert(call: Call, arguments: list[Node], scope: Scope, resolver: Resolver) -> None:
    """Write scalars among the arguments as numbers in the canonical unit, as their values are stored."""
    schema = next((s for s in (result(one, scope) for one in call.arguments) if s is not None), None)
    if schema is None:
        return
    if schema.base is not Base.SCALAR:
        _adapt(call, arguments, Schema(schema.type), resolver)
        return
    plain = {key: value for key, value in Schema(schema.type).plain.items() if key != "validations"}
    number = plain["number"]
    assert isinstance(number, dict)
    plain["number"] = {"type": number["type"]}
    for index, argument in enumerate(call.arguments):
        if isinstance(argument, list) and call.function == "tosca:valid_values":
            call.arguments[index] = [
                _scalar(item, child, plain, resolver) for item, child in zip(argument, arguments[index], strict=True)
            ]
        else:
            call.arguments[index] = _scalar(argument, arguments[index], plain, resolver)


def _adapt(call: Call, arguments: list[Node], schema: Schema, resolver: Resolver) -> None:
    """Write literals that are compared as `schema` has them, in files of versions of TOSCA that are not exact."""
    for index, (argument, node) in enumerate(zip(call.arguments, arguments, strict=False)):
        adapt = getattr(node.document, "adapt", None)
        if adapt is None:
            return
        if isinstance(argument, list) and call.function == "tosca:valid_values":
            call.arguments[index] = [
                adapt(item, schema, child, resolver.report) for item, child in zip(argument, node, strict=True)
            ]
        else:
            call.arguments[index] = adapt(argument, schema, node, resolver.report)


def _scalar(value: Value, node: Node, plain: dict[str, Value], resolver: Resolver) -> Value:
    if not isinstance(value, str):
        return value
    check = coercion.Coercion(plain, literal=True)
    converted = check.run(value)
    for problem in check.problems:
        resolver.report.error(problem.code, problem.message, node, problem.hint)
    return converted


def result(value: Value, scope: Scope) -> Schema | None:
    """Return the schema of what `value` evaluates to; None when that is not known or it is a literal."""
    if not isinstance(value, Call):
        return None
    name = value.function.removeprefix("tosca:")
    signature = SIGNATURES.get(name)
    if signature is not None and not signature.accepts(len(value.arguments)):
        return None
    match name:
        case "value":
            return nested(scope.value, value.arguments, (), "", None) if scope.value is not None else None
        case "get_input":
            return _input_schema(value, scope)
        case "get_property" | "get_attribute" | "available_allocation":
            return paths.schema(value, scope)
        case "call":
            return _of(operands.base(value, partial(result, scope=scope)))
    if signature is None:
        return None
    if signature.result in _RESULTS:
        return Schema(BUILT_IN[_RESULTS[signature.result]])
    made = operands.computed(value, partial(result, scope=scope))
    if made in (Base.SCALAR, Base.LIST):
        return next((s for s in (result(one, scope) for one in value.arguments) if s and s.base is made), _of(made))
    return _of(made)


def _of(base: Base | None) -> Schema | None:
    """Return the schema of which no more than its base is known."""
    found = BUILT_IN.get(base.value) if base not in (None, Base.SCALAR) else None
    return Schema(found) if found is not None else None


def condition(clause: Value, node: Node, what: str, scope: Scope, resolver: Resolver) -> None:
    """Have it checked, when types are known, that `clause` is true or false. `what` it is begins the message."""
    if isinstance(clause, Call):
        resolver.deferred.append(partial(_condition, clause, node, what, scope, resolver))


def _condition(clause: Call, node: Node, what: str, scope: Scope, resolver: Resolver) -> None:
    found = operands.base(clause, partial(result, scope=scope))
    if found not in (None, Base.BOOLEAN):
        message = f"{what} gives true or false; this gives {operands.article(found)}"
        resolver.report.error("bad-condition", message, node, "such as { $greater_or_equal: [ $value, 1 ] }")


def _input_schema(call: Call, scope: Scope) -> Schema | None:
    if scope.service is None or not call.arguments or not isinstance(call.arguments[0], str):
        return None
    found: Property | None = (scope.inputs or {}).get(call.arguments[0]) or scope.service.inputs.get(call.arguments[0])
    if found is None or found.schema is None:
        return None
    return nested(found.schema, call.arguments[1:], (), "", None)


def fits(given: Schema, wanted: Schema) -> bool:
    """Whether a value of one schema can be one of the other, entries included."""
    if not compatible(given.type, wanted.type):
        return False
    if given.type is wanted.type and not given.type.built_in:
        return True
    inner, outer = given.entries, wanted.entries
    return inner is None or outer is None or fits(inner, outer)


def compatible(given: DataType, wanted: DataType) -> bool:
    """Whether a value of type `given` can be one of type `wanted`; validation clauses are left to run time."""
    if ANY in (given, wanted) or given.derives(wanted) or wanted.derives(given):
        return True
    if given.base is Base.INTEGER and wanted.base is Base.FLOAT:
        return True
    if Base.ANY in (given.base, wanted.base):
        return True
    if given.base is not wanted.base:
        return given.base in (Base.INTEGER, Base.FLOAT) and wanted.base is Base.SCALAR
    if given.base is Base.COMPLEX:
        return given.ancestors[-1] is wanted.ancestors[-1]
    if given.base is Base.SCALAR:
        return given.ancestors[-2:] == wanted.ancestors[-2:]
    return True
