"""Which workloads have failed, so that nobody waits for their readiness: neither who waits, nor who is about to."""

import contextlib
import threading
from collections.abc import Iterator

from khutulun.agent.readiness import Watch


class Failures:
    """A failure holds until the next operation on the workload begins, or the workload is told to be well."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reasons: dict[str, str] = {}
        self._watches: list[tuple[str, Watch]] = []
        self._closed = False

    def tell(self, entity: str, reason: str) -> None:
        """A workload has failed: end the waits for its readiness."""
        with self._lock:
            self._reasons[entity] = reason
            watches = [watch for watched, watch in self._watches if watched == entity]
        for watch in watches:
            watch.fail(reason)

    def clear(self, entity: str) -> None:
        """A workload is well, is operated on anew, or is forgotten."""
        with self._lock:
            self._reasons.pop(entity, None)

    def known(self, entity: str) -> bool:
        with self._lock:
            return entity in self._reasons

    @contextlib.contextmanager
    def watching(self, entity: str) -> Iterator[Watch]:
        """Lend a watch that knows of every failure, also of one that came before the wait."""
        watch = Watch()
        with self._lock:
            self._watches.append((entity, watch))
            if (reason := self._reasons.get(entity)) is not None:
                watch.fail(reason)
            if self._closed:
                watch.interrupt()
        try:
            yield watch
        finally:
            with self._lock:
                self._watches.remove((entity, watch))

    def close(self) -> None:
        """End all waits: they go on elsewhere, or at the next start."""
        with self._lock:
            self._closed = True
            watches = [watch for _, watch in self._watches]
        for watch in watches:
            watch.interrupt()
