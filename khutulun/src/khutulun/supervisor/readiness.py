"""Finds out when a started workload is ready: a port answers, a command succeeds, a line is written, or it says so."""

import array
import errno
import os
import signal
import socket
import struct

from khutulun.supervisor import launch, linux, output, processes

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Callable

    from khutulun.supervisor import loop

_FIRST_DELAY, _LAST_DELAY = 0.01, 0.25
_LONGEST_LINE = 1 << 16


class Probe:
    """Waits for readiness and then calls `ready`, once. `cancel` ends the waiting."""

    def __init__(self, events: "loop.Loop", ready: "Callable[[], None]") -> None:
        self.loop = events
        self._ready = ready
        self._delay = _FIRST_DELAY
        self._timer: loop.Timer | None = None

    def cancel(self) -> None:
        """Stop waiting."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None

    def finish(self) -> None:
        """It is ready."""
        self.cancel()
        self._ready()

    def again(self, call: "Callable[[], None]") -> None:
        """Try again, after a delay that grows up to a quarter of a second."""
        self._timer = self.loop.later(self._delay, call)
        self._delay = min(self._delay * 1.5, _LAST_DELAY)


class PortProbe(Probe):
    """A TCP port accepts a connection. The kernel tells nobody when a port opens, so it is tried until the deadline."""

    def __init__(self, events: "loop.Loop", ready: "Callable[[], None]", address: str, port: int) -> None:
        super().__init__(events, ready)
        family, kind, protocol, _, target = socket.getaddrinfo(
            address, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
        )[0]
        self._target: tuple[object, ...] = target
        self._kind = (family, kind, protocol)
        self._socket: socket.socket | None = None
        self._try()

    def cancel(self) -> None:
        super().cancel()
        if self._socket is not None:
            self.loop.unwatch(self._socket.fileno())
            self._socket.close()
            self._socket = None

    def _try(self) -> None:
        self._socket = socket.socket(*self._kind)
        self._socket.setblocking(False)
        if self._socket.connect_ex(self._target) == errno.EINPROGRESS:
            self.loop.watch(self._socket.fileno(), self._connected, write=True)
        else:
            self._connected()

    def _connected(self) -> None:
        assert self._socket is not None
        try:
            self._socket.getpeername()
        except OSError:
            self.cancel()
            self.again(self._try)
        else:
            self.finish()


class CommandProbe(Probe):
    """A command exits with 0; it is run again until then."""

    def __init__(self, events: "loop.Loop", ready: "Callable[[], None]", run: "Callable[[], int]") -> None:
        super().__init__(events, ready)
        self._run = run
        self._pid = 0
        self._try()

    def cancel(self) -> None:
        super().cancel()
        if self._pid:
            self.loop.child(self._pid, lambda _: None)
            processes.send(-self._pid, signal.SIGKILL)
            self._pid = 0

    def _try(self) -> None:
        try:
            self._pid = self._run()
        except launch.LaunchError:
            self.again(self._try)
        else:
            self.loop.child(self._pid, self._ended)

    def _ended(self, status: int) -> None:
        self._pid = 0
        if status == 0:
            self.finish()
        else:
            self.again(self._try)


class LogProbe(Probe):
    """A line of the output matches a regular expression."""

    def __init__(
        self,
        events: "loop.Loop",
        ready: "Callable[[], None]",
        source: output.Output,
        position: int,
        pattern: "re.Pattern[bytes]",
    ) -> None:
        super().__init__(events, ready)
        self._source, self._position, self._pattern = source, position, pattern
        self._rest = b""
        self._watch = linux.inotify()
        linux.inotify_add(self._watch, source.path, linux.IN_MODIFY)
        self.loop.watch(self._watch, self._changed)
        self._timer = self.loop.later(0, self._changed)

    def cancel(self) -> None:
        super().cancel()
        if self._watch >= 0:
            self.loop.unwatch(self._watch)
            os.close(self._watch)
            self._watch = -1

    def _changed(self) -> None:
        linux.inotify_read(self._watch)
        while True:
            start, data = self._source.read(self._position)
            self._position = start + len(data)
            if not data:
                return
            lines = (self._rest + data).split(b"\n")
            self._rest = lines.pop()[-_LONGEST_LINE:]
            if any(self._pattern.search(line) for line in [*lines, self._rest]):
                self.finish()
                return


class NotifyProbe(Probe):
    """The workload sends ``READY=1`` (see sd_notify(3)) to the abstract socket `name`. Others are not listened to."""

    def __init__(
        self, events: "loop.Loop", ready: "Callable[[], None]", name: str, member: "Callable[[int, int], bool]"
    ) -> None:
        super().__init__(events, ready)
        self._member = member
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._socket.bind("\0" + name)
        self.loop.watch(self._socket.fileno(), self._received)

    def cancel(self) -> None:
        super().cancel()
        if self._socket.fileno() >= 0:
            self.loop.unwatch(self._socket.fileno())
            self._socket.close()

    def _received(self) -> None:
        data, ancillary, _, _ = self._socket.recvmsg(4096, socket.CMSG_SPACE(256))
        pid = uid = 0
        descriptors = array.array("i")
        for level, kind, content in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
                pid, uid = struct.unpack("ii", content[:8])
            elif (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                descriptors.frombytes(content[: len(content) // 4 * 4])
        ready = b"READY=1" in data.split(b"\n") and self._member(pid, uid)
        for descriptor in descriptors:  # a sender that waits for us (BARRIER=1) goes on now
            os.close(descriptor)
        if ready:
            self.finish()
