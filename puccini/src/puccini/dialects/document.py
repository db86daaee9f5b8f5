"""A file of an older TOSCA version: its content as TOSCA 2.0 has it, and what was written."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from floria.values import Call, Value
from puccini import extents, yaml
from puccini.diagnostics import Diagnostic, Report
from puccini.dialects import literals, paths, values
from puccini.nodes import Node

if TYPE_CHECKING:
    from puccini.dialects.forms import Page
    from puccini.model.data import Schema
    from puccini.model.service import NodeTemplate, Service, Trigger
    from puccini.semantics.resolver import Resolver
    from puccini.semantics.scope import Scope


class OldDocument(yaml.Document):
    """What was read of a file. `original` is its top as it was written.

    `outputs` are the outputs of operations that expressions ask for, by the attribute that keeps them: interface,
    operation, output. `limits` say how many relationships lead to a capability, and `watches` when and where a
    trigger acts, both by the place of what they are about. `inward` are the paths of properties of inner nodes that
    get those of the substituted node, by the names of the latter.
    """

    allowed = frozenset(
        {
            "empty-list",
            "no-entry-schema",
            "no-properties",
            "no-relationship",
            "old-scalar",
            "short-node-type",
            "useless-default",
        }
    )

    def __init__(self, original: Node, written: Any, page: "Page") -> None:
        super().__init__(original.document.name, original.document.data)
        self.original = original
        self.value = written
        self.marks = original.marks
        self.complete = True
        self.outputs = page.outputs
        self.limits = page.limits
        self.watches = page.watches
        self.inward = page.inward

    @cached_property
    def lines(self) -> list[str]:
        return extents.lines(self.data)

    def source(self, node: Node) -> str:
        """Return what is written at a node that is a plain scalar of one line."""
        return self.lines[node.start.line][node.start.column : node.end.column]

    def reword(self, found: Diagnostic, node: Node, *, strict: bool) -> Diagnostic | None:
        """Return what is said of a node of this file; None when there is nothing against it."""
        from puccini.dialects import wording

        return wording.reword(found, node, self, strict=strict)

    def adapt(self, value: Value, schema: "Schema", node: Node, report: Report) -> Value:
        """Return a literal as its schema has it."""
        return literals.adapt(value, schema, node, self, report)

    def modernise(self, call: Call, nodes: Sequence[Node], scope: "Scope", resolver: "Resolver") -> list[Node]:
        """Write the path of a call as that of TOSCA 2.0; return the nodes of its arguments."""
        return paths.modernise(call, nodes, self, scope, resolver)

    def watch(
        self,
        trigger: "Trigger",
        nodes: "Sequence[NodeTemplate]",
        service: "Service",
        scope: "Scope",
        resolver: "Resolver",
    ) -> None:
        """Have a trigger of a policy with the targets `nodes` act only when and where it says."""
        found = self.watches.get(trigger.node.marks)
        if found is not None:
            from puccini.dialects import triggers

            triggers.limit(trigger, found, nodes, service, scope, resolver)

    def special(
        self, name: str, arguments: Sequence[Value], nodes: Sequence[Node], scope: "Scope", resolver: "Resolver"
    ) -> list[Value] | None:
        """Return the value of a function that TOSCA 2.0 does not have."""
        if name != values.NODES_OF_TYPE:
            return None
        found, fill = paths.nodes_of_type(arguments, nodes, scope, resolver)
        resolver.deferred.append(fill)
        return found
