"""Makes commits durable: commits that arrive together share one sync of the write-ahead log.

The writer commits into the log without a sync and lets the next one write; then it waits here. The first to wait syncs
the log for all who committed before the sync began; those who commit meanwhile share the next one. Readers may see a
commit an instant before it is durable; ``commit`` returns, listeners are called and feeds go on only afterwards.
"""

import os
import threading
from collections.abc import Callable
from pathlib import Path

from floria.store.interface import StoreError
from floria.store.sqlite import failures


class Log:
    """The write-ahead log of a database that a connection of this process keeps open."""

    def __init__(self, database: Path) -> None:
        self.path = database.with_name(database.name + "-wal")
        self._file = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)

    def sync(self) -> None:
        """Wait until what was written is on the disk."""
        os.fdatasync(self._file)

    def close(self) -> None:
        os.close(self._file)


class Durability:
    """Counts commits and syncs them in groups. `sync` is what makes earlier writes durable."""

    def __init__(self, sync: Callable[[], None], path: Path) -> None:
        self._sync = sync
        self._path = path
        self._condition = threading.Condition()
        self._syncing = False
        self._failure: StoreError | None = None
        self._durable = 0
        self.commits = 0
        self.syncs = 0

    def committed(self) -> int:
        """Count a commit; call it while holding the writer's lock. Return its ticket for `wait`."""
        with self._condition:
            self.commits += 1
            return self.commits

    def wait(self, ticket: int) -> None:
        """Return when the commit with this ticket is durable. Raises `StoreError` when that will never be certain."""
        with self._condition:
            while self._durable < ticket:
                self.check()
                if not self._syncing:
                    self._lead()
                else:
                    self._condition.wait()

    def check(self) -> None:
        """Raise `StoreError` when a sync has failed: nothing can be promised any more."""
        if self._failure is not None:
            raise self._failure

    def _lead(self) -> None:
        reached = self.commits
        self._syncing = True
        failure: OSError | None = None
        self._condition.release()
        try:
            self._sync()
        except OSError as error:
            failure = error
        finally:
            self._condition.acquire()
            self._syncing = False
            self._condition.notify_all()
        if failure is not None:
            self._failure = StoreError(
                f"{failures.explain(failure, self._path)}; the last commits may be lost",
                "close the store, repair the disk, and open it again",
            )
            return
        self.syncs += 1
        self._durable = reached
