"""Who has operated a node last, and which events had come by then.

What an event tells is of the workload as it was. `khutulun.conductor.triggers` looks here whether that is still so when
it comes to act; results write it down when a lifecycle operation begins.
"""

from typing import Any

import msgspec

from floria import properties
from floria.entities import Vertex
from floria.evaluation import Library
from floria.events import journal
from floria.store.interface import Transaction
from khutulun.conductor.states import STATES
from khutulun.conductor.topology import LIFECYCLE

OPERATED = "khutulun.operated"
"""Property of a node: the actor that began its last lifecycle operation, and the newest event's position then."""


def is_change(operation: str) -> bool:
    """Whether an operation is one of the lifecycle that makes a workload another one, runs or stops it."""
    return operation.startswith(LIFECYCLE) and operation.removeprefix(LIFECYCLE) in (*STATES, "update")


class Operated(msgspec.Struct, frozen=True):
    """`by` is an actor (`khutulun.conductor.turns`), `events` a position in the journal."""

    by: str
    events: int


def of(vertex: Vertex) -> Operated | None:
    """Return who has operated a node last."""
    found = vertex.properties.get(OPERATED)
    return msgspec.convert(found.value, Operated) if found is not None and isinstance(found.value, dict) else None


def mark(tx: Transaction, vertex: Vertex, by: str, functions: Library) -> None:
    """Write that an operation of a node begins."""
    newest = tx.journal(journal.EVENT, limit=1, newest=True)
    mine = Operated(by, newest[0].position if newest else 0)
    value: Any = msgspec.to_builtins(mine)
    properties.write_properties(tx, vertex.id, {OPERATED: value}, by, functions=functions, declare=True)
