"""The classes that say what an entity is in TOSCA. The function library and orchestrators find entities by them."""

from typing import Final

SERVICE: Final = "tosca:service"
NODE: Final = "tosca:node"
CAPABILITY: Final = "tosca:capability"
ARTIFACT: Final = "tosca:artifact"
GROUP: Final = "tosca:group"
POLICY: Final = "tosca:policy"
RELATIONSHIP: Final = "tosca:relationship"
WORKFLOW: Final = "tosca:workflow"

SELECTED: Final = "tosca:selected"
"""A node of another service under a name of this one (section 7.2.1): a vertex from which a selection leads to it."""

SELECTION: Final = "tosca:selection"
SUBSTITUTION: Final = "tosca:substitution"
"""A service that is the inside of the node which contains it (section 15)."""

STITCH: Final = "tosca:stitch"
"""From a capability of a substituted node to that inside which it is mapped to (section 15.4)."""

INPUT: Final = "tosca:input"
ATTRIBUTE: Final = "tosca:attribute"
OUTPUT: Final = ("tosca:output", "floria:output")
REQUIRED: Final = "floria:required"
OPTIONAL: Final = "tosca:optional"
"""A property of TOSCA 1.x that needs no value and is null without one."""

RESTRICTED_SOURCES: Final = "tosca:restricted-sources"
RESTRICTED_RELATIONSHIPS: Final = "tosca:restricted-relationships"

INTERNAL: Final = "tosca:internal"
EXTERNAL: Final = "tosca:external"
"""Classes of capabilities that take sources of only this, or only another service (section 8.3)."""


def named(capability: str) -> str:
    """Return the class of all capabilities with that symbolic name."""
    return f"tosca:capability:{capability}"


def accepts(class_name: str) -> str:
    """Return the class of restricted capabilities that accept this type of source or of relationship."""
    return f"tosca:accepts:{class_name}"
