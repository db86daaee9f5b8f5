"""`khutulun logs`."""

import sys

import click

from khutulun.api import arguments
from khutulun.api.frames import Channel
from khutulun.cli import reading
from khutulun.cli.options import NODE, Remote, Target, connected


@click.command()
@click.argument("node", type=NODE, metavar="SERVICE/NODE")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is to come, until Ctrl-C.")
@click.option(
    "-n", "--lines", type=click.IntRange(0), default=100, show_default=True, help="So many of the last lines."
)
@connected(outputs=())
def logs(remote: Remote, node: Target, follow: bool, lines: int) -> int:
    """Show the log of a node, as its technology keeps it.

    \b
    Examples:
      khutulun logs -f hello/web
      khutulun logs -n 1000 hello/web
    """
    assert node.node is not None
    asked = arguments.Logs(node.service, node.node, follow, lines, remote.directory)
    if follow:
        reading.end_with_reader()
    outputs = {Channel.STDOUT: sys.stdout.buffer, Channel.STDERR: sys.stderr.buffer}
    with remote.client.logs(asked) as stream:
        for channel, data in stream:
            outputs[channel].write(data)
            outputs[channel].flush()
    return 1 if stream.exit_code else 0
