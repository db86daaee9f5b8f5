"""``puccini-tosca``: validate, compile, try out, describe and format TOSCA files and archives; serve editors."""

import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from puccini.cli.version import VERSION

PROGRAM = "puccini-tosca"
COMMANDS = {
    "validate": ("puccini.cli.validate:validate", "Check TOSCA files and archives; report everything that is wrong."),
    "compile": ("puccini.cli.compile:compile", "Compile a service to Floria templates."),
    "instantiate": (
        "puccini.cli.instantiate:instantiate",
        "Try a service out in memory: graph, outputs, handlers.",
    ),
    "describe": ("puccini.cli.describe:describe", "Show types with all they inherit, or a service from outside."),
    "format": ("puccini.cli.format:format", "Put TOSCA files in form."),
    "serve": ("puccini.cli.serve:serve", "Serve an editor (Language Server Protocol)."),
}
HELP = """Read TOSCA files and archives (CSAR): TOSCA 2.0, and 1.0 to 1.3.

FILE is a TOSCA file, a folder, or an archive (.csar, .zip, .tar, .tar.gz, .tgz). In a folder or an archive, definitions
begin in the file that TOSCA.meta names, or in the only YAML file at the root. Which version of TOSCA a file is of, it
says itself: tosca_definitions_version.

Profiles that are imported by name are looked up in the folders given with --profiles, or in those that the environment
variable PUCCINI_PROFILES lists: FOLDER/NAME/VERSION/profile.yaml is the profile NAME:VERSION.

Exit codes: 0 valid, 1 invalid, 2 wrong usage, 3 something cannot be read or written.
"""


def program() -> NoReturn:
    """Run the command line as a process that does nothing else."""
    sys.exit(main(_leave))


def main(leave: Callable[[int], object] | None = None) -> int:
    """Run the command line; a validation calls `leave` with its exit code, while all that it read is still there."""
    if sys.argv[1:] == ["--version"]:
        print(f"{PROGRAM} {VERSION}")
        return 0
    if plain(sys.argv[1:]):
        from floria.garbage import uncollected

        with uncollected():
            from pathlib import Path

            from puccini.cli import checking, outcome

        try:
            outcome.opened()
            return checking.run([Path(one) for one in sys.argv[2:]], False, (), outcome.Output.HUMAN, leave)
        except KeyboardInterrupt:
            return 130
        except BrokenPipeError:
            sys.stderr.close()
            return 141
        except OSError as error:
            return outcome.lost(error)
    from puccini.cli import frame

    return frame.run(frame.group(PROGRAM, COMMANDS, HELP), PROGRAM)


def plain(arguments: Sequence[str]) -> bool:
    """Whether `arguments` are ``validate`` and files, without options: then there is nothing to import a parser for."""
    if len(arguments) < 2 or arguments[0] != "validate" or os.environ.get("PUCCINI_PROFILES"):
        return False
    return not any(one.startswith("-") or not one for one in arguments)


def _leave(code: int) -> None:
    """End the process, without freeing one by one all objects that were made, which takes as long as to read them."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    program()
