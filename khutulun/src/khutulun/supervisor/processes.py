"""All processes of a workload, not just its main one: who they are, and how they are brought to an end."""

import os
import signal

from khutulun.supervisor import cgroups, identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from khutulun.supervisor import loop


class Processes:
    """The processes of a workload, found by control group, or else by the session that its main process has begun."""

    def __init__(self, events: "loop.Loop") -> None:
        self.group: cgroups.Group | None = None
        self.leader = 0
        self._loop = events
        self._watched: dict[int, int] = {}
        self._deadline: loop.Timer | None = None
        self._patience = 0.0
        self._then: Callable[[], None] | None = None

    def members(self) -> list[int]:
        """The living ones."""
        if self.group is not None:
            return [pid for pid in self.group.members() if _alive(pid)]
        return identity.session(self.leader) if self.leader else []

    @property
    def ending(self) -> bool:
        """Whether `end` is at work."""
        return self._then is not None

    def end(self, number: int, patience: float, then: "Callable[[], None]") -> None:
        """Send a signal to all, SIGKILL to those that are left after `patience` seconds, and call `then` at the end.

        A second call while the first is at work only replaces `then`.
        """
        again, self._then = self.ending, then
        if not again:
            self._patience = patience
            self._deadline = self._loop.later(patience, self._kill)
            for pid in self.members():
                send(pid, number)
        self._watch()

    def _watch(self) -> None:
        for pid in self.members():
            if pid not in self._watched:
                try:
                    descriptor = os.pidfd_open(pid)
                except ProcessLookupError:
                    continue
                self._watched[pid] = descriptor
                self._loop.watch(descriptor, lambda pid=pid: self._gone(pid))  # type: ignore[misc]
        if not self._watched:
            self._finish()

    def _gone(self, pid: int) -> None:
        descriptor = self._watched.pop(pid)
        self._loop.unwatch(descriptor)
        os.close(descriptor)
        self._watch()

    def _finish(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self.leader = 0
        then, self._then = self._then, None
        if then is not None:
            then()

    def _kill(self) -> None:
        if self.group is not None:
            self.group.kill()
        for pid in self.members():
            send(pid, signal.SIGKILL)
        self._deadline = self._loop.later(self._patience + 1, self._kill)


def send(pid: int, number: int) -> None:
    """Send a signal to a process, or to the group `-pid`; one that is gone already is no error."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _alive(pid: int) -> bool:
    found = identity.status(pid)
    return found is not None and found[0] not in "ZX"
