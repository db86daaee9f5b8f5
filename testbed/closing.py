"""Things that are freed at the end of a block."""

import abc
from types import TracebackType
from typing import TypeVar

T = TypeVar("T", bound="Closing")


class Closing(abc.ABC):
    """A context manager; leaving it closes."""

    @abc.abstractmethod
    def close(self) -> None:
        """Free everything."""

    def __enter__(self: T) -> T:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
