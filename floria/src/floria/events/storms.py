"""Storms: the same event from the same source, more often than a set rate.

A token bucket for each source and name lets bursts through. What comes above the rate is held back and told as one
event, with a count, as soon as the rate allows. That events are being held back is in the journal before the caller
goes on, so that nothing is lost when the process dies meanwhile.
"""

import heapq
import threading
from collections.abc import Callable
from typing import TypeAlias

import msgspec

from floria import ids
from floria.evaluation import Clock
from floria.events.event import Event
from floria.ids import Id

Schedule: TypeAlias = Callable[[float, Callable[[], None]], None]
"""Calls a function once, after some seconds, from any thread."""

MAX_IDS = 1000
MAX_BUCKETS = 10_000
SECOND = 1_000_000_000


class Rate(msgspec.Struct, frozen=True):
    """`burst` events at once, and `per_second` in the long run, of each name from each source."""

    per_second: float = 20.0
    burst: int = 40


class Window(msgspec.Struct):
    """Events held back. `id` is that of the one event that will stand for them."""

    id: str
    first: Event
    latest: Event
    count: int
    ids: set[str]
    durable: bool = False

    def summary(self) -> Event:
        """Return the event that stands for all of them: the latest, with their number."""
        return msgspec.structs.replace(self.latest, id=self.id, count=self.count)


class _Bucket(msgspec.Struct):
    tokens: float
    time: int
    window: Window | None = None


def schedule(seconds: float, callback: Callable[[], None]) -> None:
    """Call `callback` from a thread of its own that lives until then."""
    timer = threading.Timer(seconds, callback)
    timer.daemon = True
    timer.start()


class Storms:
    """The buckets of one emitter. Thread-safe."""

    def __init__(self, rate: Rate, clock: Clock) -> None:
        self._rate, self._clock = rate, clock
        self._buckets: dict[tuple[Id, str], _Bucket] = {}
        self._lock = threading.Lock()

    def admit(self, event: Event) -> Window | None:
        """Return the window in which the event is held back, or None: it may be told.

        Whoever gets a window that is not durable writes it down, and then calls `begin`, or `retract` when it cannot.
        """
        with self._lock:
            bucket = self._bucket(event)
            if bucket.window is not None:
                self._absorb(bucket.window, event)
                return bucket.window
            if bucket.tokens >= 1:
                bucket.tokens -= 1
                return None
            bucket.window = Window(ids.derive("storm", event.id), event, event, event.count, {event.id})
            return bucket.window

    def begin(self, window: Window) -> bool:
        """Note that the window is durable; whether the caller is the first to say so."""
        with self._lock:
            first, window.durable = not window.durable, True
            return first

    def retract(self, window: Window, event: Event) -> None:
        """Take an event out of a window that could not be written down."""
        with self._lock:
            window.count -= event.count
            window.ids.discard(event.id)
            bucket = self._buckets.get((event.source, event.name))
            if window.count <= 0 and bucket is not None and bucket.window is window:
                bucket.window = None

    def wait(self, event: Event) -> float:
        """Return the seconds until the next event of this kind may be told."""
        with self._lock:
            return max(0.0, (1 - self._bucket(event).tokens) / self._rate.per_second)

    def close(self, window: Window) -> Event | None:
        """End a window and return the event that stands for it; None when it ended before."""
        with self._lock:
            bucket = self._buckets.get((window.first.source, window.first.name))
            if bucket is None or bucket.window is not window:
                return None
            bucket.window = None
            bucket.tokens -= 1
            return window.summary()

    def windows(self) -> list[Window]:
        """Return the open windows."""
        with self._lock:
            return [bucket.window for bucket in self._buckets.values() if bucket.window is not None]

    def _bucket(self, event: Event) -> _Bucket:
        now = self._clock()
        key = (event.source, event.name)
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= MAX_BUCKETS:
                self._make_room(now)
            bucket = self._buckets[key] = _Bucket(float(self._rate.burst), now)
        self._refill(bucket, now)
        return bucket

    def _refill(self, bucket: _Bucket, now: int) -> None:
        earned = max(0, now - bucket.time) / SECOND * self._rate.per_second
        bucket.tokens = min(float(self._rate.burst), bucket.tokens + earned)
        bucket.time = max(now, bucket.time)

    def _make_room(self, now: int) -> None:
        """Forget a tenth of the buckets: those that are fullest, never one that holds events back."""
        for bucket in self._buckets.values():
            self._refill(bucket, now)
        idle = [(bucket.tokens, key) for key, bucket in self._buckets.items() if bucket.window is None]
        for _, key in heapq.nlargest(MAX_BUCKETS // 10, idle):
            del self._buckets[key]

    def _absorb(self, window: Window, event: Event) -> None:
        if event.id in window.ids:
            return
        if len(window.ids) < MAX_IDS:
            window.ids.add(event.id)
        window.latest = event
        window.count += event.count
