"""The change feed of backends that live in one process: woken by commits, reading what it gives from the store.

Nothing is queued: a feed that lags reads its next changes from where the backend keeps them.
"""

import threading
from collections.abc import Callable, Iterator, Sequence

from floria.store.interface import Change, StoreError

BATCH = 512
Read = Callable[[int, int], Sequence[Change]]


class Bell:
    """Tells feeds how far the store is. Rung after each commit, once it is durable."""

    def __init__(self, position: int) -> None:
        self._condition = threading.Condition()
        self._position = position
        self._closed = False

    @property
    def position(self) -> int:
        """The last position that feeds may give."""
        return self._position

    @property
    def closed(self) -> bool:
        """Whether the store was closed."""
        return self._closed

    def ring(self, position: int) -> None:
        """Wake the feeds that wait for `position`."""
        with self._condition:
            if position > self._position:
                self._position = position
                self._condition.notify_all()

    def wait(self, position: int, closed: Callable[[], bool]) -> int | None:
        """Wait until the store is beyond `position`; return where it is, None when the feed or the store closed."""
        with self._condition:
            self._condition.wait_for(lambda: self._closed or closed() or self._position > position)
            return None if self._closed or closed() else self._position

    def rouse(self) -> None:
        """Make every waiting feed look whether it was closed."""
        with self._condition:
            self._condition.notify_all()

    def close(self) -> None:
        """End all feeds."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()


class Feed:
    """Changes after a position, in order. `read` returns the next ones: those after a position, at most a number."""

    def __init__(self, bell: Bell, read: Read, after: int) -> None:
        self._bell = bell
        self._read = read
        self._after = after
        self._closed = False

    def __iter__(self) -> Iterator[Change]:
        while (position := self._bell.wait(self._after, lambda: self._closed)) is not None:
            for change in self._next():
                if self._closed or change.position > position:
                    break
                self._after = change.position
                yield change

    def _next(self) -> Sequence[Change]:
        try:
            return self._read(self._after, BATCH)
        except StoreError:
            if self._bell.closed:
                return ()
            raise

    def close(self) -> None:
        """End the iteration, from any thread."""
        self._closed = True
        self._bell.rouse()


def check_position(after: int, oldest: int, newest: int) -> None:
    """Raise `StoreError` unless a feed can begin after `after`, where changes from `oldest` to `newest` are kept."""
    if after < oldest - 1:
        raise StoreError(
            f"changes after {after} are no longer kept; the oldest is {oldest}",
            "read the current state again and watch from there",
        )
    if after > newest:
        raise StoreError(
            f"the store has not reached position {after}; it is at {newest}",
            "it may have been restored: read the current state again and watch from there",
        )
