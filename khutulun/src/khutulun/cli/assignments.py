"""Inputs: ``--input NAME=VALUE`` and ``--inputs FILE``. Values are YAML 1.2."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from floria import codec, yaml
from floria.values import Value
from khutulun import model

_FLOW = ("[", "{", '"', "'")


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--input` and `--inputs`."""
    command = click.option(
        "--inputs", type=click.Path(path_type=Path, allow_dash=True), metavar="FILE",
        help="A YAML file with a map of inputs ('-': stdin).",
    )(command)  # fmt: skip
    return click.option(
        "-i", "--input", multiple=True, metavar="NAME=VALUE",
        help="An input; overrules --inputs. VALUE is a YAML scalar or flow: 8080, true, '[1, 2]', '{a: b}'.",
    )(command)  # fmt: skip


def read(pairs: tuple[str, ...], file: Path | None) -> dict[str, Value]:
    """Return all inputs; refuses what cannot be read."""
    found = {} if file is None else _file(file)
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise model.refuse("bad-input", f"{pair!r} is not NAME=VALUE", where="--input", hint="--input port=8080")
        found[name] = parse(value, f"--input {name}")
    return found


def parse(text: str, where: str) -> Value:
    """Return what a YAML scalar or flow means; other text (``a: b``, ``- a``) stays text."""
    stripped = text.strip()
    try:
        if stripped.startswith(_FLOW):
            return codec.decode_value(stripped.encode(), codec.Format.YAML, where)
        plain: Value = yaml.scalar(stripped)
    except (codec.CodecError, ValueError) as error:
        hint = "quote text that begins with [, {, \" or ' once more"
        raise model.refuse("bad-input", str(error), where=where, hint=hint) from error
    return text if isinstance(plain, str) else plain


def _file(file: Path) -> dict[str, Value]:
    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise model.refuse(
            "bad-input", f"the inputs cannot be read: {error.strerror}", where=str(file), hint="name a YAML file"
        ) from error
    try:
        found = codec.decode_value(data, codec.Format.YAML, str(file))
    except codec.CodecError as error:
        raise model.refuse("bad-input", str(error), hint="a map of inputs was expected") from error
    if not isinstance(found, dict):
        raise model.refuse(
            "bad-input", "the file holds no map", where=str(file), hint="write one input a line: NAME: VALUE"
        )
    return found
