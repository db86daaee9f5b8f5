"""What nodes of TOSCA 1.x have to know: a Compute is the machine that they are on, and has its address.

Their profile comes with Puccini and names no drivers; scripts implement their operations.
"""

from typing import Any

import msgspec

from floria.entities import Property, Vertex
from khutulun.conductor import site

PROFILE = "tosca-simple:1.3::"
ROOT = f"{PROFILE}tosca.nodes.Root"
COMPUTE = f"{PROFILE}tosca.nodes.Compute"
ENDPOINT = f"{PROFILE}tosca.capabilities.Endpoint"


def is_simple(node: Vertex) -> bool:
    """Whether a node's type is one of TOSCA 1.x."""
    return ROOT in node.classes


def told(around: site.Surroundings, address: str) -> dict[str, Any]:
    """Return the attributes of a node on a host with this address, without those that have a value."""
    node = around.node
    own = {"tosca_id": node.id, "tosca_name": node.name}
    if COMPUTE in node.classes:
        own |= {"private_address": address, "public_address": address}
    result: dict[str, Any] = {name: value for name, value in own.items() if _is_open(node, name)}
    for name, capability in around.capabilities.items():
        if ENDPOINT in capability.classes and _is_open(capability, "ip_address"):
            result[f"capability/{name}"] = {"ip_address": address}
    return result


def _is_open(entity: Vertex, name: str) -> bool:
    """Whether the design says nothing of an attribute."""
    found = entity.properties.get(name, Property())
    return found.value is msgspec.UNSET and found.updater is msgspec.UNSET
