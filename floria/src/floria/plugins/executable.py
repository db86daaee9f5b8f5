"""The executable carrier: a program that speaks the contract as JSON lines on its stdin and stdout.

One process for one call. The host writes ``{"call": "dispatch", "function", "site", "arguments"}`` (or ``{"call":
"describe"}``); the program writes ``{"request": {"kind": …}}``, answered by ``{"result": …}`` or ``{"fault": …}``, and
in the end its own result or fault. What it writes to stderr is log. It is not sandboxed: it can do whatever the host's
user can; only its requests are granted and journaled.
"""

import contextlib
import os
import resource
import select
import subprocess
from pathlib import Path
from typing import Any

import msgspec

from floria.plugins import requests
from floria.plugins.calls import Call, decode
from floria.plugins.effects import ENVIRONMENT, processes
from floria.plugins.faults import Fault, FaultData

CHUNK = 64 * 1024
PROCESSES_MEMORY = 512 << 20
_CALL_ENVIRONMENT = {**ENVIRONMENT, "PYTHONDONTWRITEBYTECODE": "1"}


def describe(program: Path, call: Call) -> object:
    """Return the manifest as JSON data. Raises `Fault`."""
    return _converse(program, call, {"call": "describe"})


def dispatch(program: Path, call: Call, function: str, site: object, arguments: object) -> object:
    """Call a function of the program. Raises `Fault`."""
    return _converse(program, call, {"call": "dispatch", "function": function, "site": site, "arguments": arguments})


def _converse(program: Path, call: Call, message: dict[str, object]) -> object:
    pipe = subprocess.PIPE
    process = processes.start((str(program),), _CALL_ENVIRONMENT, "/", pipe, pipe, pipe)
    try:
        _bound(process.pid, call)
        return _Conversation(process, call).run(message)
    finally:
        processes.kill_group(process.pid)
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        call.finish()


def _bound(pid: int, call: Call) -> None:
    cpu = max(1, int(call.budget.cpu + 0.999))
    with contextlib.suppress(ProcessLookupError):
        resource.prlimit(pid, resource.RLIMIT_CPU, (cpu, cpu))
        resource.prlimit(pid, resource.RLIMIT_AS, (call.budget.memory + PROCESSES_MEMORY,) * 2)
        resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))


class _Conversation:
    """Lines in both directions, within the budget."""

    def __init__(self, process: "subprocess.Popen[bytes]", call: Call) -> None:
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise ValueError("the process has no pipes")
        self._process, self._call = process, call
        self._in, self._out, self._err = (s.fileno() for s in (process.stdin, process.stdout, process.stderr))
        for descriptor in (self._in, self._out, self._err):
            os.set_blocking(descriptor, False)
        self._unsent = b""
        self._received = bytearray()
        self._open = {self._out, self._err}

    def run(self, message: dict[str, object]) -> object:
        self._send(message)
        while True:
            answer = self._read()
            if "request" in answer:
                self._serve(answer["request"])
            elif "fault" in answer:
                raise Fault.of(self._convert(answer["fault"], FaultData))
            elif "result" in answer:
                return answer["result"]
            else:
                raise Fault("protocol", f"{self._call.actor} sent a line without request, result or fault")

    def _serve(self, data: object) -> None:
        try:
            request: requests.Request = self._convert(data, requests.Request)
            self._send({"result": msgspec.to_builtins(self._call.serve(request))})
        except Fault as fault:
            self._call.check()
            self._send({"fault": msgspec.to_builtins(fault.data)})

    def _convert(self, data: object, kind: Any) -> Any:
        try:
            return msgspec.convert(data, kind)
        except msgspec.ValidationError as error:
            raise Fault("protocol", f"{self._call.actor}: {error}") from None

    def _send(self, message: dict[str, object]) -> None:
        try:
            self._unsent += msgspec.json.encode(message, enc_hook=str) + b"\n"
        except (TypeError, ValueError) as error:
            raise Fault("invalid-arguments", f"site or arguments are not JSON data: {error}") from None
        while self._unsent and self._in >= 0:
            self._step()

    def _read(self) -> dict[str, object]:
        while b"\n" not in self._received:
            if self._out not in self._open:
                raise self._ended()
            self._step()
        line, _, rest = bytes(self._received).partition(b"\n")
        self._received = bytearray(rest)
        message = decode(line, self._call.actor)
        if not isinstance(message, dict):
            raise Fault("protocol", f"{self._call.actor} sent a line that is not a JSON object")
        return message

    def _step(self) -> None:
        poll = select.poll()
        for descriptor in self._open:
            poll.register(descriptor, select.POLLIN)
        if self._unsent:
            poll.register(self._in, select.POLLOUT)
        for descriptor, _ in poll.poll(max(0.0, self._call.left) * 1000):
            if descriptor == self._in:
                self._write()
            else:
                self._take(descriptor)
        self._call.check()

    def _write(self) -> None:
        try:
            self._unsent = self._unsent[os.write(self._in, self._unsent[:CHUNK]) :]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._unsent = b""

    def _take(self, descriptor: int) -> None:
        try:
            data = os.read(descriptor, CHUNK)
        except BlockingIOError:
            return
        if not data:
            self._open.discard(descriptor)
        elif descriptor == self._err:
            self._call.printed(data)
        else:
            self._received += data
            if len(self._received) > self._call.budget.output:
                raise Fault("output-limit", f"{self._call.actor} wrote more than {self._call.budget.output} bytes")

    def _ended(self) -> Fault:
        left = max(0.0, self._call.left)
        try:
            status = processes.exit_status(self._process.wait(left))
        except subprocess.TimeoutExpired:
            return self._call.too_long()
        if status == 128 + 24 or (status == 128 + 9 and _cpu(self._call)):
            return self._call.too_busy()
        return self._call.crashed(f"it ended with {status} before it answered")


def _cpu(call: Call) -> bool:
    return call.budget.wall - call.left >= call.budget.cpu
