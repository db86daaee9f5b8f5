"""Which components are in memory: compiled when first seen, mapped when called, dropped when they rest."""

import contextlib
import queue
import shutil
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from pathlib import Path

from floria.plugins import build, compiling, memory
from floria.plugins.cache import Cache
from floria.plugins.carriers import Carrier, Plugin
from floria.plugins.component import LoadedComponent, Prepared, Runtime
from floria.plugins.engine import identity
from floria.plugins.faults import Fault
from floria.plugins.instances import Instances

QUIET = 0.05
"""Seconds without a call after which instances are made ahead."""

Progress = Callable[[str], None]


class Components:
    """The components of a host. Thread-safe. Only around calls does anything run here."""

    def __init__(
        self,
        cache: Cache,
        runner: Path | None,
        progress: Progress | None,
        idle: float,
        rest: Callable[[], None] | None = None,
    ) -> None:
        self._cache, self._runner, self._progress, self._idle, self._rest = cache, runner, progress, idle, rest
        self._lock = threading.RLock()
        self._runtime: Runtime | None = None
        self._loaded: dict[str, LoadedComponent] = {}
        self._kept: set[Plugin] = set()
        self._served = Instances()
        self._orders: queue.SimpleQueue[Plugin | None] = queue.SimpleQueue()
        self._maker: threading.Thread | None = None
        self._janitor = Janitor(idle, self._clean)

    def compile(self, plugin: Plugin) -> Path:
        """Return the compiled form of the plugin's component, compiling it when it is seen for the first time."""
        if plugin.carrier is Carrier.PYTHON:
            return self.compile(self._running_plugin())
        return self._cache.get(f"{plugin.key}.{_suffix()}", lambda out: self._compile(plugin, out))

    @contextlib.contextmanager
    def using(self, plugin: Plugin, scope: Hashable = None) -> Iterator[tuple[LoadedComponent, Prepared]]:
        """Yield the plugin's component, and what a call is to run in.

        With a `scope` it may have served others of the scope, and goes on to serve more of them if it is sound.
        """
        with self._janitor.busy():
            component = self._get(plugin)
            served = self._served.take(_identity(plugin), scope) if scope is not None else None
            ahead = self._take(plugin) if served is None else None
            made = served or ahead or component.blank()
            try:
                yield component, made
            finally:
                if scope is not None:
                    self._served.give(_identity(plugin), scope, made)
                else:
                    made.store.close()
                if ahead is not None:
                    self._order(plugin)

    def keep(self, plugin: Plugin, instances: int, *, soon: bool = False) -> None:
        """Keep the plugin's code mapped and `instances` of it ready, `soon` or when it returns; 0 lets go."""
        with self._lock:
            plugin.kept = instances
            (self._kept.add if instances else self._kept.discard)(plugin)
            while len(plugin.ahead) > instances:
                plugin.ahead.pop().store.close()
        if not instances:
            self._served.drop(_identity(plugin))
        for _ in range(instances - len(plugin.ahead)):
            if soon:
                self._order(plugin)
            else:
                with self._janitor.busy():
                    self._make(plugin)

    def trim(self) -> None:
        """Unmap what is not kept, and drop the pages of what is; nothing happens while a call is in progress."""
        self._janitor.clean_if_idle()

    def _clean(self) -> None:
        self._served.drop()
        with self._lock:
            kept = {self._key(plugin) for plugin in self._kept}
            for key in self._loaded.keys() - kept:
                self._loaded.pop(key).close()
        if self._rest is not None:
            self._rest()
        memory.release_pages(self._cache.folder)
        memory.give_back()

    def close(self) -> None:
        """Drop everything."""
        self._janitor.close()
        if self._maker is not None:
            self._orders.put(None)
            self._maker.join()
        for plugin in list(self._kept):
            self.keep(plugin, 0)
        self._served.drop()
        with self._lock:
            for component in self._loaded.values():
                component.close()
            self._loaded.clear()
            if self._runtime is not None:
                self._runtime.close()

    def _get(self, plugin: Plugin) -> LoadedComponent:
        key = self._key(plugin)
        found = self._loaded.get(key)
        if found is not None:
            return found
        file = self.compile(plugin)
        with self._lock:
            if key not in self._loaded:
                self._runtime = self._runtime or Runtime()
                self._loaded[key] = LoadedComponent(self._runtime, str(file), plugin.name)
            return self._loaded[key]

    def _key(self, plugin: Plugin) -> str:
        return "runner" if plugin.carrier is Carrier.PYTHON else plugin.key

    def _running_plugin(self) -> Plugin:
        if self._runner is None:
            try:
                self._runner = build.runner(progress=self._progress)
            except build.BuildError as error:
                raise Fault("no-runner", f"Python sources need the runner component: {error}") from None
        return Plugin(compiling.digest(self._runner), Carrier.WASM, self._runner, "runner")

    def _compile(self, plugin: Plugin, out: Path) -> None:
        if self._progress:
            self._progress(f"compiling plugin {plugin.name} for this machine (once)")
        blob = out.with_name(f"{out.name}.wasm")
        try:
            with plugin.open() as source, blob.open("wb") as target:
                shutil.copyfileobj(source, target)
            seconds = compiling.compile_in_child(blob, out, plugin.name)
        finally:
            blob.unlink(missing_ok=True)
        if self._progress:
            self._progress(f"compiled plugin {plugin.name} in {seconds:.1f} s")

    def _take(self, plugin: Plugin) -> Prepared | None:
        try:
            return plugin.ahead.popleft() if plugin.kept else None
        except IndexError:
            return None

    def _order(self, plugin: Plugin) -> None:
        """Have an instance made by a thread of its own, when the calls of this moment and what they lead to are over.

        An event waits for its handlers, and nobody for the next instance.
        """
        with self._lock:
            if self._maker is None:
                self._maker = threading.Thread(target=self._make_orders, name="plugin-instances", daemon=True)
                self._maker.start()
        self._orders.put(plugin)

    def _make_orders(self) -> None:
        while (plugin := self._orders.get()) is not None:
            if self._janitor.await_quiet(QUIET) and len(plugin.ahead) < plugin.kept:
                with self._janitor.busy(), contextlib.suppress(Fault):  # the next call tells why it cannot start
                    self._make(plugin)

    def _make(self, plugin: Plugin) -> None:
        made = self._get(plugin).prepare(plugin.sources, warm=True)
        with self._lock:
            if len(plugin.ahead) < plugin.kept:
                plugin.ahead.append(made)
                return
        made.store.close()


