"""What ``puccini-tosca validate`` does, without the parser of its options, which takes longer than many files."""

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, NamedTuple

from puccini.cache import loading as cached
from puccini.cache import store as stores
from puccini.catalog import Catalog
from puccini.cli import opening, outcome
from puccini.cli.outcome import CommandError, Exit, Output
from puccini.diagnostics import Diagnostic, Report
from puccini.loading import Loaded


class Checked(NamedTuple):
    """What was found in one file: its diagnostics, the same for people, or why it could not be read."""

    file: str
    valid: bool
    diagnostics: tuple[Diagnostic, ...] = ()
    shown: str = ""
    error: CommandError | None = None


def run(
    files: Sequence[Path],
    strict: bool,
    profiles: Sequence[Path],
    output: Output,
    leave: Callable[[int], object] | None = None,
) -> int:
    """Check `files`, say what was found, return the exit code; `leave` gets it first, while what was read is there."""
    catalogs = opening.catalogs(profiles)
    last: list[Loaded] = []
    with closing(stores.Store(stores.folder())) as store:
        results = [_check(path, strict, catalogs, store, last) for path in files]
    if output is Output.HUMAN:
        for one in results:
            _show(one)
    else:
        from puccini.cli import frame

        frame.write(output, [_plain(one) for one in results], "")
    code = max(one.error.code if one.error else Exit.FINE if one.valid else Exit.INVALID for one in results)
    if leave is not None:
        leave(code)
    return code


def plain(path: Path, valid: bool, diagnostics: Sequence[Diagnostic]) -> dict[str, Any]:
    """Return what was found in one file as data."""
    return {"file": str(path), "valid": valid, "diagnostics": [one.plain() for one in diagnostics]}


def _check(path: Path, strict: bool, catalogs: Sequence[Catalog], store: stores.Store, last: list[Loaded]) -> Checked:
    """Check one file; `last` keeps what was loaded of it until another one is."""
    with ExitStack() as stack:
        try:
            opened = opening.service(path, stack)
        except CommandError as error:
            return Checked(str(path), False, error=error)
        diagnostics = Report(strict)
        texts: dict[str, bytes | None] = {}
        for entry in (opened.entry, *opened.others):
            loaded = cached.load(opened.source, entry, catalogs, store, strict=strict)
            last[:] = [loaded]
            diagnostics.extend(loaded.diagnostics)
            texts |= {one.file: loaded.text(one.file) for one in loaded.diagnostics}
        found = diagnostics.sorted()
        return Checked(str(path), not diagnostics.failed, found, _rendered(found, texts))


def _rendered(found: Sequence[Diagnostic], texts: dict[str, bytes | None]) -> str:
    if not found:
        return ""
    from puccini import rendering

    return rendering.render(found, texts.get, color=outcome.colored(sys.stdout))


def _show(checked: Checked) -> None:
    if checked.error is not None:
        outcome.complain(checked.error.message, checked.error.hint)
        return
    if checked.shown:
        outcome.say(checked.shown)
    outcome.say(f"{checked.file}: {'valid' if checked.valid else 'invalid'}")


def _plain(checked: Checked) -> dict[str, Any]:
    if checked.error is not None:
        return {"file": checked.file, "valid": False, "error": checked.error.message, "hint": checked.error.hint}
    return plain(Path(checked.file), checked.valid, checked.diagnostics)
