"""What all commands share: the settings of the command line and the store that they name."""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import click

from floria.cli.output import OUTPUTS, Output
from floria.store.interface import Store


class Settings(NamedTuple):
    """The options before the command."""

    address: str | None
    output: Output

    def store_address(self) -> str:
        """Return the address of the store; without one, the usage is wrong."""
        if not self.address:
            raise click.UsageError("no store was named: give --store ADDRESS or set FLORIA_STORE")
        return self.address

    @contextmanager
    def store(self, *, read_only: bool = True) -> Iterator[Store]:
        """Open the store for the length of a command."""
        from floria import store

        opened = store.open(self.store_address(), read_only=read_only)
        try:
            yield opened
        finally:
            opened.close()


STORE_HELP = "The address of the store; or FLORIA_STORE."
OUTPUT_HELP = "How results are written to standard output (human)."


def pass_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options --store and --output, which may also stand before it, and their settings."""

    @functools.wraps(command)
    def run(*, _store: str | None, _output: str | None, **arguments: Any) -> None:
        before = click.get_current_context().find_object(Settings) or Settings(None, Output.HUMAN)
        output = before.output if _output is None else Output(_output)
        command(Settings(_store or before.address, output), **arguments)

    run = click.option("--output", "_output", type=click.Choice(OUTPUTS), help=OUTPUT_HELP)(run)
    return click.option("--store", "_store", metavar="ADDRESS", help=STORE_HELP)(run)
