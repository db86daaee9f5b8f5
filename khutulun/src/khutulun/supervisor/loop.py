"""The supervisor's event loop: descriptors, children, deadlines and times of day. It wakes only when one is due."""

import errno
import heapq
import os
import select
import signal
import time

from khutulun.supervisor import linux

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Timer:
    """A call that is due at a time; `cancel` takes it back."""

    __slots__ = ("call", "when")

    def __init__(self, when: float, call: "Callable[[], None]") -> None:
        self.when = when
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        """Forget the call."""
        self.call = None


class Loop:
    """Runs callbacks, one at a time, until `stop`."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._ready: dict[int, Callable[[], None]] = {}
        self._timers: list[tuple[float, int, Timer]] = []
        self._wall: list[Timer] = []
        self._children: dict[int, Callable[[int], None]] = {}
        self._count = 0
        self._running = True
        self._wakeup, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: self.stop())
        self._clock = linux.wall_timer()
        self.watch(self._wakeup, self._signalled)
        self.watch(self._clock, self._clock_due)

    def watch(self, descriptor: int, call: "Callable[[], None]", write: bool = False) -> None:
        """Call when `descriptor` can be read (or written)."""
        mask = select.EPOLLOUT if write else select.EPOLLIN
        if descriptor in self._ready:
            self._epoll.modify(descriptor, mask)
        else:
            self._epoll.register(descriptor, mask)
        self._ready[descriptor] = call

    def unwatch(self, descriptor: int) -> None:
        """The reverse of `watch`; harmless when it is not watched."""
        if self._ready.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)

    def later(self, seconds: float, call: "Callable[[], None]") -> Timer:
        """Call after `seconds`."""
        self._count += 1
        timer = Timer(time.monotonic() + seconds, call)
        heapq.heappush(self._timers, (timer.when, self._count, timer))
        return timer

    def at(self, when: float, call: "Callable[[], None]") -> Timer:
        """Call at `when` on the wall clock (Unix seconds), also when that clock is set meanwhile."""
        timer = Timer(when, call)
        self._wall.append(timer)
        self._set_clock()
        return timer

    def child(self, pid: int, call: "Callable[[int], None]") -> None:
        """Call with the wait status when the child `pid` has ended."""
        self._children[pid] = call

    def stop(self) -> None:
        """Let `run` return."""
        self._running = False

    def run(self) -> None:
        """Work until `stop`."""
        while self._running:
            for descriptor, _ in self._epoll.poll(self._timeout()):
                call = self._ready.get(descriptor)
                if call is not None:
                    call()
            self._run_timers()

    def _timeout(self) -> float:
        while self._timers and self._timers[0][2].call is None:
            heapq.heappop(self._timers)
        return max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else -1

    def _run_timers(self) -> None:
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            call = heapq.heappop(self._timers)[2].call
            if call is not None:
                call()

    def _set_clock(self) -> None:
        self._wall = [timer for timer in self._wall if timer.call is not None]
        linux.set_wall_timer(self._clock, min((timer.when for timer in self._wall), default=0))

    def _clock_due(self) -> None:
        try:
            os.read(self._clock, 8)
        except OSError as error:
            if error.errno not in (errno.ECANCELED, errno.EAGAIN):  # cancelled: the clock was set, so look again
                raise
        now = time.time()
        due = [timer for timer in self._wall if timer.when <= now]
        self._wall = [timer for timer in self._wall if timer.when > now]
        self._set_clock()
        for timer in due:
            if timer.call is not None:
                timer.call()

    def _signalled(self) -> None:
        os.read(self._wakeup, 4096)
        while self._reap():
            pass

    def _reap(self) -> bool:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False
        call = self._children.pop(pid, None)
        if call is not None:
            call(status)
        return pid != 0
