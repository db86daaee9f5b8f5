"""One thread at a time for each key: used where the same thing may be asked for twice at once."""

import contextlib
import threading
from collections.abc import Hashable, Iterator


class Exclusion:
    """Holds only the keys that are in use."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held: set[Hashable] = set()

    @contextlib.contextmanager
    def holding(self, key: Hashable) -> Iterator[None]:
        """Wait until nobody else has `key`, and have it within the ``with`` block."""
        with self._changed:
            self._changed.wait_for(lambda: key not in self._held)
            self._held.add(key)
        try:
            yield
        finally:
            with self._changed:
                self._held.discard(key)
                self._changed.notify_all()
