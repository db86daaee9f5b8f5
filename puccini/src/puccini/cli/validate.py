"""``puccini-tosca validate``."""

from pathlib import Path

import click

from puccini.cli import checking, frame, opening
from puccini.cli.outcome import Output


@click.command(no_args_is_help=True)
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option("--strict", is_flag=True, help="Take for errors what is accepted against the letter of the Standard.")
@opening.profiles_option
@opening.network_option
@frame.output_option
def validate(files: tuple[Path, ...], strict: bool, profiles: tuple[Path, ...], output: Output) -> int:
    """Check TOSCA files and archives.

    One run reports all independent errors of every FILE, each with file, line, column and the path of the object. Of an
    archive, the files with substitution candidates are checked too.

    What was found out about large trees of profiles is kept for the next run: in the folder that PUCCINI_CACHE names,
    or else in the user's cache folder. An empty PUCCINI_CACHE keeps nothing.

    \b
    puccini-tosca validate service.yaml
    puccini-tosca validate --strict --output json service.csar types/*.yaml
    """
    return checking.run(files, strict, profiles, output)
