"""Keeps a server small and quick: called by `khutulun.server`, and by benchmarks."""

import contextlib
import ctypes
import gc
import sys
from typing import TYPE_CHECKING

import apsw

if TYPE_CHECKING:
    from floria.store.interface import Store

ARENAS = 2
"""Of the C library's allocator; by default it makes eight for each core, and each keeps what its threads freed."""

LARGE = 64 << 10
"""Bytes from which an allocation is a mapping of its own, which goes back to the system when it is freed."""

DATABASE = 8 << 20
"""Bytes from which SQLite reuses the pages that its connections cache in place of new ones."""

TURN = 0.000_5
"""Seconds after which a thread lets another one go on: an event does not wait long for what is done besides."""

_MMAP_THRESHOLD, _ARENA_MAX = -3, -8


def apply() -> None:
    """Set the bounds, before there are threads."""
    adjust = getattr(ctypes.CDLL(None), "mallopt", None)
    if adjust is not None:  # only the GNU C library has it
        adjust(_ARENA_MAX, ARENAS)
        adjust(_MMAP_THRESHOLD, LARGE)
    apsw.soft_heap_limit(DATABASE)
    sys.setswitchinterval(TURN)


def rest(store: "Store") -> None:
    """Free what is not needed while nothing happens. The plugin host asks for it some seconds after the last work."""
    gc.collect()
    store.rest()
    for connection in apsw.connections():  # the agent's, too
        with contextlib.suppress(apsw.Error):  # one that is used right now
            connection.release_memory()
