"""What is written to the store's durable journals, and under which subject.

``event`` and ``handling`` are the engine's; the conductor adds ``progress`` (states of executions and steps) and
``effect`` (every command and file).
"""

import itertools
from enum import StrEnum
from typing import Any

import msgspec


class Topic(StrEnum):
    EVENT = "event"
    HANDLING = "handling"
    PROGRESS = "progress"
    EFFECT = "effect"
    AUDIT = "audit"


def body(data: object) -> Any:
    """Return structs (as of `khutulun.model`) as a value that can be kept."""
    return msgspec.json.decode(msgspec.json.encode(data))


def service(directory: str, name: str) -> str:
    """Return the subject of a service; those of its nodes lie below it (`floria.naming.subject`)."""
    return f"{directory.rstrip('/')}/{name}"


def split(subject: str) -> tuple[str, str]:
    """Return the service and the node of a subject. A service lies in the directory of its name."""
    names = [name for name in subject.split("/") if name]
    for place, (above, below) in enumerate(itertools.pairwise(names)):
        if above == below:
            node = names[place + 2 : place + 4]
            if len(node) == 2 and node[1] != "0":
                return above, f"{node[0]}-{node[1]}"
            return above, node[0] if node else ""
    return "", ""
