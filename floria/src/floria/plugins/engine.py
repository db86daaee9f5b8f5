"""The Wasm engine of the process: its configuration, and the clock that bounds the CPU time of guests."""

import faulthandler
import importlib.metadata
import threading
import time

from wasmtime import Config, Engine

TICK = 0.010
CONFIGURATION = "epochs,cow,no-threads,nan,1"


def make() -> Engine:
    """Return a new engine. The compiling child makes one just like it, or its output would be refused."""
    if not faulthandler.is_enabled():
        faulthandler.enable()  # installed after the engine, its handlers would take the traps of guests for crashes
    config = Config()
    config.epoch_interruption = True
    config.memory_init_cow = True
    config.cranelift_opt_level = "speed"
    config.cranelift_nan_canonicalization = True
    config.wasm_threads = False
    return Engine(config)


def identity() -> str:
    """Return what compiled code depends on besides the component."""
    return f"wasmtime {importlib.metadata.version('wasmtime')} {CONFIGURATION}"


class Ticker:
    """Advances the engine's epoch while guest code runs, and sleeps otherwise."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._inside = 0
        self._condition = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None

    def enter(self) -> None:
        """A thread goes on with guest code."""
        with self._condition:
            self._inside += 1
            if self._inside == 1:
                self._wake()

    def leave(self) -> None:
        """A thread has left guest code."""
        with self._condition:
            self._inside -= 1

    def close(self) -> None:
        with self._condition:
            self._closed = True
            self._condition.notify_all()

    def _wake(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="plugin-epochs", daemon=True)
            self._thread.start()
        self._condition.notify_all()

    def _run(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._inside or self._closed)
                if self._closed:
                    return
            time.sleep(TICK)
            self._engine.increment_epoch()
