"""What nodes of TOSCA 1.x have to know: a Compute is the machine that they are on, and has its address.

Their profile comes with Puccini and names no drivers; scripts implement their operations.
"""

from typing import Any

from floria.entities import Vertex
from khutulun.conductor import site

PROFILE = "tosca-simple:1.3::"
ROOT = f"{PROFILE}tosca.nodes.Root"
COMPUTE = f"{PROFILE}tosca.nodes.Compute"
ENDPOINT = f"{PROFILE}tosca.capabilities.Endpoint"


def is_simple(node: Vertex) -> bool:
    """Whether a node's type is one of TOSCA 1.x."""
    return ROOT in node.classes


def told(around: site.Surroundings, address: str) -> dict[str, Any]:
    """Return the attributes of a node on a host with this address."""
    node = around.node
    result: dict[str, Any] = {"tosca_id": node.id, "tosca_name": node.name}
    if COMPUTE in node.classes:
        result |= {"private_address": address, "public_address": address}
    for name, capability in around.capabilities.items():
        if ENDPOINT in capability.classes:
            result[f"capability/{name}"] = {"ip_address": address}
    return result
