"""Merging a new design into what runs: definitions become the new ones, what was written since stays.

The record is what was deployed (R63): a value written at run time is kept unless the design itself says something else
than it did before.
"""

from typing import TypeVar

import msgspec

from floria import properties
from floria.entities import Edge, Property, Vertex
from floria.evaluation import EvaluationError
from floria.properties import DESIGNED

Made = TypeVar("Made", Vertex, Edge)


def merge(old: Made, new: Made) -> Made:
    """Return `new`, which takes the place of `old`, with what belongs to the run. Raises ``floria.read-only``."""
    group: dict[str, Property] = {}
    for name, found in new.properties.items():
        before = old.properties.get(name)
        group[name] = found if before is None else _merged(before, found, f"{old.name}.{name}")
    added = {name: one for name, one in old.properties.items() if is_declared_at_run_time(one)}
    return msgspec.structs.replace(
        new,
        properties={**added, **group},
        state=old.state,
        revision=old.revision,
        created=old.created,
        modified=old.modified,
    )


def is_declared_at_run_time(found: Property) -> bool:
    """Whether no design knows the property: it came with a write."""
    return found.metadata.get(DESIGNED) == [] and found.updater is msgspec.UNSET and found.preparer is None


def designed(found: Property) -> list[object]:
    """Return the value that the design gave, in a list, or an empty list when it gave none."""
    known = found.metadata.get(DESIGNED)
    if isinstance(known, list):
        return list(known)
    if found.updater is not msgspec.UNSET or found.value is msgspec.UNSET:
        return []
    return [found.value]


def _merged(old: Property, new: Property, where: str) -> Property:
    before, after = designed(old), designed(new)
    if before == after and old.updater == new.updater:
        kept = {DESIGNED: old.metadata[DESIGNED]} if DESIGNED in old.metadata else {}
        return msgspec.structs.replace(
            new,
            value=old.value,
            error=old.error,
            metadata={**new.metadata, **kept},
            revision=old.revision,
            time=old.time,
            cause=old.cause,
        )
    if old.read_only and after and old.value is not msgspec.UNSET and not _is(old, after):
        raise EvaluationError("floria.read-only", f"{where} is read-only and set; replace the node to change it")
    value = new.value
    if value is msgspec.UNSET and new.updater is not msgspec.UNSET:
        value = old.value
    return msgspec.structs.replace(new, value=value, revision=old.revision + 1)


def _is(old: Property, after: list[object]) -> bool:
    return old.value is not msgspec.UNSET and properties.identical(old.value, after[0])  # type: ignore[arg-type]
