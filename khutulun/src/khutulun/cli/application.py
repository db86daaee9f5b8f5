"""The root command, and what becomes of everything that goes wrong below it."""

import errno
import os
import sys

import click

from khutulun.cli.lazy import LazyGroup
from khutulun.cli.version import VERSION

_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG)

_OF_COMMANDS = ("--directory", "-d", "--socket", "--context", "--output", "-o")
"""Options that nearly every command has, and that no group of commands has."""

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it."""

_EPILOG = """\b
Environment:
  KHUTULUN_SOCKET     the server's socket (--socket)
  KHUTULUN_CONTEXT    the context (--context)
  KHUTULUN_DIRECTORY  the directory (--directory)
  KHUTULUN_OUTPUT     human, json or yaml (--output)
Every other option has one as well: KHUTULUN_COMMAND_OPTION, as in
KHUTULUN_SERVICE_DEPLOY_NO_WAIT=1.

\b
Exit codes: 0 done, 1 not done, 130 interrupted. 'service plan' ends with 2
when there are changes, 'service validate' with 2 when there are differences;
'exec' with the program's own code, and with 125 when it could not be run.
"""


def _version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(f"khutulun {VERSION}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    commands_at={
        "serve": "serve:serve",
        "service": "service:service",
        "call": "operate:call",
        "logs": "logs:logs",
        "exec": "execute:execute",
        "history": "history:history",
        "events": "events:events",
        "event": "events:event",
        "plugin": "plugin:plugin",
        "secret": "secret:secret",
        "access": "access:access",
        "audit": "audit:audit",
        "adopt": "operate:adopt",
        "completion": "completion:completion",
    },
    context_settings={
        "auto_envvar_prefix": "KHUTULUN",
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
    },
    epilog=_EPILOG,
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
def khutulun() -> None:
    """Describe services once and run them on this machine: processes, jobs, containers, scripts.

    \b
    A first service, in two terminals:
      khutulun serve
      khutulun service deploy examples/hello/service.yaml --name hello
      khutulun service show hello
    """


def run(arguments: list[str]) -> int:
    """Run the command line; return the exit code. Errors are shown as ``error:`` and ``hint:``."""
    try:
        code = khutulun.main(arguments, prog_name="khutulun", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return 1
    except click.UsageError as error:
        return _usage(error)
    except click.ClickException as error:
        return _fail(error.format_message())
    except (click.Abort, KeyboardInterrupt):
        click.echo(err=True)
        return INTERRUPTED
    except BrokenPipeError:
        _write_no_more()
        return 1
    except OSError as error:
        if error.errno not in _UNWRITABLE or error.filename is not None:
            raise
        _write_no_more()
        return _fail(f"the output cannot be written: {error.strerror}", "where it goes there is no space, or no device")
    except Exception as error:
        return _refused(error)
    return code if isinstance(code, int) else 0


def _write_no_more() -> None:
    """Have nothing go wrong any more with what is left of the output."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _refused(error: Exception) -> int:
    from khutulun import model
    from khutulun.cli import problems

    if not isinstance(error, model.Refused):
        raise error
    problems.show(error.problems)
    return 1


def _usage(error: click.UsageError) -> int:
    if error.ctx is None:
        return _fail(error.format_message())
    path, hint = error.ctx.command_path, ""
    in_group = isinstance(error.ctx.command, click.Group)
    if in_group and isinstance(error, click.NoSuchOption) and error.option_name in _OF_COMMANDS:
        hint = f"it stands behind the command: '{path} COMMAND {error.option_name} …'"
    return _fail(error.format_message(), hint or f"see '{path} --help'")


def _fail(message: str, hint: str = "") -> int:
    click.echo(f"error: {message}", err=True)
    if hint:
        click.echo(f"hint: {hint}", err=True)
    return 1
