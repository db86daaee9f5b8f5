"""Stores: where the graph lives.

`open` finds the backend by the scheme of an address; `BACKENDS` is the one place where backends are registered. A
backend is a module with ``open_address(address, *, read_only) -> Store`` and ``restore(file, address, *, replace)``.
"""

import importlib
import re
from pathlib import Path
from typing import Any

from floria.store.interface import Store, StoreError

BACKENDS = {
    "memory": "floria.store.memory",
    "sqlite": "floria.store.sqlite",
}


def open(address: str, *, read_only: bool = False) -> Store:
    """Open ``memory:``, ``sqlite:PATH`` or a path (SQLite). Raises `StoreError`."""
    backend, rest = _backend(address)
    store: Store = backend.open_address(rest, read_only=read_only)
    return store


def restore(file: Path, address: str, *, replace: bool = False) -> None:
    """Make a store at `address` from a backup, with `replace` instead of the one there. Raises `StoreError`."""
    backend, rest = _backend(address)
    backend.restore(file, rest, replace=replace)


def _backend(address: str) -> tuple[Any, str]:
    scheme, rest = _split(address)
    if scheme not in BACKENDS:
        known = ", ".join(f"{name}:" for name in BACKENDS)
        raise StoreError(f"{address}: there is no store for {scheme}:", f"known are {known} and a plain path (SQLite)")
    return importlib.import_module(BACKENDS[scheme]), rest


def _split(address: str) -> tuple[str, str]:
    match = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)", address, re.DOTALL)
    return (match[1], match[2]) if match else ("sqlite", address)
