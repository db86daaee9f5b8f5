"""Service templates that can substitute nodes (section 15): read only where a node is to be substituted.

loaded = puccini.load(source, "service.yaml", catalogs)
candidates = puccini.find_candidates(loaded, catalogs, [(source, "database.yaml")])
bundle = puccini.compile(loaded, "hello", candidates)
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from puccini import catalog as catalogs
from puccini import sources
from puccini.loading import Loaded, load

Place: TypeAlias = tuple[sources.Source, str]
"""A source, and the path of a TOSCA file in it."""


def find(
    loaded: Loaded, catalog: catalogs.Catalog | Sequence[catalogs.Catalog] = (), others: Iterable[Place] = ()
) -> list[Loaded]:
    """Return the files with substitution mappings among `others`, and among what `loaded` and these import.

    Others are a CSAR's ``Other-Definitions``, or what a user names. Without a node to substitute nothing is read.
    """
    if not _substitutes(loaded):
        return []
    waiting = [*others, *_imported(loaded)]
    seen = {_key(place) for place in ([(loaded.entry.source, loaded.entry.path)] if loaded.entry else [])}
    result: list[Loaded] = []
    while waiting:
        place = waiting.pop(0)
        if _key(place) in seen:
            continue
        seen.add(_key(place))
        one = load(*place, catalog, strict=loaded.strict)
        waiting.extend(_imported(one))
        if one.failed or (one.service is not None and one.service.mappings is not None):
            result.append(one)
    return result


def _substitutes(loaded: Loaded) -> bool:
    service = loaded.service
    return service is not None and any(
        directive.text == "substitute" for node in service.nodes.values() for directive in node.directives
    )


def _imported(loaded: Loaded) -> Iterator[Place]:
    for unit in loaded.units[1:]:
        template = unit.file.service_template
        if template is not None and template.substitution_mappings is not None:
            yield unit.source, unit.path


def _key(place: Place) -> tuple[str, str, str]:
    source, path = place
    return source.name, source.root, sources.resolve("", path)
