"""A store in one SQLite file: the default, embedded and durable."""

from pathlib import Path

from floria.store.interface import StoreError
from floria.store.sqlite import backups
from floria.store.sqlite.store import SqliteStore

__all__ = ["SqliteStore", "open_address", "restore"]


def open_address(address: str, *, read_only: bool = False) -> SqliteStore:
    """Open the file at the path `address`."""
    return SqliteStore(_path(address), read_only=read_only)


def restore(file: Path, address: str, *, replace: bool = False) -> None:
    """Make the store at the path `address` from a backup file."""
    backups.restore(file.absolute(), _path(address), replace=replace)


def _path(address: str) -> Path:
    if not address:
        raise StoreError("sqlite: has no path", "write sqlite:PATH")
    return Path(address).expanduser().absolute()
