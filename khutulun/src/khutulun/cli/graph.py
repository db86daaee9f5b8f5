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
    """Return each node nobody needs with what it needs below it; what was shown before is only named."""
    nodes = {node.name: node for node in service.nodes}
    needed = {target for node in service.nodes for _, target in _relations(node, nodes)}
    seen: set[str] = set()
    lines = [f"{text.clean(service.name)} ({service.state.value})"]
    roots = [name for name in nodes if name not in needed]
    for name in [*roots, *nodes]:
        if name not in seen:
            lines += _branch(nodes, name, "", seen)
    return lines


def dot(service: model.Service) -> Iterator[str]:
    """Yield the lines of a Graphviz graph."""
    nodes = {node.name: node for node in service.nodes}
    yield f"digraph {_quoted(service.name)} {{"
    yield "  rankdir=LR; node [shape=box, style=rounded];"
    for node in service.nodes:
        label = "\n".join(filter(None, (node.name, _type(node), node.state, node.host)))
        yield f"  {_quoted(node.name)} [label={_quoted(label)}];"
    for node in service.nodes:
        for relation, target in _relations(node, nodes):
            yield f"  {_quoted(node.name)} -> {_quoted(target)} [label={_quoted(relation.name)}];"
    yield "}"


def _branch(nodes: dict[str, model.Node], name: str, prefix: str, seen: set[str]) -> list[str]:
    """Return the lines of a node and what it needs; iterative, for graphs can be deep."""
    lines: list[str] = []
    stack: list[tuple[str, str, str]] = [(name, prefix, "")]
    while stack:
        name, prefix, via = stack.pop()
        node = nodes.get(name)
        again = name in seen
        seen.add(name)
        lines.append(f"{prefix}{via}{_label(name, node)}{' (above)' if again else ''}")
        if again or node is None:
            continue
        inner = _deeper(prefix)
        relations = list(_relations(node, nodes))
        for index in range(len(relations) - 1, -1, -1):
            relation, target = relations[index]
            branch = "└─ " if index == len(relations) - 1 else "├─ "
            stack.append((target, inner + branch, f"{text.clean(relation.name)} → "))
    return lines


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
