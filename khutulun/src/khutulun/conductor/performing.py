"""What runs the operations of executions' steps, and what it says: implemented by `khutulun.conductor.imperative`."""

from collections.abc import Callable
from typing import Protocol

from floria.entities import Vertex
from floria.store.interface import Transaction
from floria.values import Value
from khutulun import model

UNHEARD = "host-unreachable"
"""Code of a failure after which the same operation is asked for again: its agent may have done it, or may not."""


class OperationFailed(Exception):
    """An operation has failed; `retryable` says that it may succeed later."""

    def __init__(self, problem: model.Problem, retryable: bool = False) -> None:
        super().__init__(problem.message)
        self.problem, self.retryable = problem, retryable


class Deferred(Exception):
    """An operation goes on elsewhere; `Executions.proceed` with its step when it has ended."""


class Record(Protocol):
    """Writes down that an operation is done, in the transaction that applies its result."""

    def __call__(self, tx: Transaction, /, **changes: Value) -> None:
        """Write it; `changes` are further properties of the step."""
        ...


class Perform(Protocol):
    """Runs one operation of a step and applies what it returns."""

    def __call__(self, step: Vertex, number: int, id: str, record: Record) -> None:
        """Do the step's operation `number`; call `record` in the transaction that applies the result.

        Raises `OperationFailed`, `Deferred`.
        """
        ...


After = Callable[[], None]
Finished = Callable[[Transaction, Vertex, bool], After]
"""Completes an execution that has ended (well, or with failures) in its last transaction.

Returns what to do after the commit.
"""

Ending = Callable[[Vertex, bool], None]
"""Does what comes before the last transaction of an execution, and may be done twice."""
