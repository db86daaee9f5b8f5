"""Times of what is done several times, by name."""

import time
from collections.abc import Callable


class Stopwatch:
    """Times by name."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = {}

    def measure(self, name: str, work: Callable[[], object]) -> None:
        began = time.perf_counter()
        work()
        self.times.setdefault(name, []).append(time.perf_counter() - began)
