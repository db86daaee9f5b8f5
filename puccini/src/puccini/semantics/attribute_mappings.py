"""Mappings of outputs into attributes (section 9.10): that the attribute is there, and takes what the output gives."""

from functools import partial

from floria.values import Call, Value
from puccini.model.data import Schema
from puccini.nodes import Node
from puccini.semantics import paths, references
from puccini.semantics.resolver import Resolver
from puccini.semantics.scope import Scope


def later(path: list[Value], node: Node, schema: Schema | None, scope: Scope, resolver: Resolver) -> None:
    """Have a mapping checked when types and templates are known; `schema` is that of the output, where it has one."""
    if not scope.closed:
        resolver.deferred.append(partial(_check, path, node, schema, scope, resolver))


def _check(path: list[Value], node: Node, schema: Schema | None, scope: Scope, resolver: Resolver) -> None:
    call = Call("tosca:get_attribute", path)
    nodes = list(node)
    modernise = getattr(node.document, "modernise", None)
    if modernise is not None:
        nodes = modernise(call, nodes, scope, resolver)
    paths.check(call, node, nodes, scope, resolver, "the mapping")
    found = paths.schema(call, scope)
    if found is None or schema is None or references.compatible(schema.type, found.type):
        return
    message = f"the output is {schema.type.name}, and the attribute it is mapped to {found.type.name}"
    resolver.report.error("wrong-type", message, node, related=found.node)
