"""`khutulun audit`."""

import click

from khutulun import model
from khutulun.api import arguments
from khutulun.cli import output, text
from khutulun.cli.options import SERVICE, Remote, connected


@click.command()
@click.argument("service", type=SERVICE, required=False)
@click.option(
    "-n", "--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="At most so many, the newest."
)
@connected
def audit(remote: Remote, service: str | None, limit: int) -> None:
    """Show who has asked for what in a directory or for a SERVICE, when, and what has become of it.

    \b
    Examples:
      khutulun audit
      khutulun audit shop --limit 10
      khutulun audit --directory /team --output json
    """
    found = remote.client.audit(arguments.Audit(service, remote.directory, limit))
    output.show(remote.output, list[model.Audited], found, _table)


def _table(found: list[model.Audited]) -> list[str]:
    rows = [
        (text.moment(one.time), text.clean(one.by), _what(one), text.clean(_where(one)), _became(one)) for one in found
    ]
    return text.table(("WHEN", "WHO", "WHAT", "WHERE", "OUTCOME"), rows)


def _what(one: model.Audited) -> str:
    """Return an action with what it is about: `call lifecycle.stop`, `access-granted worker viewer`."""
    about = (one.data.get(name) for name in ("operation", "workflow", "event", "program", "existing"))
    rest = (one.data.get(name) for name in ("who", "role", "secret", "plugin"))
    return " ".join([one.action, *(text.short(text.value(item)) for item in (*about, *rest) if item)])


def _where(one: model.Audited) -> str:
    path = "/".join(part for part in (one.directory.rstrip("/"), one.service, one.node) if part)
    return path if path.startswith("/") else f"/{path}"


def _became(one: model.Audited) -> str:
    if one.problem is None:
        return one.outcome
    return f"{one.outcome}: {text.clean(one.problem.message)}"
