"""``puccini-tosca instantiate``."""

import sys
from pathlib import Path
from typing import Any

import click

from floria import codec
from floria.evaluation import EvaluationError
from floria.instantiation import InstantiationError, Problem
from floria.values import Value, is_literal
from puccini.cli import compile as compiling
from puccini.cli import frame, opening, showing
from puccini.cli.frame import CommandError, Output
from puccini.cli.simulation import Reaction, Simulation, plain


@click.command(no_args_is_help=True)
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--input", "pairs", multiple=True, metavar="NAME=VALUE", help="An input; the value is YAML. Repeatable.")
@click.option(
    "--inputs",
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE",
    help="A YAML or JSON file of inputs, or - for standard input. --input wins.",
)
@click.option(
    "--event",
    "events",
    multiple=True,
    metavar="NAME[@NODE]",
    help="An event that happens next, to a node, one of several (web[1]), a part of one (web/endpoint), or, without"
    " NODE, to all that handle it. Repeatable, in order.",
)
@click.option("--name", default="", help="What the service is called; by default what its file says.")
@opening.profiles_option
@opening.substitutes_option
@opening.network_option
@frame.output_option
def instantiate(
    file: Path,
    pairs: tuple[str, ...],
    inputs: Path | None,
    events: tuple[str, ...],
    name: str,
    profiles: tuple[Path, ...],
    substitutes: tuple[Path, ...],
    output: Output,
) -> None:
    """Try a service out without anything running: compile it, create its graph in memory, let events happen.

    Shows the nodes with their properties and relationships, the outputs, and for every event the handlers that would
    run, and their inputs. Operations are not executed, so attributes that they would set have no value. Where a
    requirement finds no target, each candidate is listed with the reason against it.

    \b
    puccini-tosca instantiate service.yaml --input port=8080
    puccini-tosca instantiate service.csar --inputs inputs.yaml --event failed@web --output json
    """
    given = {**(_file(inputs) if inputs else {}), **dict(_pair(pair) for pair in pairs)}
    bundle = compiling.load(file, name, profiles, substitutes, output)
    title = name or file.resolve().name.partition(".")[0]
    try:
        simulation = Simulation(bundle, title, given)
    except InstantiationError as error:
        if output is not Output.HUMAN:
            frame.write(
                output, {"file": str(file), "valid": False, "problems": [_problem(one) for one in error.problems]}, ""
            )
        raise CommandError(
            f"{file} cannot be instantiated\n" + "\n".join(str(problem) for problem in error.problems),
            "" if any(problem.refusals for problem in error.problems) else "inputs are given with --input NAME=VALUE",
        ) from error
    reactions = [(event, _react(simulation, event)) for event in events]
    human = showing.service(simulation, reactions) if output is Output.HUMAN else ""
    frame.write(output, _data(simulation, reactions) if output is not Output.HUMAN else None, human)


def _problem(found: Problem) -> dict[str, Any]:
    """Return why something cannot be created; of a requirement, each candidate and what speaks against it."""
    return {
        "code": found.code,
        "message": found.message,
        "where": found.where,
        "origin": found.origin,
        "refusals": [{"candidate": one.label, "reason": one.reason} for one in found.refusals],
    }


def _react(simulation: Simulation, event: str) -> list[Reaction]:
    label, _, node = event.partition("@")
    if not label:
        raise click.UsageError(f"--event {event!r} has no name; write NAME or NAME@NODE")
    try:
        return simulation.react(label, node or None)
    except EvaluationError as error:
        raise CommandError(f"--event {event}: {error.message}") from error


def _pair(pair: str) -> tuple[str, Value]:
    name, equals, text = pair.partition("=")
    if not equals or not name:
        raise click.UsageError(f"--input {pair!r} is not NAME=VALUE")
    return name, _decoded(text.encode(), f"--input {name}")


def _file(path: Path) -> dict[str, Value]:
    if str(path) == "-":
        content, name = sys.stdin.buffer.read(), "standard input"
    else:
        try:
            content, name = path.read_bytes(), str(path)
        except OSError as error:
            raise opening.unreadable(path, error) from error
    found = _decoded(content, name)
    if not isinstance(found, dict):
        raise CommandError(f"{name} is not a map of inputs", "write one 'name: value' a line")
    return found


def _decoded(content: bytes, name: str) -> Value:
    try:
        value = codec.decode_value(content, codec.Format.YAML, name)
    except codec.CodecError as error:
        raise CommandError(str(error), "values are YAML; quote text that YAML takes for something else") from error
    if not is_literal(value):
        raise CommandError(f"{name} holds a function", "inputs are literal; write $$ for text that begins with $")
    return value


def _data(simulation: Simulation, reactions: list[tuple[str, list[Reaction]]]) -> dict[str, Any]:
    found = simulation.current()
    return {
        "name": simulation.plan.name,
        "outputs": plain(simulation.outputs()),
        "vertexes": [
            {
                "label": simulation.label(one),
                "classes": list(one.classes),
                "index": one.index,
                "properties": plain(simulation.properties(one)),
            }
            for one in found.vertexes.values()
        ],
        "edges": [
            {
                "name": one.name,
                "index": one.index,
                "source": simulation.label(one.source),
                "target": simulation.label(one.target),
                "classes": list(one.classes),
                "properties": plain(simulation.properties(one)),
            }
            for one in found.edges.values()
        ],
        "unsatisfied": [str(note) for note in simulation.plan.notes],
        "events": [{"event": event, "handlers": [_reaction(one) for one in found]} for event, found in reactions],
    }


def _reaction(reaction: Reaction) -> dict[str, Any]:
    result: dict[str, Any] = {
        "event": reaction.event,
        "entity": reaction.entity,
        "handler": reaction.handler,
        "status": reaction.status,
        "call": reaction.call,
        "detail": codec.to_plain(reaction.detail),
        "inputs": plain(reaction.inputs),
    }
    if reaction.error is not None:
        result["error"] = {"code": reaction.error.code, "message": reaction.error.message}
    return result
