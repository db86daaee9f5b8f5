"""What making and removing one process, and one container, consist of inside the server: counts and times of stages.

    python -m benchmarks.stages [--rounds N] [--json FILE]

Counts do not depend on how busy a machine is; `process` and `container` say what it all takes beside the raw tools. A
stage's time is the wall clock within it, also while it waits for systemd, for Podman or for a core, and the processor
time of its thread. Stages contain each other. Needs root and the packages that testbed/README.md names.
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

from benchmarks import container, inside, lines, process
from floria.plugins import host as plugins
from floria.plugins.component import LoadedComponent
from floria.plugins.effects import effects, processes
from floria.store.sqlite import durability, store
from khutulun.agent.journal import Journal
from khutulun.conductor.results import Results
from khutulun.systemd.connection import Connection, Shared

KINDS = {
    "process": process.TEMPLATE.format(count=1, transient="true"),
    "container": container.TEMPLATE.format(count=1, units="never", image=container.IMAGE),
}
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
        self.processor: defaultdict[str, float] = defaultdict(float)
        self._lock = threading.Lock()
        for name, owner, attribute in STAGES:
            setattr(owner, attribute, self._watched(name, getattr(owner, attribute)))

    def _watched(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def run(*arguments: Any, **named: Any) -> Any:
            began, used = time.perf_counter(), time.thread_time()
            try:
                return function(*arguments, **named)
            finally:
                if self.on:
                    with self._lock:
                        self.counts[name] += 1
                        self.seconds[name] += time.perf_counter() - began
                        self.processor[name] += time.thread_time() - used

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
        container.prepare()
        stages = Stages()
        with inside.assembled() as khutulun:
            print(json.dumps({kind: _measured(khutulun, stages, kind, given.rounds) for kind in KINDS}))
        return 0
    found = lines.Lines("stages")
    for kind, ways in inside.run("benchmarks.stages", [f"--rounds={given.rounds}"]).items():
        for way, measured in ways.items():
            _tell(found, f"{kind}, {way}", measured)
    found.write(given.json)
    return 0


def _tell(found: lines.Lines, way: str, measured: dict[str, Any]) -> None:
    found.add(f"{way}: processor time of the server", measured["processor"], "ms")
    found.add(f"{way}: of that, the thread that asks", measured["thread"], "ms")
    for name, (count, each, processor) in measured["stages"].items():
        shown = f"of {each:.2f} ms, {processor:.2f} of the processor"
        found.add(f"{way}: {name}", count, shown, each_ms=each, each_processor_ms=processor)


def _measured(khutulun: inside.Inside, stages: Stages, kind: str, rounds: int) -> dict[str, Any]:
    """Return, for each way, the mean counts and times of one round."""
    service = f"one-{kind}"
    khutulun.deploy(service, KINDS[kind])
    for way in reversed(WAYS):
        khutulun.call(service, "sleeper", *way)  # the first round warms the caches
    khutulun.call(service, "sleeper", *WAYS[1])
    result: dict[str, Any] = {}
    settled = threading.Event()
    for way in WAYS:
        result["+".join(way)] = {"processor": 0.0, "thread": 0.0, "stages": {}}
    kept = {name: (Counter[str](), defaultdict[str, float](float), defaultdict[str, float](float)) for name in result}
    for _ in range(rounds):
        for way in WAYS:
            told = result["+".join(way)]
            stages.counts, stages.seconds, stages.processor = kept["+".join(way)]
            settled.wait(SETTLED)
            processor, thread = time.process_time(), time.thread_time()
            with stages.watching():
                khutulun.call(service, "sleeper", *way)
                thread = time.thread_time() - thread
                settled.wait(SETTLED)
            told["processor"] += (time.process_time() - processor) * 1000 / rounds
            told["thread"] += thread * 1000 / rounds
    for name, (counts, seconds, used) in kept.items():
        for stage, count in counts.items():
            times = (seconds[stage] * 1000 / count, used[stage] * 1000 / count)
            result[name]["stages"][stage] = (count / rounds, *times)
    khutulun.undeploy(service)
    return result


if __name__ == "__main__":
    sys.exit(main())
