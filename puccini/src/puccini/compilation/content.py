"""What is in a service, wherever that is: nodes, groups, policies and workflows, and what is inside of its nodes."""

from collections.abc import Iterator

from floria.entities import EdgeTemplate, VertexTemplate
from puccini.compilation import directives, edges, policies, workflows
from puccini.compilation.state import State


def templates(root: VertexTemplate, state: State) -> Iterator[VertexTemplate | EdgeTemplate]:
    """Yield everything in a service, then what is in the services inside of it."""
    one = state.service
    triggers = policies.handlers(one, state)
    for template in one.nodes.values():
        yield from directives.templates(template, root, triggers.get(template.name, ()), state)
        yield from edges.edges(template, state)
    yield from policies.vertexes(one, root, triggers, state)
    yield from workflows.vertexes(one, root, state)
    for inner, inside in state.insides:
        yield from templates(inner, inside)
