"""``puccini-tosca validate``."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import click
import msgspec

from puccini import rendering
from puccini.cache import loading as cached
from puccini.cache import store as stores
from puccini.catalog import Catalog
from puccini.cli import frame, opening
from puccini.cli.frame import CommandError, Exit, Output
from puccini.diagnostics import Diagnostic, Report


class Checked(msgspec.Struct, frozen=True):
    """What was found in one file: its diagnostics, the same for people, or why it could not be read."""

    file: str
    valid: bool
    diagnostics: tuple[Diagnostic, ...] = ()
    shown: str = ""
    error: CommandError | None = None


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
    catalogs = opening.catalogs(profiles)
    with closing(stores.Store(stores.folder())) as store:
        results = [_check(path, strict, catalogs, store) for path in files]
    if output is Output.HUMAN:
        for one in results:
            _show(one)
    else:
        frame.write(output, [_plain(one) for one in results], "")
    codes = [one.error.code if one.error else Exit.FINE if one.valid else Exit.INVALID for one in results]
    return max(codes)


def plain(path: Path, valid: bool, diagnostics: Sequence[Diagnostic]) -> dict[str, Any]:
    """Return what was found in one file as data."""
    return {"file": str(path), "valid": valid, "diagnostics": msgspec.to_builtins(tuple(diagnostics))}


def _check(path: Path, strict: bool, catalogs: Sequence[Catalog], store: stores.Store) -> Checked:
    with ExitStack() as stack:
        try:
            opened = opening.service(path, stack)
        except CommandError as error:
            return Checked(str(path), False, error=error)
        diagnostics = Report(strict)
        texts: dict[str, bytes | None] = {}
        for entry in (opened.entry, *opened.others):
            loaded = cached.load(opened.source, entry, catalogs, store, strict=strict)
            diagnostics.extend(loaded.diagnostics)
            texts |= {one.file: loaded.text(one.file) for one in loaded.diagnostics}
        found = diagnostics.sorted()
        shown = rendering.render(found, texts.get, color=frame.colored(sys.stdout))
        return Checked(str(path), not diagnostics.failed, found, shown)


def _show(checked: Checked) -> None:
    if checked.error is not None:
        frame.complain(checked.error.message, checked.error.hint)
        return
    if checked.shown:
        click.echo(checked.shown)
    click.echo(f"{checked.file}: {'valid' if checked.valid else 'invalid'}")


def _plain(checked: Checked) -> dict[str, Any]:
    if checked.error is not None:
        return {"file": checked.file, "valid": False, "error": checked.error.message, "hint": checked.error.hint}
    return plain(Path(checked.file), checked.valid, checked.diagnostics)
