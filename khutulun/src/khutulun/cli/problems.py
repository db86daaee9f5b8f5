"""Problems on stderr, as people read them: ``error:``, where it is, and ``hint:``."""

from collections.abc import Iterable

import click

from khutulun import model
from khutulun.cli import text


def show(problems: Iterable[model.Problem]) -> None:
    """Show problems in their order; the same hint in a row is shown once."""
    shown = list(problems)
    for index, problem in enumerate(shown):
        click.echo(line(problem), err=True)
        following = shown[index + 1].hint if index + 1 < len(shown) else ""
        if problem.hint and problem.hint != following:
            click.echo(f"hint: {text.clean(problem.hint)}", err=True)


def line(problem: model.Problem) -> str:
    """Return a problem as one line."""
    where = f"{text.clean(problem.where)}: " if problem.where else ""
    return f"{problem.severity}: {where}{text.clean(problem.message)}"
