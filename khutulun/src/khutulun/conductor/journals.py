"""What is written to the store's durable journals, and under which subject.

``event`` and ``handling`` are the engine's; the conductor adds ``progress`` (states of executions and steps),
``effect`` (every command and file that made what there is), ``reaction`` (those of handlers), and what the audit
log is made of (`khutulun.conductor.auditing`).
"""

import itertools
from enum import StrEnum
from typing import Any

import msgspec

from floria import ids
from floria.store.interface import Transaction
from floria.values import Value
from khutulun import model


class Topic(StrEnum):
    EVENT = "event"
    HANDLING = "handling"
    PROGRESS = "progress"
    EFFECT = "effect"
    REACTION = "reaction"
    AUDIT = "audit"
    ASKED = "asked"
    DENIED = "denied"


MAKING = frozenset({"create", "configure", "start", "stop", "delete", "update", "adopt"})
"""Operations of the life cycle, as steps name them: they made what there is."""


def body(data: object) -> Any:
    """Return structs (as of `khutulun.model`) as a value that can be kept."""
    return msgspec.json.decode(msgspec.json.encode(data))


def service(directory: str, name: str) -> str:
    """Return the subject of a service; those of its nodes lie below it (`floria.naming.subject`)."""
    return f"{directory.rstrip('/')}/{name}"


def audit(tx: Transaction, principal: model.Principal, name: str, directory: str, data: dict[str, Value]) -> None:
    """Write who has changed what in a directory (R104)."""
    body: dict[str, Value] = {"name": name, **data, "by": principal.name, "uid": principal.uid}
    tx.append(Topic.AUDIT, ids.new(), body, subject=directory.rstrip("/"))


def topic(operation: str) -> Topic:
    """Return where effects of an operation are kept: what handlers do in answer to an event is a reaction."""
    return Topic.EFFECT if "." in operation or operation in MAKING else Topic.REACTION


def home(subject: str) -> str:
    """Return the directory of the service that a subject is of, or the subject where there is none."""
    names = subject.split("/")
    for place, (above, below) in enumerate(itertools.pairwise(names)):
        if above and above == below:
            return "/".join(names[: place + 1])
    return subject


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
