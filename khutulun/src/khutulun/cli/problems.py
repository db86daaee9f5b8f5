"""Problems on stderr, as people read them: ``error:``, where it is, and ``hint:``."""

import os
from collections.abc import Iterable

import click

from khutulun import model
from khutulun.cli import text


def show(problems: Iterable[model.Problem]) -> None:
    """Show problems in their order; the same hint in a row is shown once."""
    shown = list(problems)
    for index, problem in enumerate(shown):
        click.echo(_priority() + line(problem), err=True)
        following = shown[index + 1].hint if index + 1 < len(shown) else ""
        if problem.hint and problem.hint != following:
            click.echo(f"hint: {text.clean(problem.hint)}", err=True)


def _priority() -> str:
    """Return what makes a line an error where it goes to the journal (sd-daemon(3)), as that of a server does."""
    if "JOURNAL_STREAM" not in os.environ:
        return ""
    from khutulun import notices

    return "<3>" if notices.is_journal(2) else ""


def line(problem: model.Problem) -> str:
    """Return a problem as one line. Where it is stands in it once, also when the message begins with it."""
    where, message = text.clean(problem.where), text.clean(problem.message)
    said = not where or message.startswith((f"{where} ", f"{where}:"))
    return f"{problem.severity}: {message}" if said else f"{problem.severity}: {where}: {message}"
