"""`khutulun events`, `khutulun service events` and `khutulun event emit`."""

import itertools

import click

from khutulun import model
from khutulun.api import arguments
from khutulun.cli import assignments, happenings, output, reading
from khutulun.cli.options import SERVICE, SERVICE_OR_NODE, Remote, Target, connected

_FOLLOW = click.option("-f", "--follow", is_flag=True, help="Go on with the events to come, until Ctrl-C.")
_AFTER = click.option("--after", type=int, metavar="POSITION", help="Only events after this position.")
_LIMIT = click.option(
    "-n",
    "--limit",
    type=click.IntRange(1),
    metavar="N",
    help="At most so many of those that were: the newest, or with --after the next.  [default: 100; with --after all]",
)
_NEWEST = 100


@click.command()
@_FOLLOW
@_AFTER
@_LIMIT
@connected
def events(remote: Remote, follow: bool, after: int | None, limit: int | None) -> None:
    """Show what has happened in a directory: events of workloads, what handled them, progress of executions.

    \b
    Examples:
      khutulun events -f
      khutulun events --after 4711 --output json
    """
    _print(remote, arguments.Events(None, remote.directory, after, follow, limit or _NEWEST), limit)


@click.command("events")
@click.argument("name", type=SERVICE)
@_FOLLOW
@_AFTER
@_LIMIT
@connected
def service_events(remote: Remote, name: str, follow: bool, after: int | None, limit: int | None) -> None:
    """Show what has happened in the service NAME."""
    _print(remote, arguments.Events(name, remote.directory, after, follow, limit or _NEWEST), limit)


@click.group()
def event() -> None:
    """Send events."""


@event.command()
@click.argument("name")
@click.argument("target", type=SERVICE_OR_NODE, metavar="[SERVICE[/NODE]]", required=False)
@click.option("--data", metavar="VALUE", help="What the event carries: a YAML scalar or flow.")
@connected
def emit(remote: Remote, name: str, target: Target | None, data: str | None) -> None:
    """Send the event NAME to a node, to a service, or to everything in the directory. Its handlers run at once.

    \b
    Examples:
      khutulun event emit backup-wanted shop/database
      khutulun event emit rotated shop --data '{secret: api-key}'
    """
    value = None if data is None else assignments.parse(data, "--data")
    service, node = target or (None, None)
    sent = remote.client.emit(arguments.Emission(name, service, node, value, remote.directory))
    output.show(remote.output, model.Event, sent, lambda found: [happenings.line(found)])


def _print(remote: Remote, asked: arguments.Events, limit: int | None) -> None:
    last = asked.after
    if asked.follow and last is not None and limit is not None:
        raise click.UsageError("--limit does not go with --follow and --after.", click.get_current_context())
    if asked.follow:
        reading.end_with_reader()
    try:
        with remote.client.events(asked) as stream:
            for found in itertools.islice(stream, None if asked.after is None else limit):
                output.show_each(remote.output, model.Event, found, happenings.line)
                last = found.position
    except model.Refused as refused:
        if last is None or refused.problems[0].code != "connection-lost":
            raise
        raise model.refuse(
            "connection-lost",
            refused.problems[0].message,
            hint=f"nothing is lost: go on with --after {last} when the server is back",
            status=503,
        ) from refused
