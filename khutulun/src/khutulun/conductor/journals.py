"""What is written to the store's durable journals, and under which subject.

``event`` and ``handling`` are the engine's; the conductor adds ``progress`` (states of executions and steps) and
``effect`` (every command and file). The subject is the service's directory, with the node below it.
"""

from enum import StrEnum


class Topic(StrEnum):
    EVENT = "event"
    HANDLING = "handling"
    PROGRESS = "progress"
    EFFECT = "effect"
    AUDIT = "audit"


def subject(directory: str, node: str = "") -> str:
    """Return the subject of a service (its directory), or of one of its nodes."""
    return f"{directory}/{node}" if node else directory
