"""`khutulun service graph`: nodes and the relationships between them, as text, as data, or for Graphviz."""

import json
from collections.abc import Container, Iterator

import click

from khutulun import model
from khutulun.cli import output, text
from khutulun.cli.options import FORMATS, SERVICE, Remote, connected
from khutulun.cli.output import Output


@click.command()
@click.argument("name", type=SERVICE)
@connected(outputs=(*FORMATS, Output.DOT))
def graph(remote: Remote, name: str) -> None:
    """Show the nodes of the service NAME and the relationships between them.

    \b
    Examples:
      khutulun service graph hello
      khutulun service graph hello --output dot | dot -Tsvg > hello.svg
    """
    service = remote.client.service(name, remote.directory)
    if remote.output is Output.DOT:
        click.echo("\n".join(dot(service)))
    else:
        output.show(remote.output, list[model.Node], list(service.nodes), lambda _: tree(service))


def tree(service: model.Service) -> list[str]:
    """Return each node nobody needs with what it needs below it, and what is inside of it.

    What was shown before is only named.
    """
    nodes = {node.name: node for node in service.nodes}
    seen: set[str] = set()
    lines = [f"{text.clean(service.name)} ({service.state.value})"]
    contents = _contents(nodes)
    for name in [*_first(nodes, contents.get("", [])), *nodes]:
        if name not in seen:
            lines += _branch(nodes, contents, name, seen)
    return lines


def dot(service: model.Service) -> Iterator[str]:
    """Yield the lines of a Graphviz graph."""
    nodes = {node.name: node for node in service.nodes}
    yield f"digraph {_quoted(service.name)} {{"
    yield "  rankdir=LR; node [shape=box, style=rounded];"
    yield from _boxes(nodes)
    for node in service.nodes:
        for relation, target in _relations(node, nodes):
            yield f"  {_quoted(node.name)} -> {_quoted(target)} [label={_quoted(relation.name)}];"
    yield "}"


def _branch(nodes: dict[str, model.Node], contents: dict[str, list[str]], name: str, seen: set[str]) -> list[str]:
    """Return the lines of a node, what it needs and what is inside of it; iterative, for graphs can be deep."""
    lines: list[str] = []
    stack: list[tuple[str, str, str]] = [(name, "", "")]
    while stack:
        name, prefix, via = stack.pop()
        node = nodes.get(name)
        again = name in seen
        seen.add(name)
        lines.append(f"{prefix}{via}{_label(name, node)}{' (above)' if again else ''}")
        if again or node is None:
            continue
        inner = _deeper(prefix)
        below = [(f"{text.clean(relation.name)} → ", target) for relation, target in _relations(node, nodes)]
        below += [("inside: ", target) for target in _first(nodes, contents.get(name, []))]
        for index in range(len(below) - 1, -1, -1):
            via, target = below[index]
            branch = "└─ " if index == len(below) - 1 else "├─ "
            stack.append((target, inner + branch, via))
    return lines


def _contents(nodes: dict[str, model.Node]) -> dict[str, list[str]]:
    """Return which nodes are inside of each, and (as those of nothing) inside of none."""
    found: dict[str, list[str]] = {}
    for name, node in nodes.items():
        found.setdefault(node.inside if node.inside in nodes else "", []).append(name)
    return found


def _first(nodes: dict[str, model.Node], some: list[str]) -> list[str]:
    """Return those of some nodes that no other one of them needs; all of them if that is none."""
    needed = {target for name in some for _, target in _relations(nodes[name], nodes) if target != name}
    return [name for name in some if name not in needed] or some


def _boxes(nodes: dict[str, model.Node]) -> Iterator[str]:
    """Yield the nodes for Graphviz, those that are inside of another one in a box with it."""
    contents = _contents(nodes)
    stack: list[tuple[str, str, int]] = [("", name, 1) for name in reversed(contents.get("", []))]
    while stack:
        closing, name, depth = stack.pop()
        indent = "  " * depth
        if closing:
            yield indent + closing
            continue
        node, within = nodes[name], contents.get(name, [])
        label = "\n".join(filter(None, (node.name, _type(node), node.state, node.host)))
        if within:
            yield f"{indent}subgraph {_quoted(f'cluster {name}')} {{"
            stack.append(("}", name, depth))
            stack += [("", one, depth + 1) for one in reversed(within)]
            indent += "  "
        yield f"{indent}{_quoted(name)} [label={_quoted(label)}];"


def _deeper(prefix: str) -> str:
    return prefix.replace("├─ ", "│  ").replace("└─ ", "   ")


def _label(name: str, node: model.Node | None) -> str:
    if node is None:
        return text.clean(name)
    where = f" on {node.host}" if node.host else ""
    return f"{text.clean(name)} ({_type(node)}) {node.state}{where}".rstrip()


def _type(node: model.Node) -> str:
    return text.clean(node.type.rpartition("::")[2])


def _relations(node: model.Node, nodes: Container[str]) -> Iterator[tuple[model.Relation, str]]:
    """Yield the relationships with the node (or, outside of the service, the capability) that they lead to."""
    for relation in node.relations:
        name = relation.target
        while name and name not in nodes:
            name = name.rpartition(".")[0]
        yield relation, name or relation.target


def _quoted(content: str) -> str:
    return json.dumps(content, ensure_ascii=False)
