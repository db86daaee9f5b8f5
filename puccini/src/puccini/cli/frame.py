"""What the commands share: lazily loaded groups, ``error:`` and ``hint:`` lines, exit codes, output formats."""

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from puccini.cli.outcome import CommandError, Exit, Output, colored, complain, lost, opened
from puccini.cli.version import VERSION

__all__ = [
    "CommandError",
    "Exit",
    "LazyGroup",
    "Output",
    "colored",
    "complain",
    "group",
    "output_option",
    "progress",
    "run",
    "serialised",
    "write",
]

Command = TypeVar("Command", bound=Callable[..., Any])
_WIDTH = 100
_LONG = 16 * 1024 * 1024


class LazyGroup(click.Group):
    """A group that imports a command when it is used; `lazy` maps a name to ``module:attribute`` and its help."""

    def __init__(self, *arguments: Any, lazy: Mapping[str, tuple[str, str]], **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.lazy = lazy

    def list_commands(self, context: click.Context) -> list[str]:
        return list(self.lazy)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in self.lazy:
            return None
        module, _, attribute = self.lazy[name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def resolve_command(
        self, context: click.Context, arguments: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = arguments[0]
        if name not in self.lazy and not name.startswith("-"):
            from puccini.diagnostics import suggest

            raise CommandError(f"there is no command {name!r}", suggest(name, self.lazy), Exit.USAGE)
        return super().resolve_command(context, arguments)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in self.lazy.items()])


def group(program: str, commands: Mapping[str, tuple[str, str]], about: str) -> click.Command:
    """Return the top of a command line."""
    made = LazyGroup(program, lazy=commands, help=about, no_args_is_help=True)
    return click.version_option(VERSION, prog_name=program, message="%(prog)s %(version)s")(made)


def run(command: click.Command, program: str) -> int:
    """Run a command line; return its exit code. Errors are written as ``error:`` and ``hint:``."""
    opened()
    try:
        result = command.main(prog_name=program, standalone_mode=False, max_content_width=_WIDTH)
    except CommandError as error:
        complain(error.message, error.hint)
        return error.code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return Exit.USAGE
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx is not None else program
        complain(error.format_message(), f"see: {path} --help")
        return Exit.USAGE
    except click.ClickException as error:
        complain(error.format_message())
        return Exit.UNREADABLE
    except (click.Abort, KeyboardInterrupt):
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 141
    except OSError as error:
        return lost(error)
    return result if isinstance(result, int) else Exit.FINE


@contextmanager
def progress(label: str, total: int) -> "Iterator[Callable[[str, int], None]]":
    """Show on a terminal how many of `total` bytes are done, where that takes time; yield what to tell of each file."""
    if total < _LONG or not sys.stderr.isatty():
        yield lambda name, size: None
        return
    with click.progressbar(length=total, label=label, file=sys.stderr) as bar:
        yield lambda name, size: bar.update(size)


def output_option(command: Command) -> Command:
    """Add ``--output``."""
    return click.option(
        "--output",
        type=click.Choice([one.value for one in Output]),
        default=Output.HUMAN.value,
        callback=lambda context, parameter, value: Output(value),
        help="How to write the result.",
        show_default=True,
    )(command)


def write(output: Output, data: Any, human: str) -> None:
    """Write a result to standard output: `data` as JSON or YAML, or `human`."""
    if output is Output.HUMAN:
        if human:
            click.echo(human)
        return
    click.echo(serialised(output, data), nl=False)


def serialised(output: Output, data: Any) -> bytes:
    """Return `data`, which is plain, as JSON or YAML."""
    if output is Output.YAML:
        from floria import yaml

        return yaml.dump(data).encode()
    import msgspec

    return msgspec.json.format(msgspec.json.encode(data), indent=2) + b"\n"
