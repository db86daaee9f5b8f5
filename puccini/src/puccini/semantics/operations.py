"""Which operations and notifications of an entity are implemented, and by what (sections 11.2 to 11.8).

A template's word comes before its type's. Names of artifacts are looked up among those of the template and its type, so
that a template can put its own in the place of an artifact that its type's operations name.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from puccini.model.service import Implemented, InterfaceUse, OperationUse
from puccini.model.types import Artifact, Interface, Operation
from puccini.semantics import artifacts
from puccini.semantics.resolver import Resolver


def resolve(
    interfaces: Mapping[str, Interface],
    uses: Mapping[str, InterfaceUse],
    known: Mapping[str, Artifact],
    resolver: Resolver,
) -> list[Implemented]:
    """Return everything that has an implementation, in the order of the definitions."""
    result: list[Implemented] = []
    for name, interface in interfaces.items():
        use = uses.get(name)
        result.extend(_inherited(interface, known, resolver) if use is None else _all(interface, use, known, resolver))
    return result


def _inherited(interface: Interface, known: Mapping[str, Artifact], resolver: Resolver) -> Sequence[Implemented]:
    """Return those of an interface of which a template says nothing: the same for all with these artifacts."""
    key = (id(interface), *map(id, known.values()))
    found = resolver.implemented.get(key)
    if found is None:
        found = resolver.implemented[key] = list(_all(interface, None, known, resolver))
    return found


def _all(
    interface: Interface, use: InterfaceUse | None, known: Mapping[str, Artifact], resolver: Resolver
) -> Iterator[Implemented]:
    sections: Sequence[tuple[Mapping[str, Operation], Mapping[str, OperationUse], bool]] = (
        (interface.operations, use.operations if use is not None else {}, interface.type.handles_events),
        (interface.notifications, use.notifications if use is not None else {}, False),
    )
    for defined, assigned, bare in sections:
        for name in dict.fromkeys((*defined, *assigned)):
            found = _one(interface, name, defined.get(name), assigned.get(name), known, resolver)
            if found is not None:
                found.event = name if bare else interface.type.events.get(name, f"{interface.name}.{name}")
                found.interface_use = use
                yield found


def _one(
    interface: Interface,
    name: str,
    defined: Operation | None,
    use: OperationUse | None,
    known: Mapping[str, Artifact],
    resolver: Resolver,
) -> Implemented | None:
    implementation, unit = (defined.implementation, defined.unit) if defined is not None else (None, None)
    if use is not None and use.implementation is not None:
        implementation, unit = use.implementation, use.unit
    plain: dict[str, Any] = {}
    if implementation is not None and unit is not None:
        artifacts.implement(plain, implementation, unit, known, resolver)
    elif name not in interface.notifications or not _is_mapped(defined, use):
        return None
    node = use.node if use is not None else defined.node if defined is not None else interface.node
    return Implemented(interface, name, defined, use, plain, node)


def _is_mapped(defined: Operation | None, use: OperationUse | None) -> bool:
    """Whether what is sent with a notification goes to attributes (section 11.6)."""
    inherited = defined.outputs.values() if defined is not None else ()
    return any(one.mapping is not None for one in inherited) or bool(use is not None and use.outputs)
