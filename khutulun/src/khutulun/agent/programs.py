"""Runs a program whose input and output go over a channel: what `logs` and `exec` are made of."""

import contextlib
import errno
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import threading
from collections.abc import Iterator

import msgspec

from khutulun import model
from khutulun.agent import messages
from khutulun.bus import interface as bus

CHUNK = 32 * 1024
LARGEST_PIPE = 1 << 20
"""Bytes that can be in a pipe when nobody writes to it any more (pipe(7))."""

GRACE = 2.0
"""Seconds between asking a program to end and ending it."""

_FRAME = msgspec.msgpack.Decoder(messages.Frame)


class Specification(msgspec.Struct, frozen=True):
    """What a plugin's `logs` or `exec` says to run."""

    argv: list[str]
    env: dict[str, str] = {}
    cwd: str | None = None


def environment(what: Specification) -> dict[str, str]:
    """Return the whole environment of a program: nothing of the agent's own but the path."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", **what.env}


def serve(channel: bus.Channel, what: Specification, request: messages.Run) -> None:
    """Run the program until it ends or the channel is closed; its exit code is the last frame."""
    try:
        program = _Program(what, request, channel)
    except OSError as error:
        problem = model.Problem(
            "program-missing" if isinstance(error, FileNotFoundError) else "program-failed",
            f"{error.filename or what.argv[0]}: {error.strerror}",
            where=f"{request.operate.workload.service}/{request.operate.workload.node}",
            hint=_hint(error),
        )
        channel.send(messages.Frame(messages.FrameKind.PROBLEM, problem=problem))
        return
    program.run()


def _hint(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "is it a program, and may the user that runs it execute it?"
    if error.errno == errno.ENOEXEC:
        return "it is no program of this machine; a script begins with #! and its interpreter"
    return "is it installed on this host?" if isinstance(error, FileNotFoundError) else "look at the host"


class _Program:
    def __init__(self, what: Specification, request: messages.Run, channel: bus.Channel) -> None:
        self._channel = channel
        self._terminal: int | None = None
        self._lock = threading.Lock()
        self._over = os.eventfd(0)
        try:
            self._spawn(what, request)
        except OSError:
            os.close(self._over)
            raise

    def _spawn(self, what: Specification, request: messages.Run) -> None:
        if request.tty:
            self._spawn_terminal(what, request)
            return
        self._process = subprocess.Popen(
            what.argv,
            env=environment(what),
            cwd=what.cwd,
            stdin=subprocess.PIPE if request.stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def run(self) -> None:
        watcher = threading.Thread(target=self._watch, name=f"program {self._process.pid}", daemon=True)
        watcher.start()
        ending = threading.Thread(target=self._end, args=(watcher,), name=f"ending {self._process.pid}", daemon=True)
        self._channel.on_end(ending.start)
        for message in self._channel.receive():
            self._handle(_FRAME.decode(message))
        watcher.join()
        self._close()

    def _spawn_terminal(self, what: Specification, request: messages.Run) -> None:
        self._terminal, child = pty.openpty()
        self._resize(request.rows, request.columns)

        def control() -> None:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        try:
            self._process = subprocess.Popen(
                what.argv,
                env={"TERM": "xterm-256color", **environment(what)},
                cwd=what.cwd,
                stdin=child,
                stdout=child,
                stderr=child,
                start_new_session=True,
                preexec_fn=control,  # noqa: PLW1509
            )
        except OSError:
            os.close(self._terminal)
            raise
        finally:
            os.close(child)

    def _watch(self) -> None:
        """Send the output, and when all of it is sent the exit code."""
        if self._terminal is not None:
            outputs = [(messages.FrameKind.STDOUT, self._terminal)]
        else:
            assert self._process.stdout is not None
            assert self._process.stderr is not None
            outputs = [
                (messages.FrameKind.STDOUT, self._process.stdout.fileno()),
                (messages.FrameKind.STDERR, self._process.stderr.fileno()),
            ]
        pumps = [threading.Thread(target=self._pump, args=output, daemon=True) for output in outputs]
        for pump in pumps:
            pump.start()
        os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        os.eventfd_write(self._over, 1)
        for pump in pumps:
            pump.join()
        code = self._reap()
        with contextlib.suppress(bus.BusError):
            exit_code = code if code >= 0 else 128 - code
            self._channel.send(messages.Frame(messages.FrameKind.EXIT, numbers=(exit_code,)))
        self._channel.close()

    def _close(self) -> None:
        os.close(self._over)
        if self._terminal is not None:
            os.close(self._terminal)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()

    def _reap(self) -> int:
        """Take the exit code; its number is another's from the moment that nobody can signal it any more."""
        with self._lock:
            return self._process.wait()

    def _pump(self, kind: messages.FrameKind, source: int) -> None:
        chunks = self._chunks(source)
        with contextlib.suppress(bus.BusError):
            for data in chunks:
                self._channel.send(messages.Frame(kind, data))
            return
        for _ in self._chunks(source):  # nobody listens: let the program go on until it is ended
            pass

    def _chunks(self, source: int) -> Iterator[bytes]:
        """Yield output until it is closed, or until the program has ended and what it left in the pipe is read.

        Others to whom it gave its output, such as a daemon that it has started, go on without being listened to.
        """
        poller = select.poll()
        poller.register(source, select.POLLIN)
        poller.register(self._over, select.POLLIN)
        left = LARGEST_PIPE
        while left > 0:
            ready = dict(poller.poll())
            if source not in ready:
                return
            try:
                data = os.read(source, CHUNK)
            except OSError:  # the other side of a terminal is closed
                return
            if not data:
                return
            left -= len(data) if self._over in ready else 0
            yield data

    def _handle(self, frame: messages.Frame) -> None:
        match frame.kind:
            case messages.FrameKind.STDIN:
                self._write(frame.data)
            case messages.FrameKind.END:
                self._close_input()
            case messages.FrameKind.RESIZE if self._terminal is not None:
                self._resize(*frame.numbers)
            case messages.FrameKind.SIGNAL:
                self._signal(frame.numbers[0])
            case _:
                pass

    def _write(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            if self._terminal is not None:
                os.write(self._terminal, data)
            elif self._process.stdin is not None and not self._process.stdin.closed:
                self._process.stdin.write(data)
                self._process.stdin.flush()

    def _close_input(self) -> None:
        if self._terminal is not None:
            self._write(b"\x04")
        elif self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()

    def _resize(self, rows: int, columns: int) -> None:
        assert self._terminal is not None
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _signal(self, number: int) -> None:
        with self._lock:
            if self._process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, number)

    def _end(self, watcher: threading.Thread) -> None:
        """End the program whose client is gone: also one that takes no input, and so holds up who writes to it."""
        self._signal(signal.SIGHUP)
        self._signal(signal.SIGTERM)
        watcher.join(GRACE)
        self._signal(signal.SIGKILL)
