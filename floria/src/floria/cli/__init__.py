"""The ``floria`` command. `main` is its entry point."""

import os
import sys
from collections.abc import Sequence

import click

from floria.cli import moving, reading
from floria.cli.context import OUTPUT_HELP, STORE_HELP, Settings
from floria.cli.output import OUTPUTS, Output

MANUAL = """Look into a Floria store, move what is in it, back it up.

A store is named by an address: PATH or sqlite:PATH, a SQLite file. Give it with --store, before or after the command,
or in the environment variable FLORIA_STORE.

Reading and backup work while another process has the store open; import and restore do not.

\b
Exit codes: 0 done, 1 an error (error: and hint: on standard error), 2 wrong usage, 130 interrupted.
"""


@click.group(help=MANUAL, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--store", "address", metavar="ADDRESS", envvar="FLORIA_STORE", help=STORE_HELP)
@click.option("--output", type=click.Choice(OUTPUTS), default=Output.HUMAN.value, help=OUTPUT_HELP)
@click.version_option(package_name="khutulun-floria", message="%(version)s")
@click.pass_context
def cli(context: click.Context, address: str | None, output: str) -> None:
    context.obj = Settings(address, Output(output))


for command in (*reading.COMMANDS, *moving.COMMANDS):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    try:
        result = cli.main(args=arguments, prog_name="floria", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return 2
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx is not None else "floria"
        return _failed(error.format_message(), f"{path} --help tells how", 2)
    except click.Abort:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except _expected() as error:
        return _failed(str(error), getattr(error, "hint", ""), 1)
    return result if isinstance(result, int) else 0


def _expected() -> tuple[type[Exception], ...]:
    from floria.codec import CodecError
    from floria.store.expressions import ExpressionError
    from floria.store.interface import StoreError

    return StoreError, CodecError, ExpressionError, OSError


def _failed(message: str, hint: str, code: int) -> int:
    click.echo(f"error: {message}", err=True)
    if hint:
        click.echo(f"hint: {hint}", err=True)
    return code
