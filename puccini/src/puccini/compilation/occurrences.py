"""How many relationships may lead to a capability, which TOSCA 1.x says with ``occurrences``.

A service with such a limit has a capacity in each of its capabilities, of which every relationship within the service
takes one, so that it is kept as capacities of TOSCA 2.0 are, when nodes are added later too.
"""

from typing import Final

from floria.entities import Property
from floria.values import Value
from puccini.model.service import NodeTemplate, Service
from puccini.model.types import Capability

PLACES: Final = "tosca.occurrences"
"""The property that holds how many relationships may lead to a capability."""

_MANY: Final = 2**53


def are_limited(service: Service) -> bool:
    """Whether a capability in the service is limited."""
    return any(
        limit(node, capability) is not None
        for node in service.nodes.values()
        if node.type is not None
        for capability in node.type.capabilities.values()
    )


def limit(template: NodeTemplate, capability: Capability) -> int | None:
    """Return how many relationships may lead to the capability of a node; None when any number may."""
    use = template.capabilities.get(capability.name)
    return use.limit if use is not None and use.limit is not None else capability.limit


def capacity(template: NodeTemplate, capability: Capability) -> dict[str, Property]:
    """Return the property of a capability that its relationships take from."""
    most = limit(template, capability)
    return {PLACES: Property(value=_MANY if most is None else most)}


def taken() -> dict[str, Value]:
    """Return what a relationship takes."""
    return {PLACES: 1}
