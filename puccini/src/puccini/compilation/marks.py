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

INPUT: Final = "tosca:input"
ATTRIBUTE: Final = "tosca:attribute"
OUTPUT: Final = ("tosca:output", "floria:output")
REQUIRED: Final = "floria:required"

RESTRICTED_SOURCES: Final = "tosca:restricted-sources"
RESTRICTED_RELATIONSHIPS: Final = "tosca:restricted-relationships"


def named(capability: str) -> str:
    """Return the class of all capabilities with that symbolic name."""
    return f"tosca:capability:{capability}"


def accepts(class_name: str) -> str:
    """Return the class of restricted capabilities that accept this type of source or of relationship."""
    return f"tosca:accepts:{class_name}"
