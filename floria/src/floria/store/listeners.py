"""Functions that a store calls after commits."""

import logging
import threading
from collections.abc import Callable, Sequence

from floria.store.interface import Change

Listener = Callable[[Sequence[Change]], None]
_log = logging.getLogger(__name__)


class Listeners:
    """Thread-safe. The commit is done when they are called: a listener that raises is logged, the others are called."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: tuple[Listener, ...] = ()

    def add(self, listener: Listener) -> Callable[[], None]:
        """Add a listener; return what removes it."""
        with self._lock:
            self._listeners = (*self._listeners, listener)

        def remove() -> None:
            with self._lock:
                self._listeners = tuple(other for other in self._listeners if other is not listener)

        return remove

    def call(self, changes: Sequence[Change]) -> None:
        """Call every listener with `changes`."""
        for listener in self._listeners:
            try:
                listener(changes)
            except Exception:
                _log.exception("a listener failed after a commit")
