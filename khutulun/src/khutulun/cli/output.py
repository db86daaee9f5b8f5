"""What a command prints: for people, or the whole answer as JSON or YAML for scripts. Only this goes to stdout."""

from collections.abc import Callable, Hashable, Iterable
from enum import StrEnum
from typing import TypeVar

import click
import msgspec

from floria import yaml
from khutulun.api import wire

T = TypeVar("T")


class Output(StrEnum):
    HUMAN = "human"
    JSON = "json"
    YAML = "yaml"
    DOT = "dot"  # of `service graph` only


def show(output: Output, annotation: Hashable, item: T, human: Callable[[T], Iterable[str]]) -> None:
    """Print `item`, which is of the type `annotation`."""
    if output is Output.HUMAN:
        for line in human(item):
            click.echo(line)
    else:
        click.echo(rendered(output, annotation, item), nl=False)


def show_each(output: Output, annotation: Hashable, item: T, human: Callable[[T], str]) -> None:
    """Print one of a stream of items: a line for people, a line of JSON, or a YAML document."""
    match output:
        case Output.JSON:
            click.echo(msgspec.json.encode(wire.full(annotation, item)))
        case Output.YAML:
            click.echo("---\n" + rendered(output, annotation, item), nl=False)
        case _:
            click.echo(human(item))


def show_script(output: Output, script: str) -> None:
    """Print a shell script as it is, or as the member `script`."""
    if output is Output.HUMAN:
        click.echo(script, nl=False)
    else:
        click.echo(rendered(output, dict[str, str], {"script": script}), nl=False)


def rendered(output: Output, annotation: Hashable, item: object) -> str:
    """Return `item` as JSON or YAML, with every field."""
    plain = msgspec.to_builtins(wire.full(annotation, item))
    if output is Output.YAML:
        return yaml.dump(plain)
    return msgspec.json.format(msgspec.json.encode(plain), indent=2).decode() + "\n"
