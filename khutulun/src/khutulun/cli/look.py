"""`khutulun service list | show | outputs | validate`: what is there, changing nothing."""

from collections.abc import Iterable

import click

from khutulun import model
from khutulun.cli import output, problems, progress, text
from khutulun.cli.options import SERVICE, Remote, connected

DIFFERENT = 2
"""The exit code of a validation that found differences."""


@click.command("list")
@connected
def list_services(remote: Remote) -> None:
    """List the services of a directory."""
    found = remote.client.services(remote.directory)
    output.show(remote.output, list[model.Service], found, _services)


@click.command()
@click.argument("name", type=SERVICE)
@connected
def show(remote: Remote, name: str) -> None:
    """Show the service NAME: inputs, outputs, nodes with their properties and relationships, the last execution."""
    found = remote.client.service(name, remote.directory)
    output.show(remote.output, model.Service, found, _service)


@click.command()
@click.argument("name", type=SERVICE)
@click.argument("output_name", metavar="[OUTPUT]", required=False)
@connected
def outputs(remote: Remote, name: str, output_name: str | None) -> None:
    """Show the outputs of the service NAME, or the bare value of one of them.

    \b
    Examples:
      khutulun service outputs hello
      curl "$(khutulun service outputs hello url)"
    """
    found = remote.client.service(name, remote.directory).outputs
    if output_name is None:
        output.show(remote.output, dict[str, model.Attribute], found, lambda items: _attributes(sorted(items.items())))
        return
    if output_name not in found:
        names = ", ".join(found) or "none"
        raise model.refuse(
            "no-such-output", f"{name} has no output {output_name!r}", where=name, hint=f"it has: {names}"
        )
    one = found[output_name]
    if one.error is not None:
        raise model.Refused(one.error)
    output.show(remote.output, model.Attribute, one, lambda item: [text.value(item.value)])


@click.command()
@click.argument("name", type=SERVICE)
@connected
def validate(remote: Remote, name: str) -> int:
    """Report where the service NAME differs from reality or from its schema; neither is changed.

    The exit code is 0 when nothing differs, 2 when something does, 1 when there is an error.
    """
    found = remote.client.validate(name, remote.directory)
    output.show(remote.output, list[model.Difference], found, _differences)
    return DIFFERENT if found else 0


def _services(services: list[model.Service]) -> list[str]:
    rows = [
        (text.clean(s.name), s.directory, s.state.value, str(s.node_count), text.moment(s.modified)) for s in services
    ]
    return text.table(("NAME", "DIRECTORY", "STATE", "NODES", "MODIFIED"), rows)


def _service(service: model.Service) -> list[str]:
    lines = [
        f"{text.clean(service.name)} is {service.state.value}",
        f"  in {service.directory}, since {text.moment(service.created)}, changed {text.moment(service.modified)}",
    ]
    if service.inputs:
        lines += ["Inputs:", *text.indent(f"{text.clean(k)}: {text.value(v)}" for k, v in service.inputs.items())]
    if service.outputs:
        lines += ["Outputs:", *text.indent(_attributes(sorted(service.outputs.items())))]
    for node in service.nodes:
        lines += _node(node)
    if service.execution is not None and service.execution.state != "done":
        lines += _execution(service.execution)
    return lines


def _node(node: model.Node) -> list[str]:
    where = f" on {node.host}" if node.host else ""
    lines = [f"{text.clean(node.name)} ({node.type}) is {node.state or 'not there yet'}{where}"]
    lines += text.indent(_attributes(_set(node.properties)))
    for name, attributes in node.capabilities.items():
        if shown := _attributes(_set(attributes)):
            lines += text.indent([f"{text.clean(name)}:", *text.indent(shown)])
    for relation in node.relations:
        lines.append(f"  {text.clean(relation.name)} → {text.clean(relation.target)}")
        lines += text.indent(text.indent(_attributes(_set(relation.properties))))
    operations = [text.clean(name) for name in node.handlers if "." in name]
    events = [text.clean(name) for name in node.handlers if "." not in name]
    lines += [f"  operations: {', '.join(operations)}"] if operations else []
    lines += [f"  handles: {', '.join(events)}"] if events else []
    return lines


def _set(attributes: dict[str, model.Attribute]) -> list[tuple[str, model.Attribute]]:
    """Leave out what has neither a value nor an error: scripts get it, people need not read it."""
    return [(name, found) for name, found in attributes.items() if found.value is not None or found.error is not None]


def _execution(execution: model.Execution) -> list[str]:
    steps = [progress.step_line(step) for step in execution.steps]
    failed = [problems.line(problem) for problem in execution.problems]
    return [f"The {execution.workflow} ({execution.id}) is {execution.state}:", *text.indent([*steps, *failed])]


def _attributes(attributes: Iterable[tuple[str, model.Attribute]]) -> list[str]:
    return [f"{text.clean(name)}: {text.attribute(attribute)}" for name, attribute in attributes]


def _differences(differences: list[model.Difference]) -> list[str]:
    if not differences:
        return ["no differences"]
    rows = [
        (text.clean(d.node), text.clean(d.what), text.short(text.value(d.expected)), text.short(text.value(d.found)))
        for d in differences
    ]
    return text.table(("NODE", "WHAT", "EXPECTED", "FOUND"), rows)
