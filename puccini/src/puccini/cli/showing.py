"""A simulated service for people: a tree of nodes with properties and relationships, outputs, reactions to events."""

from collections.abc import Iterator, Mapping

import msgspec

from floria import codec
from floria.entities import Edge, Vertex
from floria.graph import Graph
from puccini.cli.simulation import NO_VALUE, OUTPUT, Reaction, Result, Simulation

_MARK = "tosca:"
_WIDTH = 160


def service(simulation: Simulation, reactions: list[tuple[str, list[Reaction]]]) -> str:
    """Return everything there is to say about a simulation."""
    found = simulation.current()
    lines = [*_vertex(simulation, found, found.vertexes[found.root], 0)]
    lines += _section("outputs", list(_results(simulation.outputs(), 1)))
    lines += _section("optional requirements that found no target", [f"  {note}" for note in simulation.plan.notes])
    for event, handled in reactions:
        shown = [line for one in handled for line in _reaction(one)]
        lines += _section(f"event {event}", shown or ["  nothing handles it"])
    return "\n".join(lines)


def _section(title: str, lines: list[str]) -> list[str]:
    return ["", title, *lines] if lines else []


def _vertex(simulation: Simulation, found: Graph, vertex: Vertex, depth: int) -> Iterator[str]:
    blank = "  " * depth
    name = f"{vertex.name}[{vertex.index}]" if vertex.index else vertex.name
    yield f"{blank}{name}{_kind(vertex)}"
    properties = simulation.properties(vertex)
    hidden = {one for one, property in vertex.properties.items() if OUTPUT in property.classes}
    yield from _results({one: result for one, result in properties.items() if one not in hidden}, depth + 1)
    for edge in found.edges.values():
        if edge.source == vertex.id:
            yield from _edge(simulation, edge, depth + 1)
    for child in found.vertexes.values():
        if child.parent == vertex.id and child.id != vertex.id:
            yield from _vertex(simulation, found, child, depth + 1)


def _edge(simulation: Simulation, edge: Edge, depth: int) -> Iterator[str]:
    index = f"[{edge.index}]" if edge.index else ""
    yield f"{'  ' * depth}{edge.name}{index} -> {simulation.label(edge.target)}{_kind(edge)}"
    yield from _results(simulation.properties(edge), depth + 1)


def _kind(entity: Vertex | Edge) -> str:
    mark = next((one.removeprefix(_MARK) for one in reversed(entity.classes) if one.startswith(_MARK)), "")
    first = entity.classes[0] if entity.classes and not entity.classes[0].startswith(_MARK) else ""
    return f"  ({', '.join(part for part in (mark, first) if part)})" if mark or first else ""


def _results(results: Mapping[str, Result], depth: int) -> Iterator[str]:
    for name, result in results.items():
        yield f"{'  ' * depth}{name} = {_value(result)}"


def _value(result: Result) -> str:
    if result.error is not None:
        if result.error.message == NO_VALUE:
            return "(no value yet)"
        return f"({'waiting' if result.error.retryable else 'error'}: {result.error.message})"
    text = msgspec.json.encode(codec.to_plain(result.value)).decode()
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}…"


def _reaction(reaction: Reaction) -> Iterator[str]:
    what = reaction.handler or reaction.call
    if reaction.status == "done":
        yield f"  {reaction.entity}: {what} would run{_artifact(reaction)}"
    else:
        why = f": {reaction.error.message}" if reaction.error is not None else ": its condition is not true"
        yield f"  {reaction.entity}: {what} {reaction.status}{why}"
    yield from _results(reaction.inputs, 2)


def _artifact(reaction: Reaction) -> str:
    match reaction.detail:
        case {"artifact": {"file": str(file)}}:
            return f" ({file})"
        case _:
            return ""
