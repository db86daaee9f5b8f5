"""Instances that have served a call and wait for another one of the same scope, for the memory that they hold.

A scope is what the caller says belongs together. `floria.plugins.residency` gives and takes.
"""

import threading
from collections.abc import Hashable

from floria.plugins.component import Prepared

MOST = 16
"""Instances that wait; the one that has waited longest makes room."""

CALLS = 100
"""Calls that an instance serves at most."""

PAGES = 2048
"""Pages of memory that the calls of an instance may touch for the first time; a call of a driver touches 250."""


class Instances:
    """Thread-safe. What is taken belongs to the taker alone until it is given back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[tuple[str, Hashable, Prepared]] = []

    def take(self, plugin: str, scope: Hashable) -> Prepared | None:
        """Return the instance of this plugin and scope that has served last, None when there is none."""
        with self._lock:
            for index in range(len(self._waiting) - 1, -1, -1):
                if self._waiting[index][:2] == (plugin, scope):
                    return self._waiting.pop(index)[2]
        return None

    def give(self, plugin: str, scope: Hashable, made: Prepared) -> None:
        """Have an instance wait, or close it when it is not to be used again."""
        dropped: Prepared | None = made
        if made.is_sound and made.calls < CALLS and made.pages < PAGES:
            with self._lock:
                self._waiting.append((plugin, scope, made))
                dropped = self._waiting.pop(0)[2] if len(self._waiting) > MOST else None
        if dropped is not None:
            dropped.store.close()

    def drop(self, plugin: str | None = None) -> None:
        """Close those of a plugin that wait, or all."""
        with self._lock:
            dropped = [one for one in self._waiting if plugin in (None, one[0])]
            self._waiting = [one for one in self._waiting if plugin not in (None, one[0])]
        for _, _, made in dropped:
            made.store.close()

    def __len__(self) -> int:
        return len(self._waiting)
