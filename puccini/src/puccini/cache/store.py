"""Where the cache is: one SQLite file in a folder that is its user's alone, with what is known by content.

Nothing in it is trusted to be whole: what cannot be read counts as unknown. A folder or file that is somebody else's is
not used; a damaged file is made anew.
"""

import contextlib
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    import sqlite3

FILE: Final = "files.sqlite"
LIMIT: Final = 256 * 1024 * 1024
"""Bytes; when there are more, the older half is forgotten."""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS summaries (key BLOB PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS clean (key BLOB PRIMARY KEY);
"""

T = TypeVar("T")


def folder() -> Path | None:
    """Return where caches are: PUCCINI_CACHE, or below the user's cache folder. None when that is empty."""
    given = os.environ.get("PUCCINI_CACHE")
    if given is not None:
        return Path(given) if given else None
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(base) if base and os.path.isabs(base) else Path.home() / ".cache") / "puccini"
    except RuntimeError:
        return None


class Store:
    """Summaries of files and verdicts on circles of files, by digest. All methods do nothing where they cannot."""

    def __init__(self, place: Path | None, limit: int = LIMIT) -> None:
        self._place, self._limit = place, limit
        self._connection: sqlite3.Connection | None = None
        self._opened = False

    @property
    def exists(self) -> bool:
        """Whether anything was ever kept; where not, there is nothing to ask for."""
        return self._place is not None and os.path.lexists(self._place / FILE)

    def summary(self, key: bytes) -> bytes | None:
        """Return what is kept of a file."""
        row = self._try(lambda one: one.execute("SELECT data FROM summaries WHERE key = ?", (key,)).fetchone())
        return row[0] if row is not None and isinstance(row[0], bytes) else None

    def is_clean(self, key: bytes) -> bool:
        """Whether nothing is wrong with a circle of files."""
        return self._try(lambda one: one.execute("SELECT 1 FROM clean WHERE key = ?", (key,)).fetchone()) is not None

    def keep(self, summaries: Mapping[bytes, bytes], clean: Iterable[bytes]) -> None:
        """Keep what was found out, all or nothing."""

        def write(connection: "sqlite3.Connection") -> None:
            with connection:
                connection.executemany("INSERT OR REPLACE INTO summaries VALUES (?, ?)", summaries.items())
                connection.executemany("INSERT OR REPLACE INTO clean VALUES (?)", ((one,) for one in clean))
            self._bound(connection)

        self._try(write)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _try(self, what: "Callable[[sqlite3.Connection], T]") -> T | None:
        if not self._opened:
            self._opened = True
            self._connection = self._open()
        if self._connection is None:
            return None
        import sqlite3

        try:
            return what(self._connection)
        except sqlite3.OperationalError:
            self.close()
        except sqlite3.Error:
            self._discard()
        return None

    def _open(self) -> "sqlite3.Connection | None":
        if self._place is None:
            return None
        import sqlite3

        with contextlib.suppress(OSError, sqlite3.OperationalError):
            self._place.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = self._place / FILE
            if not _own(self._place, stat.S_ISDIR) or (os.path.lexists(file) and not _own(file, stat.S_ISREG)):
                return None
            os.close(os.open(file, os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW, 0o600))
            connection = sqlite3.connect(file, timeout=1)
            try:
                connection.executescript(_SCHEMA)
            except sqlite3.OperationalError:
                connection.close()
                return None
            except sqlite3.Error:
                self._connection = connection
                self._discard()
                return None
            return connection
        return None

    def _discard(self) -> None:
        """Remove a damaged file; the next time it is made anew."""
        self.close()
        assert self._place is not None
        with contextlib.suppress(OSError):
            (self._place / FILE).unlink()

    def _bound(self, connection: "sqlite3.Connection") -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        if pages * size <= self._limit:
            return
        with connection:
            for table in ("summaries", "clean"):
                connection.execute(
                    f"DELETE FROM {table} WHERE rowid <= (SELECT (min(rowid) + max(rowid)) / 2 FROM {table})"
                )
        connection.execute("VACUUM")


def _own(place: Path, kind: Callable[[int], bool]) -> bool:
    """Whether something is of a kind, and nobody else may write or read it."""
    found = place.lstat()
    return kind(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077
