"""Writes entities for people and for programs."""

import json
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum

import click

from floria import codec, entities, yaml
from floria.entities import Entity

_ROWS_AT_ONCE = 200


class Output(StrEnum):
    """How results are written."""

    HUMAN = "human"
    JSON = "json"
    YAML = "yaml"


OUTPUTS = [output.value for output in Output]


def show(found: Sequence[Entity], output: Output) -> None:
    """Write whole entities: one as itself, several as a list."""
    plain = [codec.entity_to_plain(entity) for entity in found]
    content = plain[0] if len(plain) == 1 else plain
    if output is Output.JSON:
        click.echo(json.dumps(content, ensure_ascii=False, indent=2))
    else:
        click.echo(yaml.dump(content), nl=False)


def table(found: Iterable[Entity], output: Output) -> int:
    """Write entities as rows, or whole for programs; return how many. What comes in is written as it comes."""
    match output:
        case Output.HUMAN:
            return _rows(found)
        case Output.JSON:
            return _json(found)
        case Output.YAML:
            return _yaml(found)


def _json(found: Iterable[Entity]) -> int:
    count = 0
    for count, entity in enumerate(found, 1):
        click.echo("[" if count == 1 else ",")
        click.echo(json.dumps(codec.entity_to_plain(entity), ensure_ascii=False), nl=False)
    click.echo("\n]" if count else "[]")
    return count


def _yaml(found: Iterable[Entity]) -> int:
    count = 0
    for entity in found:
        click.echo(yaml.dump([codec.entity_to_plain(entity)]), nl=False)
        count += 1
    if not count:
        click.echo("[]")
    return count


def _rows(found: Iterable[Entity]) -> int:
    count = 0
    for batch in _batches(found):
        rows = [_row(entity) for entity in batch]
        if not count:
            rows.insert(0, ("KIND", "NAME", "DIRECTORY", "ID", "CLASSES"))
        count += len(batch)
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        for row in rows:
            cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
            click.echo("  ".join([*cells, row[4]]).rstrip())
    return count


def _batches(found: Iterable[Entity]) -> Iterator[list[Entity]]:
    batch: list[Entity] = []
    for entity in found:
        batch.append(entity)
        if len(batch) == _ROWS_AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def _row(entity: Entity) -> tuple[str, str, str, str, str]:
    classes = " ".join(entity.classes[:2]) + (" …" if len(entity.classes) > 2 else "")
    return entities.kind_of(entity).value, _printable(entity.name), _printable(entity.directory), entity.id, classes


def _printable(text: str) -> str:
    return text if text.isprintable() else json.dumps(text)
