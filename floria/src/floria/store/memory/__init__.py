"""A store that lives in memory: for tests, simulations and graphs that need not outlive their process."""

from pathlib import Path

from floria.store.interface import StoreError
from floria.store.memory.store import MemoryStore

__all__ = ["MemoryStore", "open_address", "restore"]


def open_address(address: str, *, read_only: bool = False) -> MemoryStore:
    """Return an empty store; what follows ``memory:`` must be empty. There is nothing in it to be read only."""
    if address:
        raise StoreError(f"memory:{address} is no address", "a store in memory has no name: write memory:")
    if read_only:
        raise StoreError("a store in memory is empty when it is opened: there is nothing to read", "write sqlite:PATH")
    return MemoryStore()


def restore(file: Path, address: str, *, replace: bool = False) -> None:
    """Refuse: the restored store would be gone when the command ends (see `MemoryStore.restored`)."""
    raise StoreError("a backup cannot be restored into memory:", "restore it to sqlite:PATH")
