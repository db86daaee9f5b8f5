"""How entities are called in messages and journals.

`label` is for people (``hello/web[1]/endpoint``), `subject` for journals (``/prod/hello/web/1/endpoint/0``), where
every name is followed by its index so that a prefix selects all representations of a node.
"""

from floria import entities
from floria.entities import Entity
from floria.ids import Id
from floria.store.interface import Reader

_MAX_DEPTH = 1000


def label(reader: Reader, entity: Entity | Id) -> str:
    """Return the names from the root down to `entity`, for messages; an id that is not there stands for itself."""
    found = reader.get(entity) if isinstance(entity, str) else entity
    if found is None:
        return str(entity)
    if isinstance(found, entities.Edge | entities.EdgeTemplate):
        edge = found.name + (f"[{found.index}]" if isinstance(found, entities.Edge) and found.index else "")
        return f"{label(reader, found.source)}-{edge}"
    return "/".join(_label_segment(one) for one in lineage(reader, found))


def subject(reader: Reader, entity: Entity | Id) -> str:
    """Return the journal subject of `entity`: its directory, then name and index of each from the root down."""
    found = reader.get(entity) if isinstance(entity, str) else entity
    if found is None:
        return f"/{entity}"
    if isinstance(found, entities.Edge):
        return f"{subject(reader, found.source)}/{found.name}/{found.index}"
    segments: list[str] = []
    for depth, one in enumerate(lineage(reader, found)):
        segments.append(one.name or str(one.id))
        if depth and isinstance(one, entities.Vertex):
            segments.append(str(one.index))
    return f"{found.directory.rstrip('/')}/{'/'.join(segments)}"


def lineage(reader: Reader, entity: Entity) -> list[Entity]:
    """Return `entity` and all that contain it, outermost first."""
    chain = [entity]
    parent = getattr(entity, "parent", None)
    while parent is not None and len(chain) < _MAX_DEPTH:
        above = reader.get(parent)
        if above is None:
            break
        chain.append(above)
        parent = getattr(above, "parent", None)
    chain.reverse()
    return chain


def _label_segment(entity: Entity) -> str:
    name = entity.name or str(entity.id)
    return f"{name}[{entity.index}]" if isinstance(entity, entities.Vertex) and entity.index else name