class Janitor:
    """Calls `clean` once when nothing was busy for `idle` seconds. Between uses its thread sleeps without a timeout."""

    def __init__(self, idle: float, clean: Callable[[], None]) -> None:
        self._idle, self._clean = idle, clean
        self._condition = threading.Condition()
        self._busy = 0
        self._last = 0.0
        self._armed = self._parked = self._awaited = self._closed = False
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def busy(self) -> Iterator[None]:
        with self._condition:
            self._busy += 1
        try:
            yield
        finally:
            with self._condition:
                self._busy -= 1
                self._last = time.monotonic()
                if not self._armed:
                    self._arm()
                elif (self._parked or self._awaited) and not self._busy:
                    self._condition.notify_all()

    def await_quiet(self, seconds: float) -> bool:
        """Wait until nothing was busy for so long; False when it closes. For one thread at a time."""
        with self._condition:
            self._awaited = True
            while not self._closed:
                left = self._last + seconds - time.monotonic()
                if not self._busy and left <= 0:
                    break
                self._condition.wait(None if self._busy else left)
            self._awaited = False
            return not self._closed

    def clean_if_idle(self) -> None:
        with self._condition:
            if not self._busy:
                self._clean()

    def close(self) -> None:
        with self._condition:
            self._closed = True
            self._condition.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _arm(self) -> None:
        self._armed = True
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="plugin-janitor", daemon=True)
            self._thread.start()
        self._condition.notify_all()

    def _run(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._armed or self._closed)
                while not self._closed and self._restless():
                    pass
                if self._closed:
                    return
                self._armed = False
                self._clean()

    def _restless(self) -> bool:
        """Wait for the end of the rest; return whether there was a use meanwhile."""
        self._parked = bool(self._busy)
        left = self._last + self._idle - time.monotonic()
        if not self._busy and left <= 0:
            return False
        self._condition.wait(None if self._busy else left)
        return True


def _identity(plugin: Plugin) -> str:
    return f"{plugin.key}.{plugin.carrier}"


def _suffix() -> str:
    return compiling.short(identity()) + ".compiled"
