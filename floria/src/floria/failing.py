"""The error of an evaluation. On its own, so that who only has to expect it imports nothing else of evaluation.

Everybody else has it from `floria.evaluation`.
"""

from typing import TYPE_CHECKING

from floria.values import Value

if TYPE_CHECKING:
    from floria.entities import Failure


class EvaluationError(Exception):
    """An evaluation has no result.

    `code` is stable (``floria.cycle``), `message` says what, where and why, `retryable` whether waiting may help,
    `detail` is data for programs.
    """

    def __init__(self, code: str, message: str, retryable: bool = False, detail: Value = None) -> None:
        super().__init__(message)
        self.code, self.message, self.retryable, self.detail = code, message, retryable, detail
        self.located = False

    def failure(self, time: int = 0, cause: str | None = None) -> "Failure":
        """Return this as it is kept beside a property's value."""
        from floria.entities import Failure

        return Failure(self.code, self.message, time, cause, self.retryable, self.detail)
