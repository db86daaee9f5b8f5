"""``puccini-tosca compile``, and the loading and compiling that ``instantiate`` shares with it."""

import sys
from contextlib import ExitStack
from pathlib import Path

import click

import puccini
from floria import codec
from floria.entities import Bundle
from puccini import rendering
from puccini.cli import checking, frame, opening
from puccini.cli.frame import CommandError, Output
from puccini.diagnostics import Diagnostic, Failed
from puccini.loading import Loaded


@click.command(no_args_is_help=True)
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("-o", "--file", "target", type=click.Path(path_type=Path), metavar="BUNDLE", help="Where to write it.")
@click.option("--name", default="", help="What the service is called; by default what its file says.")
@click.option("--strict", is_flag=True, help="Take for errors what is accepted against the letter of the Standard.")
@opening.profiles_option
@opening.substitutes_option
@opening.network_option
@frame.output_option
def compile(
    file: Path,
    target: Path | None,
    name: str,
    strict: bool,
    profiles: tuple[Path, ...],
    substitutes: tuple[Path, ...],
    output: Output,
) -> None:
    """Compile a service to a Floria bundle: templates, classes and digests of files, with nothing left to look up.

    The bundle is YAML unless --output is json, or the name of BUNDLE ends in .json; it goes to standard output without
    --file. Diagnostics go to standard error. Compiling twice gives the same bytes.

    \b
    puccini-tosca compile service.yaml
    puccini-tosca compile service.csar --file service.json
    """
    bundle = load(file, name, profiles, substitutes, output, strict=strict)
    as_json = output is Output.JSON or (output is Output.HUMAN and target is not None and target.suffix == ".json")
    data = codec.encode_bundle(bundle, codec.Format.JSON if as_json else codec.Format.YAML)
    if target is None:
        click.echo(data, nl=as_json)
        return
    try:
        target.write_bytes(data)
    except OSError as error:
        raise opening.unreadable(target, error) from error


def load(
    file: Path,
    name: str,
    profiles: tuple[Path, ...],
    substitutes: tuple[Path, ...],
    output: Output,
    *,
    strict: bool = False,
) -> Bundle:
    """Return the compiled service in `file`; diagnostics are shown, when there are errors also as data.

    Raises `CommandError` when there are errors.
    """
    with ExitStack() as stack:
        opened = opening.service(file, stack)
        catalogs = opening.catalogs(profiles)
        loaded = puccini.load(opened.source, opened.entry, catalogs, strict=strict)
        candidates = puccini.find_candidates(loaded, catalogs, opening.candidates(opened, substitutes, stack))
        try:
            bundle = puccini.compile(loaded, name, candidates)
        except Failed as error:
            found = _all(loaded, error)
            _show(found, loaded)
            if output is not Output.HUMAN:
                frame.write(output, checking.plain(file, False, found), "")
            raise CommandError(f"{file} cannot be compiled", f"see: puccini-tosca validate {file}") from error
        _show(loaded.diagnostics, loaded)
        return bundle


def _all(loaded: Loaded, error: Failed) -> tuple[Diagnostic, ...]:
    known = set(loaded.diagnostics)
    return (*loaded.diagnostics, *(one for one in error.diagnostics if one not in known))


def _show(diagnostics: tuple[Diagnostic, ...], loaded: Loaded) -> None:
    if diagnostics:
        click.echo(rendering.render(diagnostics, loaded.text, color=frame.colored(sys.stderr)), err=True)
