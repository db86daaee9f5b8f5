"""Grants of plugins: shown, and asked for."""

import os
from collections.abc import Callable, Iterable
from typing import TypeVar

import click
import msgspec

from floria.values import Value
from khutulun import model
from khutulun.cli import text

T = TypeVar("T")

NEEDED = "grants-needed"


class Wanted(msgspec.Struct, frozen=True):
    """What one plugin asks for, in sentences."""

    plugin: str
    grants: tuple[str, ...] = ()
    full_access: tuple[str, ...] = ()


def option(command: Callable[..., T]) -> Callable[..., T]:
    """Give a command `--yes`."""
    return click.option("-y", "--yes", is_flag=True, help="Grant what plugins ask for, without a question.")(command)


def granted(request: model.DeployRequest, send: Callable[[model.DeployRequest], T], *, yes: bool) -> T:
    """Send a request; when its design brings plugins, show what they ask for, ask, and send it again."""
    try:
        return send(request)
    except model.Refused as refused:
        wanted = list(_wanted(refused))
        if not wanted:
            raise
    ask(wanted, yes=yes)
    names = tuple(dict.fromkeys([*request.grant, *(one.plugin for one in wanted)]))
    return send(msgspec.structs.replace(request, grant=names))


def ask(wanted: Iterable[Wanted], *, yes: bool) -> None:
    """Show what plugins ask for; return when it is granted, refuse when it is not."""
    for one in wanted:
        for line in lines(one):
            click.echo(line, err=True)
    if yes:
        return
    if not os.isatty(0):
        raise model.refuse(
            NEEDED, "nobody can be asked to grant this: stdin is no terminal", hint="read it, then add --yes"
        )
    if not click.confirm("Grant this?", err=True):
        raise model.refuse("not-granted", "it was not granted; nothing was changed")


def lines(wanted: Wanted, verb: str = "asks for") -> list[str]:
    """Return what one plugin asks for (or, with another verb, has), full access first."""
    asks = [
        *(f"FULL ACCESS: {text.clean(sentence)}" for sentence in wanted.full_access),
        *(text.clean(sentence) for sentence in wanted.grants if sentence not in wanted.full_access),
    ]
    return [f"The plugin {text.clean(wanted.plugin)!r} {verb}:", *text.indent(asks or ["nothing"])]


def _wanted(refused: model.Refused) -> Iterable[Wanted]:
    for problem in refused.problems:
        if problem.code == NEEDED:
            details: list[Value] = problem.detail if isinstance(problem.detail, list) else [problem.detail]
            for detail in details:
                yield msgspec.convert(detail, Wanted)
