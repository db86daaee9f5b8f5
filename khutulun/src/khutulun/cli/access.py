"""`khutulun access …`."""

import click

from khutulun import model
from khutulun.cli import output, text
from khutulun.cli.options import Remote, connected

ROLES = ("viewer", "operator", "owner", "none")


@click.group()
def access() -> None:
    """Roles of users and groups in directories."""


@access.command("list")
@connected
def list_access(remote: Remote) -> None:
    """List who has which role in a directory, and which directory says so."""
    output.show(remote.output, list[model.Access], remote.client.access(remote.directory), _table)


@access.command()
@click.argument("who")
@click.argument("role", type=click.Choice(ROLES))
@connected
def grant(remote: Remote, who: str, role: str) -> None:
    """Give WHO (a user, group:NAME, or '*' for everybody) a ROLE in a directory and below it.

    A viewer may look; an operator may also deploy, operate and set secrets; an owner may also add plugins and give
    roles. What a nearer directory says counts, so `none` takes away there what one above gives.

    \b
    Examples:
      khutulun access grant worker operator --directory /team
      khutulun access grant group:staff viewer
    """
    given = remote.client.grant_access(who, role, remote.directory)
    output.show(
        remote.output, model.Access, given, lambda one: [f"{one.who} has the role {one.role} in {one.directory}"]
    )


@access.command()
@click.argument("who")
@connected
def revoke(remote: Remote, who: str) -> None:
    """Take back the role that a directory gives WHO."""
    remote.client.revoke_access(who, remote.directory)
    line = f"{who} has no role from {remote.directory}"
    output.show(remote.output, dict[str, str], {"revoked": who}, lambda _: [line])


def _table(found: list[model.Access]) -> list[str]:
    return text.table(("WHO", "ROLE", "FROM"), [(text.clean(one.who), one.role, one.directory) for one in found])
