"""The Wasm carrier: loads compiled components and runs calls in instances of them."""

import contextlib
import ctypes
import math
import resource
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from wasmtime import Store, WasmtimeError
from wasmtime import _ffi as ffi
from wasmtime.component import Component, Func, Instance, Linker, Record

from floria.plugins import bindings, component_types, engine, wasi
from floria.plugins.budgets import DESCRIBE, Budget
from floria.plugins.calls import Call, Sources
from floria.plugins.faults import Fault, FaultData, decode_detail
from floria.plugins.grants import NONE

T = TypeVar("T")
PLUGIN = bindings.interface("plugin")
_EPOCH_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_size_t,
    ctypes.POINTER(ffi.wasmtime_context_t),
    ctypes.c_void_p,
    ctypes.POINTER(ctypes.c_uint64),
    ctypes.POINTER(ffi.wasmtime_update_deadline_kind_t),
)
_NO_FINALIZER = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(0)


class Guest:
    """A call inside the sandbox: its CPU time, its timers, and why the host stopped it."""

    def __init__(self, call: Call, ticker: engine.Ticker) -> None:
        self.call = call
        self.failure: Fault | None = None
        self.timers: dict[int, int] = {}
        self._ticker = ticker
        self._used = 0.0
        self._entered: float | None = None

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Count what runs as the guest's CPU time."""
        self._enter()
        try:
            yield
        finally:
            self._leave()

    @contextlib.contextmanager
    def outside(self) -> Iterator[None]:
        """Do not: the guest waits for the host."""
        self._leave()
        try:
            yield
        finally:
            self._enter()

    def ticks(self) -> int:
        """Return after how many ticks to look again; 0 when a limit is reached, with `failure` set."""
        used = self._used + (0.0 if self._entered is None else time.thread_time() - self._entered)
        left = min(self.call.budget.cpu - used, self.call.left)
        if left > 0:
            return math.ceil(left / engine.TICK)
        self.failure = self.call.too_long() if self.call.left <= 0 else self.call.too_busy()
        return 0

    def _enter(self) -> None:
        self._entered = time.thread_time()
        self._ticker.enter()

    def _leave(self) -> None:
        self._ticker.leave()
        if self._entered is not None:
            self._used += time.thread_time() - self._entered
            self._entered = None


