"""``floria export``, ``import``, ``backup`` and ``restore``."""

import os
import sys
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import click

from floria import store as stores
from floria.cli.context import Settings, pass_settings
from floria.store import exports
from floria.store.interface import StoreError

_STEP = 500
file_argument = click.argument("file", type=click.Path(path_type=Path, allow_dash=True))


class Progress:
    """Counts what was moved, on the terminal while it goes on and in one line at the end."""

    def __init__(self, verb: str) -> None:
        self._verb = verb
        self._counts: Counter[str] = Counter()
        self._live = sys.stderr.isatty()

    def __call__(self, what: str) -> None:
        self._counts[what] += 1
        if self._live and self._counts.total() % _STEP == 0:
            click.echo(f"\r{self._summary()}", err=True, nl=False)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._live:
            click.echo("\r\x1b[K", err=True, nl=False)
        if error is None:
            click.echo(self._summary(), err=True)

    def _summary(self) -> str:
        counts = [f"{self._counts[what]} {plural}" for what, plural in _PLURALS.items()]
        return f"{self._verb} {', '.join(counts)}"


_PLURALS = {"entity": "entities", "record": "journal records", "blob": "blobs"}


@click.command()
@file_argument
@click.option("--blobs", is_flag=True, help="Also the blobs (files, plugins).")
@click.option("--replace", is_flag=True, help="Overwrite FILE.")
@pass_settings
def export(settings: Settings, file: Path, blobs: bool, replace: bool) -> None:
    """Write the whole graph to FILE (- is standard output) as JSON lines, as it is at one moment.

    Entities, what is allocated and claimed, and the journals; with --blobs, the blobs. The file can be read into any
    store, of any backend: floria import.

    \b
    floria --store state.db export graph.jsonl
    floria --store state.db export - | jq .entity.name
    """
    with settings.store() as store, Progress("exported") as progress:
        if str(file) == "-":
            exports.write(store, sys.stdout.buffer, blobs=blobs, progress=progress)
            return
        _check_free(file, replace)
        partial = file.with_name(f".{file.name}.partial")
        try:
            with _private(partial) as content:
                exports.write(store, content, blobs=blobs, progress=progress)
            partial.replace(file)
        finally:
            partial.unlink(missing_ok=True)


@click.command("import")
@file_argument
@click.option("--replace", is_flag=True, help="Overwrite entities that are there already.")
@pass_settings
def import_(settings: Settings, file: Path, replace: bool) -> None:
    """Read an export from FILE (- is standard input) into the store, all or nothing.

    The store is made when it is not there. Revisions begin anew, and the times of entities are those of the import;
    for an exact copy, see floria backup.
    """
    with settings.store(read_only=False) as store, Progress("imported") as progress:
        if str(file) == "-":
            exports.read(store, sys.stdin.buffer, name="standard input", replace=replace, progress=progress)
            return
        with file.open("rb") as content:
            exports.read(store, content, name=str(file), replace=replace, progress=progress)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="Overwrite FILE.")
@pass_settings
def backup(settings: Settings, file: Path, replace: bool) -> None:
    """Copy the whole store, blobs included, to FILE, while it is in use.

    The copy is of one moment. FILE is there completely or not at all.

    \b
    floria --store /var/lib/khutulun/state.db backup state.backup
    """
    _check_free(file, replace)
    with settings.store() as store:
        store.backup(file)
    click.echo(f"backed up to {file}", err=True)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="Instead of the store that is there.")
@pass_settings
def restore(settings: Settings, file: Path, replace: bool) -> None:
    """Make the store from the backup FILE.

    No process may have the store open. Without --replace, there must be no store at the address.

    \b
    floria --store /var/lib/khutulun/state.db restore --replace state.backup
    """
    stores.restore(file, settings.store_address(), replace=replace)
    click.echo(f"restored from {file}", err=True)


COMMANDS = (export, import_, backup, restore)


def _check_free(file: Path, replace: bool) -> None:
    if file.exists() and not replace:
        raise StoreError(f"{file}: it is there already", "use --replace to overwrite it")


def _private(path: Path) -> BinaryIO:
    """Open a new file that only its owner can read: the graph may hold what is nobody else's business."""
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
