"""Whether an entity fits a query, decided on the entity alone.

Drafts (`floria.instantiation.draft`) answer queries about what is not stored yet with it.
"""

from collections.abc import Sequence

from floria import entities
from floria.entities import Entity
from floria.evaluation import properties_of
from floria.store import predicates
from floria.store.interface import Query, Step


def fits(entity: Entity, query: Query) -> bool:
    """Whether all conditions of `query` hold, except `within`, `after` and `limit`."""
    return (
        (not query.kinds or entities.kind_of(entity) in query.kinds)
        and carries(entity, query.classes)
        and (query.name is None or entity.name == query.name)
        and (query.parent is None or getattr(entity, "parent", None) == query.parent)
        and (query.template is None or getattr(entity, "template", None) == query.template)
        and (query.directory is None or lies_in(entity.directory, query.directory, query.recursive))
        and predicates.hold(query.where, properties_of(entity))
    )


def fits_step(entity: Entity, step: Step) -> bool:
    """Whether a path may go on to `entity`."""
    return (
        (step.name is None or entity.name == step.name)
        and carries(entity, step.classes)
        and predicates.hold(step.where, properties_of(entity))
    )


def carries(entity: Entity, classes: Sequence[str]) -> bool:
    """Whether the entity has all `classes`."""
    return all(label in entity.classes for label in classes)


def lies_in(directory: str, scope: str, recursive: bool = True) -> bool:
    """Whether `directory` is `scope`, or below it."""
    return directory == scope or (recursive and (scope == "/" or directory.startswith(f"{scope}/")))