class Prepared:
    """A store with an instance, which is made in it at the latest by its first call.

    `calls` and `pages` (of memory, touched for the first time) count what it has served. Whoever has called says that
    it `is_sound` when it can serve another call: not when it was stopped, or has ended in a fault.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.functions: tuple[Func, Func] | None = None
        self.calls = self.pages = 0
        self.is_sound = True

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """Count a call."""
        before = _faults()
        self.is_sound = False
        try:
            yield
        finally:
            self.calls += 1
            self.pages += _faults() - before


class Runtime:
    """The engine of a host, shared by its components. `current` is the guest that this thread runs."""

    def __init__(self) -> None:
        component_types.convert_quickly()
        self.engine = engine.make()
        self.ticker = engine.Ticker(self.engine)
        self._local = threading.local()
        self._on_epoch = _EPOCH_CALLBACK(self._epoch)

    def current(self) -> Guest:
        guest: Guest = self._local.guest
        return guest

    @contextlib.contextmanager
    def running(self, guest: Guest) -> Iterator[None]:
        before = getattr(self._local, "guest", None)
        self._local.guest = guest
        try:
            with guest.inside():
                yield
        finally:
            self._local.guest = before

    def store(self, budget: Budget) -> Store:
        """Return a store with the limits of a budget."""
        store = Store(self.engine)
        limit(store, budget)
        ffi.wasmtime_store_epoch_deadline_callback(store.ptr(), self._on_epoch, None, _NO_FINALIZER)
        return store

    def close(self) -> None:
        self.ticker.close()

    def _epoch(self, context: Any, data: Any, delta: Any, kind: Any) -> int:
        ticks = self.current().ticks()
        if ticks:
            delta[0] = ticks
            kind[0] = 0
            return 0
        return int(ctypes.cast(WasmtimeError("stopped by the host")._consume(), ctypes.c_void_p).value or 0)


class LoadedComponent:
    """A component mapped into memory, ready to make instances."""

    def __init__(self, runtime: Runtime, file: str, name: str) -> None:
        self._runtime, self._name = runtime, name
        try:
            self._component = Component.deserialize_file(runtime.engine, file)
        except WasmtimeError as error:
            raise Fault("invalid-component", f"{name}: {_first_line(error)}") from None
        self._linker = Linker(runtime.engine)
        imports = self._component.type.imports(runtime.engine)
        try:
            wasi.link(self._linker, runtime.engine, imports, runtime.current)
            bindings.link(self._linker, runtime.engine, imports, runtime.current)
            self._linker.define_unknown_imports_as_traps(self._component)
        except WasmtimeError as error:
            raise Fault("invalid-component", f"{name}: {_first_line(error)}") from None
        self._describe = self._index("describe")
        self._dispatch = self._index("dispatch")

    def blank(self) -> Prepared:
        """Return what the first call makes an instance in."""
        return Prepared(self._runtime.store(DESCRIBE))

    def prepare(self, sources: Sources = (), *, warm: bool = False) -> Prepared:
        """Make an instance. `warm` has it describe itself and asks for a function without a name.

        This touches the pages that every call needs, so that they are there when the call comes.
        """
        guest = Guest(Call(self._name, NONE, None, DESCRIBE, sources), self._runtime.ticker)
        made = self.blank()
        try:
            describe, dispatch = self._guarded(guest, made.store, lambda: self._functions(made))
            if warm:
                self._guarded(guest, made.store, lambda: describe(made.store))
                self._guarded(guest, made.store, lambda: dispatch(made.store, "", "{}", "[]"))
        except BaseException:
            made.store.close()
            raise
        return made

    def describe(self, call: Call, made: Prepared) -> str:
        """Return the manifest as text. Raises `Fault`."""
        return str(self._run(call, made, lambda describe, dispatch: describe(made.store)))

    def dispatch(self, call: Call, made: Prepared, function: str, site: str, arguments: str) -> str:
        """Call a function in an instance, which the caller keeps or closes. Raises `Fault`."""
        result = self._run(call, made, lambda describe, dispatch: dispatch(made.store, function, site, arguments))
        if isinstance(result, Record):
            fault: Any = result
            raise Fault.of(FaultData(fault.code, fault.message, fault.retryable, decode_detail(fault.detail)))
        return str(result)

    def close(self) -> None:
        """Give the memory back."""
        self._linker.close()
        self._component.close()

    def _run(self, call: Call, made: Prepared, work: Callable[[Func, Func], T]) -> T:
        guest = Guest(call, self._runtime.ticker)
        limit(made.store, call.budget)
        try:
            with made.serving():
                return self._guarded(guest, made.store, lambda: work(*self._functions(made)))
        finally:
            call.finish()

    def _guarded(self, guest: Guest, store: Store, work: Callable[[], T]) -> T:
        with self._runtime.running(guest):
            store.set_epoch_deadline(max(1, guest.ticks()))
            try:
                return work()
            except WasmtimeError as error:
                raise self._fault(guest, error) from None
            except (TypeError, ValueError, AttributeError, AssertionError) as error:
                message = f"{guest.call.actor} has other types than the contract: {error}"
                raise Fault("invalid-component", message) from None

    def _functions(self, made: Prepared) -> tuple[Func, Func]:
        if made.functions is None:
            made.functions = self._instantiate(made.store)
        return made.functions

    def _instantiate(self, store: Store) -> tuple[Func, Func]:
        instance = self._linker.instantiate(store, self._component)
        return self._func(instance, store, "describe"), self._func(instance, store, "dispatch")

    def _func(self, instance: Instance, store: Store, name: str) -> Func:
        found = instance.get_func(store, self._describe if name == "describe" else self._dispatch)
        if found is None:
            raise Fault("invalid-component", f"{self._name} does not export {PLUGIN} {name}")
        return found

    def _index(self, name: str) -> Any:
        plugin = self._component.get_export_index(PLUGIN)
        found = None if plugin is None else self._component.get_export_index(name, plugin)
        if found is None:
            raise Fault("invalid-component", f"{self._name} does not export {PLUGIN} {name}")
        return found

    def _fault(self, guest: Guest, error: WasmtimeError) -> Fault:
        if guest.failure is not None:
            return guest.failure
        return guest.call.crashed(_cause(str(error)))


def _faults() -> int:
    """Return how many pages of memory this thread has touched for the first time."""
    return resource.getrusage(resource.RUSAGE_THREAD).ru_minflt


def limit(store: Store, budget: Budget) -> None:
    """Set the limits of a store."""
    store.set_limits(memory_size=budget.memory, table_elements=budget.tables, instances=200, tables=100, memories=4)


def _cause(text: str) -> str:
    lines = [line.strip() for line in text[max(0, text.rfind("Caused by")) :].splitlines() if line.strip()]
    return (lines[-1] if lines else "no cause given")[:300]


def _first_line(error: WasmtimeError) -> str:
    return (str(error).splitlines() or ["refused"])[0][:300]
