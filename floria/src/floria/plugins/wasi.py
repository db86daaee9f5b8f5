"""A WASI of our own: clocks, randomness, and output to the log. Everything else is refused or traps.

Not the runtime's own: there a guest's sleep blocks where no budget reaches it, and a store that was not prepared ends
the process. Every function finds the call it works for through `current`, and never raises anything but a trap.
"""

import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from wasmtime import Engine, WasmtimeError
from wasmtime.component import (
    ComponentInstanceType,
    Linker,
    Record,
    ResourceHost,
    ResourceType,
    Variant,
)

from floria.plugins import calls
from floria.plugins.faults import Fault

WRITABLE = 64 * 1024


class Guest(Protocol):
    """What the functions need to know of the running call."""

    call: calls.Call
    failure: Fault | None
    timers: dict[int, int]

    def outside(self) -> Any:
        """Return a context: the thread is in the host, not in guest code."""
        ...


Current = Callable[[], Guest]


def record(**fields: object) -> Record:
    """Return a component-model record; ``_`` in names stands for ``-``."""
    made = Record()
    for name, value in fields.items():
        setattr(made, name.replace("_", "-"), value)
    return made


def link(linker: Linker, engine: Engine, imports: dict[str, Any], current: Current) -> None:
    """Provide every WASI interface that a component imports."""
    provided = Wasi(current)
    with linker.root() as root:
        for name, imported in imports.items():
            if not name.startswith("wasi:") or not isinstance(imported.ty, ComponentInstanceType):
                continue
            known = provided.functions.get(name.split("@")[0], {})
            with root.add_instance(name) as instance:
                for item, export in imported.ty.exports(engine).items():
                    if isinstance(export.ty, ResourceType):
                        instance.add_resource(item, ResourceType.host(provided.type(item)), lambda store, rep: None)
                    elif item in known:
                        instance.add_func(item, provided.guard(known[item]))


class Wasi:
    """The functions, by interface. Resources are numbers: timers are pollables, 1 and 2 the streams."""

    def __init__(self, current: Current) -> None:
        self._current = current
        self._types: dict[str, int] = {}
        streams: dict[str, Callable[..., Any]] = {
            "[method]output-stream.check-write": lambda store, stream: self._released(store, stream, WRITABLE),
            "[method]output-stream.write": self._write,
            "[method]output-stream.blocking-write-and-flush": self._write,
            "[method]output-stream.flush": lambda store, stream: self._released(store, stream, Variant("ok")),
            "[method]output-stream.blocking-flush": lambda store, stream: self._released(store, stream, Variant("ok")),
            "[method]output-stream.subscribe": lambda store, stream: self._released(store, stream, self._timer(0)),
        }
        monotonic: dict[str, Callable[..., Any]] = {
            "now": lambda store: time.monotonic_ns(),
            "resolution": lambda store: 1000,
            "subscribe-duration": lambda store, duration: self._timer(time.monotonic_ns() + duration),
            "subscribe-instant": lambda store, instant: self._timer(instant),
        }
        self.functions: dict[str, dict[str, Callable[..., Any]]] = {
            "wasi:io/poll": {
                "poll": self._poll,
                "[method]pollable.block": self._block,
                "[method]pollable.ready": lambda store, pollable: self._due(store, pollable) <= time.monotonic_ns(),
            },
            "wasi:io/streams": streams,
            "wasi:clocks/monotonic-clock": monotonic,
            "wasi:clocks/wall-clock": {
                "now": lambda store: _datetime(time.time_ns()),
                "resolution": lambda store: _datetime(1000),
            },
            "wasi:random/random": {
                "get-random-bytes": lambda store, count: calls.random(count),
                "get-random-u64": lambda store: int.from_bytes(calls.random(8), "little"),
            },
            "wasi:random/insecure-seed": {
                "insecure-seed": lambda store: (int.from_bytes(calls.random(8), "little"), 0),
            },
            "wasi:cli/environment": {
                "get-environment": lambda store: [],
                "get-arguments": lambda store: [],
                "initial-cwd": lambda store: None,
            },
            "wasi:cli/stdin": {"get-stdin": lambda store: self._own("input-stream", 1)},
            "wasi:cli/stdout": {"get-stdout": lambda store: self._own("output-stream", 1)},
            "wasi:cli/stderr": {"get-stderr": lambda store: self._own("output-stream", 2)},
            "wasi:cli/terminal-stdin": {"get-terminal-stdin": lambda store: None},
            "wasi:cli/terminal-stdout": {"get-terminal-stdout": lambda store: None},
            "wasi:cli/terminal-stderr": {"get-terminal-stderr": lambda store: None},
            "wasi:filesystem/preopens": {"get-directories": lambda store: []},
            "wasi:sockets/instance-network": {"instance-network": lambda store: self._own("network", 1)},
            "wasi:sockets/tcp-create-socket": {"create-tcp-socket": lambda store, family: "access-denied"},
            "wasi:sockets/udp-create-socket": {"create-udp-socket": lambda store, family: "access-denied"},
            "wasi:sockets/ip-name-lookup": {
                "resolve-addresses": lambda store, network, name: self._released(store, network, "access-denied"),
            },
        }

    def type(self, name: str) -> int:
        """Return the number of a resource type."""
        return self._types.setdefault(name, len(self._types) + 100)

    def guard(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Turn whatever goes wrong into a trap with the fault kept: no exception may cross into the runtime."""

        def guarded(store: Any, *arguments: Any) -> Any:
            guest = self._current()
            with guest.outside():
                try:
                    return function(store, *arguments)
                except Fault as fault:
                    guest.failure = fault
                except Exception as error:
                    guest.failure = Fault("host-error", f"WASI: {type(error).__name__}: {error}")
            raise WasmtimeError("stopped by the host")

        return guarded

    def _own(self, name: str, number: int) -> ResourceHost:
        return ResourceHost.own(number, self.type(name))

    def _released(self, store: Any, resource: Any, result: Any) -> Any:
        _number(store, resource)
        return result

    def _write(self, store: Any, stream: Any, data: Any) -> Variant:
        _number(store, stream)
        self._current().call.printed(bytes(data))
        return Variant("ok")

    def _timer(self, due: int) -> ResourceHost:
        timers = self._current().timers
        number = len(timers) + 1
        timers[number] = due
        return self._own("pollable", number)

    def _due(self, store: Any, pollable: Any) -> int:
        return self._current().timers.get(_number(store, pollable), 0)

    def _block(self, store: Any, pollable: Any) -> None:
        self._sleep_until(self._due(store, pollable))

    def _poll(self, store: Any, pollables: Iterable[Any]) -> list[int]:
        dues = [self._due(store, pollable) for pollable in pollables]
        self._sleep_until(min(dues))
        now = time.monotonic_ns()
        return [index for index, due in enumerate(dues) if due <= now] or [dues.index(min(dues))]

    def _sleep_until(self, due: int) -> None:
        call = self._current().call
        seconds = (due - time.monotonic_ns()) / 1e9
        if seconds > 0:
            time.sleep(min(seconds, max(0.0, call.left)))
        call.check()


def _number(store: Any, resource: Any) -> int:
    """Return the number of a borrowed resource; this also gives the borrow back, without which the guest traps."""
    return int(resource.to_host(store).rep)


def _datetime(nanoseconds: int) -> Record:
    return record(seconds=nanoseconds // 10**9, nanoseconds=nanoseconds % 10**9)
