"""What making and removing one process consists of, inside the server: counts, and the time of each stage.

    python -m benchmarks.stages [--rounds N] [--json FILE]

Counts do not depend on how busy a machine is; `process` says what it all takes beside the raw tools. A stage's time is
the wall clock within it, also while it waits for systemd or for a core. Stages contain each other. Needs root and the
packages that testbed/README.md names.
"""

import contextlib
import functools
import json
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks import inside, lines
from benchmarks.process import TEMPLATE
from floria.plugins import host as plugins
from floria.plugins.component import LoadedComponent
from floria.plugins.effects import effects, processes
from floria.store.sqlite import durability, store
from khutulun.agent.journal import Journal
from khutulun.conductor.results import Results
from khutulun.systemd.connection import Connection, Shared

WAYS = (("create", "start"), ("stop", "delete"))
SETTLED = 0.3
"""Seconds after which the events of what was done are told, too."""

STAGES: tuple[tuple[str, Any, str], ...] = (
    ("transactions of the store", store.SqliteStore, "write"),
    ("syncs of the store", durability.Log, "sync"),
    ("evaluations of properties", Results, "evaluate"),
    ("statements of the agent's journal", Journal, "_execute"),
    ("calls of plugins", plugins.PluginHost, "dispatch"),
    ("instances made", LoadedComponent, "_instantiate"),
    ("effects and queries", effects.Effects, "perform"),
    ("processes", processes, "start"),
    ("turns to systemd", Shared, "_take"),
    ("messages to systemd", Connection, "_send"),
    ("jobs of systemd", Connection, "job"),
)


class Stages:
    """Counts and times calls while it is `on`."""

    def __init__(self) -> None:
        self.on = False
        self.counts: Counter[str] = Counter()
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._lock = threading.Lock()
        for name, owner, attribute in STAGES:
            setattr(owner, attribute, self._watched(name, getattr(owner, attribute)))

    def _watched(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def run(*arguments: Any, **named: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                if self.on:
                    with self._lock:
                        self.counts[name] += 1
                        self.seconds[name] += time.perf_counter() - began

        return run

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Count within the ``with`` block."""
        self.on = True
        try:
            yield
        finally:
            self.on = False


def main() -> int:
    parser = lines.options(__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--inside", action="store_true", help="measure on this very machine: for test hosts")
    given = parser.parse_args()
    if given.inside:
        stages = Stages()
        with inside.assembled() as khutulun:
            print(json.dumps(_measured(khutulun, stages, given.rounds)))
        return 0
    found = lines.Lines("stages")
    for way, measured in inside.run("benchmarks.stages", [f"--rounds={given.rounds}"]).items():
        found.add(f"{way}: processor time of the server", measured["processor"], "ms")
        found.add(f"{way}: of that, the thread that asks", measured["thread"], "ms")
        for name, count in measured["counts"].items():
            found.add(
                f"{way}: {name}", count, f"of {measured['each_ms'][name]:.2f} ms", each_ms=measured["each_ms"][name]
            )
    found.write(given.json)
    return 0


def _measured(khutulun: inside.Inside, stages: Stages, rounds: int) -> dict[str, Any]:
    """Return, for each way, the mean counts and times of one round."""
    khutulun.deploy("one", TEMPLATE.format(count=1, transient="true"))
    khutulun.call("one", "sleeper", "stop", "delete")
    result: dict[str, Any] = {}
    settled = threading.Event()
    for number in range(rounds + 1):
        for way in WAYS:
            settled.wait(SETTLED)
            processor, thread = time.process_time(), time.thread_time()
            with stages.watching():
                khutulun.call("one", "sleeper", *way)
                thread = time.thread_time() - thread
                settled.wait(SETTLED)
            told = result.setdefault("+".join(way), {"processor": 0.0, "thread": 0.0})
            if number:  # the first round warms the caches
                told["processor"] += (time.process_time() - processor) * 1000 / rounds
                told["thread"] += thread * 1000 / rounds
                for name, count in stages.counts.items():
                    told.setdefault("counts", Counter())[name] += count / rounds
                    told.setdefault("each_ms", defaultdict(float))[name] += stages.seconds[name] * 1000 / count / rounds
            stages.counts.clear()
            stages.seconds.clear()
    return result


if __name__ == "__main__":
    sys.exit(main())
