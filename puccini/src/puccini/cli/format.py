"""``puccini-tosca format``."""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
import msgspec

from puccini import formatting, rendering
from puccini.cli import frame, opening
from puccini.cli.frame import CommandError, Exit, Output
from puccini.diagnostics import Diagnostic, Failed


class Formed(msgspec.Struct, frozen=True):
    """One file: whether it was, or would be, changed; or why it could not be."""

    file: str
    changed: bool = False
    diagnostics: tuple[Diagnostic, ...] = ()
    text: bytes = b""
    error: CommandError | None = None

    @property
    def code(self) -> Exit:
        if self.error is not None:
            return self.error.code
        return Exit.INVALID if self.diagnostics else Exit.FINE


@click.command()
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 when a file is not in form.")
@frame.output_option
def format(files: tuple[Path, ...], check: bool, output: Output) -> int:
    """Put TOSCA files in form: one order of keynames, one layout.

    Comments are kept, and what the file says does not change. Without FILE, or with -, standard input is written to
    standard output. A file that is in form is not touched.

    \b
    puccini-tosca format service.yaml types/*.yaml
    puccini-tosca format --check service.yaml
    puccini-tosca format < service.yaml
    """
    if not files or files == (Path("-"),):
        return _stream(output, check=check)
    results = [_one(path, check=check) for path in files]
    if output is Output.HUMAN:
        for result in results:
            _show(result, check=check)
    else:
        frame.write(output, [_plain(one) for one in results], "")
    code = max(result.code for result in results)
    return Exit.INVALID if code is Exit.FINE and check and any(one.changed for one in results) else code


def _stream(output: Output, *, check: bool) -> int:
    data = sys.stdin.buffer.read()
    result = _formed("standard input", data)
    if output is not Output.HUMAN:
        text = {} if result.diagnostics else {"text": result.text.decode()}
        frame.write(output, {**_plain(result), **text}, "")
    elif result.diagnostics:
        _show(result, check=check)
    elif not check:
        sys.stdout.buffer.write(result.text)
        sys.stdout.buffer.flush()
    return Exit.INVALID if check and result.changed else result.code


def _one(path: Path, *, check: bool) -> Formed:
    try:
        result = _formed(str(path), path.read_bytes())
        if result.changed and not check:
            _replace(path, result.text)
    except OSError as error:
        return Formed(str(path), error=opening.unreadable(path, error))
    return result


def _formed(name: str, data: bytes) -> Formed:
    try:
        text = formatting.format(data.decode("utf-8-sig"), name).encode()
    except UnicodeDecodeError as error:
        place = data[: error.start].count(b"\n") + 1
        message = "the file cannot be read as text"
        return Formed(name, diagnostics=(Diagnostic("yaml-encoding", message, name, place, 1, place, 1),), text=data)
    except Failed as failed:
        return Formed(name, diagnostics=failed.diagnostics, text=data)
    return Formed(name, text != data, text=text)


def _replace(path: Path, text: bytes) -> None:
    """Write a file in one step, so that it is never half of one; links stay links, permissions what they were."""
    target = path.resolve()
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(text)
        draft.chmod(target.stat().st_mode & 0o7777)
        draft.replace(target)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def _show(result: Formed, *, check: bool) -> None:
    if result.error is not None:
        frame.complain(result.error.message, result.error.hint)
    elif result.diagnostics:
        text = result.text
        shown = rendering.render(result.diagnostics, lambda name: text, color=frame.colored(sys.stderr))
        click.echo(shown, err=True)
    elif result.changed:
        click.echo(f"{result.file}: {'not in form' if check else 'put in form'}")


def _plain(result: Formed) -> dict[str, Any]:
    if result.error is not None:
        return {"file": result.file, "changed": False, "error": result.error.message, "hint": result.error.hint}
    found = [one.plain() for one in result.diagnostics]
    return {"file": result.file, "changed": result.changed, "diagnostics": found}
