"""What every backend checks before it writes, and how it says no."""

import math
from typing import NamedTuple

import msgspec

from floria import entities
from floria.entities import Directory, Edge, EdgeTemplate, Entity, Kind, Property, Vertex, VertexTemplate
from floria.ids import Id
from floria.store.interface import NotFound, StoreError
from floria.values import InvalidValue, Value
from floria.values import check as check_value


class Reference(NamedTuple):
    """Another entity that must exist, of a kind, for an entity to exist."""

    role: str
    id: Id
    kind: Kind


def check(entity: Entity, known: Entity | None = None) -> None:
    """Raise `StoreError` when `entity` is not well formed; `known` is what is stored under its id."""
    try:
        entities.check(entity, known)
    except InvalidValue as error:
        raise StoreError(str(error), "nothing was written; correct the entity") from None


def check_body(body: Value) -> None:
    """Raise `StoreError` when the body of a record is no value."""
    try:
        check_value(body, "body")
    except InvalidValue as error:
        raise StoreError(str(error)) from None


def references(entity: Entity) -> list[Reference]:
    """Return the entities that own `entity` or are its ends: it is deleted with them."""
    match entity:
        case VertexTemplate(parent=parent) if parent is not None:
            return [Reference("parent", parent, Kind.VERTEX_TEMPLATE)]
        case Vertex(parent=parent) if parent is not None:
            return [Reference("parent", parent, Kind.VERTEX)]
        case EdgeTemplate(source=source):
            return [Reference("source", source, Kind.VERTEX_TEMPLATE)]
        case Edge(source=source, target=target):
            return [Reference("source", source, Kind.VERTEX), Reference("target", target, Kind.VERTEX)]
        case _:
            return []


def check_reference(entity: Entity, reference: Reference, found: Kind | None) -> None:
    """Raise `StoreError` unless the entity that `reference` names was found with the right kind."""
    if found is None:
        raise StoreError(
            f"{_title(entity)}: its {reference.role} {reference.id} does not exist", "write what it refers to first"
        )
    if found is not reference.kind:
        raise StoreError(f"{_title(entity)}: its {reference.role} {reference.id} is a {found}, not a {reference.kind}")


def check_kind(entity: Entity, found: Kind) -> None:
    """Raise `StoreError` when the entity was of another kind before."""
    if entities.kind_of(entity) is not found:
        raise StoreError(f"{_title(entity)} is a {found} and cannot become a {entities.kind_of(entity)}")


def cycle(entity: Entity) -> StoreError:
    """Return the error for a parent that is contained in its child."""
    return StoreError(f"{_title(entity)}: its parent is itself or contained in it")


def not_empty(directory: Directory, example: str) -> StoreError:
    """Return the error for deleting a directory that is in use."""
    return StoreError(
        f"the directory {path_of(directory)} is not empty: {example} is in it", "delete or move its content first"
    )


def missing(id: Id) -> NotFound:
    """Return the error for an entity that does not exist."""
    return NotFound(f"there is no entity {id}")


def missing_blob(digest: str) -> NotFound:
    """Return the error for a blob that does not exist."""
    return NotFound(f"there is no blob {digest}")


def capacity(entity: Entity, name: str) -> int | float:
    """Return the capacity that property `name` of `entity` states. Raises `StoreError`."""
    properties: dict[str, Property] = getattr(entity, "properties", {})
    value = properties[name].value if name in properties else msgspec.UNSET
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise StoreError(f"{_title(entity)} has no capacity {name!r}: a property with a number was expected")
    return value


def check_amount(amount: int | float) -> None:
    """Raise `StoreError` unless `amount` can be allocated."""
    if isinstance(amount, bool) or not math.isfinite(amount) or amount < 0:
        raise StoreError(f"{amount!r} cannot be allocated: a number from 0 was expected")


def path_of(directory: Directory) -> str:
    """Return the path that a directory entity stands for."""
    return f"{directory.directory.rstrip('/')}/{directory.name}"


def lies_in(path: str, directory: str) -> bool:
    """Whether `path` is `directory` or below it."""
    return path == directory or directory == "/" or path.startswith(directory + "/")


def _title(entity: Entity) -> str:
    kind = entities.kind_of(entity)
    return f"{kind} {entity.name!r} ({entity.id})" if entity.name else f"{kind} {entity.id}"
