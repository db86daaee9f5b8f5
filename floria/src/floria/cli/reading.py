"""``floria get``, ``list``, ``query`` and ``path``."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import click

from floria import entities, ids
from floria.cli import output
from floria.cli.context import Settings, pass_settings
from floria.entities import Entity, Kind
from floria.ids import Id
from floria.store import expressions
from floria.store.interface import NotFound, Query, Reader
from floria.values import InvalidValue

LIMIT = 100


class IdType(click.ParamType[Id]):
    """The id of an entity."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Id:
        try:
            return ids.parse(value)
        except ids.InvalidId as error:
            self.fail(str(error), param, context)


class DirectoryType(click.ParamType[str]):
    """The path of a directory."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> str:
        try:
            entities.check_directory(value)
        except InvalidValue as error:
            self.fail(str(error), param, context)
        return str(value)


ID = IdType()
DIRECTORY = DirectoryType()
KIND = click.Choice([kind.value for kind in Kind])
limit_option = click.option(
    "--limit", type=click.IntRange(min=0), default=LIMIT, show_default=True, help="At most so many; 0: all."
)


@click.command()
@click.argument("id", nargs=-1, required=True, type=ID, metavar="ID...")
@pass_settings
def get(settings: Settings, id: tuple[Id, ...]) -> None:
    """Show entities whole, by their ids.

    \b
    floria get 01m81tcs5yad16y5a00qpwjweh
    floria --output json get 01m81tcs5yad16y5a00qpwjweh
    """
    with settings.store() as store, store.read() as reader:
        found = reader.get_many(id)
    missing = [wanted for wanted, entity in zip(id, found, strict=True) if entity is None]
    if missing:
        raise NotFound(f"there is no entity {missing[0]}", "floria list shows what there is")
    output.show([entity for entity in found if entity is not None], settings.output)


@click.command("list")
@click.argument("directory", default="/", type=DIRECTORY)
@click.option("--kind", "kinds", multiple=True, type=KIND, help="Only of this kind (repeatable).")
@limit_option
@pass_settings
def list_(settings: Settings, directory: str, kinds: tuple[str, ...], limit: int) -> None:
    """List what lies in DIRECTORY and below, in order of id.

    \b
    floria list
    floria list /production --kind vertex
    """
    _select(settings, limit, directory=directory, kinds=tuple(map(Kind, kinds)))


@click.command()
@click.option("--kind", "kinds", multiple=True, type=KIND, help="Of one of these kinds (repeatable).")
@click.option("--class", "classes", multiple=True, metavar="CLASS", help="Of this class or a descendant (repeatable).")
@click.option("--directory", type=DIRECTORY, metavar="PATH", help="In this directory and below.")
@click.option("--only", is_flag=True, help="In the directory itself, not below.")
@click.option("--name", help="Of this name.")
@click.option("--parent", type=ID, help="Directly in this entity.")
@click.option("--within", type=ID, help="In this entity, at any depth.")
@click.option("--template", type=ID, help="Made from this template.")
@click.option("--where", multiple=True, metavar="PREDICATE", help="With a property that compares so (repeatable).")
@click.option("--after", type=ID, help="Behind this id: the last one of the page before.")
@limit_option
@pass_settings
def query(
    settings: Settings, /, limit: int, kinds: tuple[str, ...], where: tuple[str, ...], only: bool, **rest: Any
) -> None:
    """Find entities that fit all the conditions, in order of id.

    \b
    A PREDICATE is NAME OPERATOR VALUE:
      port = 80            equal; numbers are equal to numbers of the same size
      state != running     different (true also when the types differ)
      load >= 0.5          order of numbers, texts, bytes: < <= > >=
      tags contains web    in a list, a text, or among the keys of a map
      port exists          has a value
    Values are written as in YAML or JSON: 80 is a number, "80" is text.
    An entity without the property does not fit.

    \b
    floria query --class khutulun:1.0::Process --where 'port >= 1024' --where 'tags contains web'
    """
    predicates = tuple(map(expressions.parse_predicate, where))
    _select(settings, limit, kinds=tuple(map(Kind, kinds)), where=predicates, recursive=not only, **rest)


@click.command()
@click.argument("start", nargs=-1, required=True, type=ID, metavar="START...")
@click.argument("expression")
@limit_option
@pass_settings
def path(settings: Settings, start: tuple[Id, ...], expression: str, limit: int) -> None:
    """Follow a path through the graph from START and list what is reached, each once, in order of id.

    \b
    An EXPRESSION is steps separated by /. A step is AXIS[:NAME][(CLASS,...)][[PREDICATE]]...:
      out         to the edges that begin at a vertex      in          that end at it
      source      to the vertex where an edge begins       target      where it ends
      parent      to what contains it                      children    to what it contains
      ancestors   the same, at any depth                   descendants
    What is reached by a step must have the NAME, all the CLASSes and fit the PREDICATEs
    (see floria query --help). Names with other characters than letters, digits and _ . - are in "quotes".

    \b
    floria path 01m81tcs5yad16y5a00qpwjweh 'out:host/target'
    floria path 01m81tcs5yad16y5a00qpwjweh 'in(Uses)[weight > 2]/source/parent[state = running]'
    """
    steps = expressions.parse_path(expression)
    with settings.store() as store, store.read() as reader:
        reached = reader.path(start, steps)
        _show(settings, _entities(reader, reached), limit)


COMMANDS = (get, list_, query, path)


def _select(settings: Settings, limit: int, **conditions: Any) -> None:
    with settings.store() as store, store.read() as reader:
        selected = reader.query(Query(**conditions, limit=limit + 1 if limit else None))
        _show(settings, selected, limit)


def _show(settings: Settings, found: Iterator[Entity], limit: int) -> None:
    """Write at most `limit` of what was found, and say so when there is more."""
    last: list[Entity] = []

    def shown() -> Iterator[Entity]:
        for entity in islice(found, limit or None):
            last[:] = [entity]
            yield entity

    output.table(shown(), settings.output)
    if limit and next(found, None) is not None:
        click.echo(f"note: there is more after {last[0].id}; see --limit and --after", err=True)


def _entities(reader: Reader, reached: list[Id]) -> Iterator[Entity]:
    return (entity for id in reached if (entity := reader.get(id)) is not None)
