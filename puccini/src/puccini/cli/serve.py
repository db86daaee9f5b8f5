"""``puccini-tosca serve``: the language server."""

from pathlib import Path

import click

from puccini.cli import opening
from puccini.cli.frame import CommandError, Exit


@click.command()
@click.option("--stdio", is_flag=True, help="Use standard input and output; it is what is used anyway.")
@click.option("--strict", is_flag=True, help="Take for errors what is accepted against the letter of the Standard.")
@opening.profiles_option
def serve(stdio: bool, strict: bool, profiles: tuple[Path, ...]) -> None:
    """Serve an editor over standard input and output (Language Server Protocol).

    Diagnostics while typing, completion, hover, go to definition, references, rename, outline. An editor starts it; to
    it, TOSCA files are YAML files with 'tosca_definitions_version', or files of the language 'tosca'.
    """
    try:
        from puccini.server.protocol import Server
    except ModuleNotFoundError as error:
        message = f"the language server needs the package {error.name!r}, which is not installed"
        raise CommandError(message, "install khutulun-puccini with all that it needs", Exit.UNREADABLE) from error
    Server(opening.catalogs(profiles), strict=strict).run()
