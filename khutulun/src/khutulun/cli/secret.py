"""`khutulun secret …`."""

import os
import sys
from pathlib import Path

import click

from khutulun import model
from khutulun.cli import output, text
from khutulun.cli.options import Remote, connected


@click.group()
def secret() -> None:
    """Secrets: passwords and keys that designs name, and that nobody is shown."""


@secret.command("set")
@click.argument("name")
@click.option("-f", "--file", type=click.Path(path_type=Path), help="Read the value from FILE.  [default: stdin]")
@connected
def set_secret(remote: Remote, name: str, file: Path | None) -> None:
    """Set the secret NAME of a directory, or give it another value.

    The value is what comes on stdin, without the newline at its end; at a terminal you are asked for it. It is never an
    argument, which every user of the machine could see. Nodes that use the secret get the event `secret-changed` when
    it has another value than before.

    \b
    Examples:
      khutulun secret set database-password
      pass show database | khutulun secret set database-password --directory /team
      khutulun secret set tls-key --file key.pem
    """
    found = remote.client.set_secret(name, _value(name, file), remote.directory)
    output.show(remote.output, model.Secret, found, lambda one: [f"{one.name} is set, in {one.directory}"])


@secret.command("list")
@connected
def list_secrets(remote: Remote) -> None:
    """List the secrets that a directory sees. Their values are not shown to anybody."""
    output.show(remote.output, list[model.Secret], remote.client.secrets(remote.directory), _table)


@secret.command()
@click.argument("name")
@connected
def remove(remote: Remote, name: str) -> None:
    """Remove the secret NAME from a directory. It is refused while a service uses it."""
    remote.client.remove_secret(name, remote.directory)
    output.show(remote.output, dict[str, str], {"removed": name}, lambda _: [f"{name} is removed"])


def _value(name: str, file: Path | None) -> bytes:
    if file is None and os.isatty(0):
        given: str = click.prompt(f"Value of {name}", hide_input=True, confirmation_prompt=True, err=True)
        return given.encode()
    try:
        content = sys.stdin.buffer.read() if file is None else file.read_bytes()
    except OSError as error:
        raise model.refuse(
            "unreadable", f"it cannot be read: {error.strerror}", where=str(file), hint="name a file with the value"
        ) from error
    return content.removesuffix(b"\n").removesuffix(b"\r")


def _table(secrets: list[model.Secret]) -> list[str]:
    rows = [(one.name, one.directory, text.moment(one.created), text.moment(one.modified)) for one in secrets]
    return text.table(("NAME", "DIRECTORY", "SET", "CHANGED"), rows)
