"""`khutulun call` and `khutulun adopt`: one node, by hand."""

from pathlib import Path

import click

from floria import codec
from khutulun import model
from khutulun.cli import assignments, effects, output, text
from khutulun.cli.options import NODE, Remote, Target, connected


@click.command()
@click.argument("node", type=NODE, metavar="SERVICE/NODE")
@click.argument("operation", metavar="INTERFACE.OPERATION")
@assignments.options
@connected
def call(remote: Remote, node: Target, operation: str, input: tuple[str, ...], inputs: Path | None) -> None:
    """Call an operation of a node by hand, and print what it returns.

    \b
    Examples:
      khutulun call hello/web lifecycle.stop
      khutulun call shop/database maintenance.backup --input to=/srv/backup
    """
    given = assignments.read(input, inputs)
    assert node.node is not None
    result = remote.client.call(node.service, node.node, operation, given, remote.directory)
    output.show(remote.output, model.CallResult, result, _result)


@click.command()
@click.argument("node", type=NODE, metavar="SERVICE/NODE")
@click.argument("existing", metavar="NAME")
@connected
def adopt(remote: Remote, node: Target, existing: str) -> None:
    """Take what runs already under NAME (a unit, a container) as a node, without a restart.

    The service is there; `khutulun service deploy --adopt` makes one that adopts from the beginning.

    \b
    Example:
      khutulun adopt legacy/web nginx.service
    """
    assert node.node is not None
    result = remote.client.adopt(node.service, node.node, existing, remote.directory)
    output.show(remote.output, model.CallResult, result, _result)


def _result(result: model.CallResult) -> list[str]:
    lines = effects.grouped(result.effects)
    if isinstance(result.result, str):
        return [*lines, text.clean(result.result)]
    if result.result is None:
        return lines or ["done"]
    return [*lines, codec.encode_value(result.result, codec.Format.YAML).decode().rstrip()]
