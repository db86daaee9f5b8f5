"""A real local program as a `Stream`, with pipes or a pseudo terminal."""

import collections
import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import threading
from collections.abc import Iterator

UNREAD = 8
"""So many pieces of output wait to be read; then the program waits."""


class Program:
    """Runs `argv`; `tty` gives it a terminal of its own. `close` ends it and its threads, read to the end or not."""

    def __init__(self, argv: tuple[str, ...], *, tty: bool = False, rows: int = 24, columns: int = 80) -> None:
        self._chunks: collections.deque[tuple[str, bytes]] = collections.deque()
        self._changed = threading.Condition()
        self._closed = False
        self._halted, self._halt = os.pipe()
        self._terminal: int | None = None
        if tty:
            self._terminal, inner = pty.openpty()
            self.resize(rows, columns)
            opening = ("/bin/sh", "-c", 'exec "$@" 0<>"$0" 1>&0 2>&0', os.ttyname(inner))
            self._process = subprocess.Popen((*opening, *argv), start_new_session=True)
            threading.Thread(target=self._hold, args=(inner,), daemon=True).start()
            outputs = {"stdout": os.dup(self._terminal)}
        else:
            pipe = subprocess.PIPE
            self._process = subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)
            assert self._process.stdout
            assert self._process.stderr
            outputs = {name: os.dup(getattr(self._process, name).fileno()) for name in ("stdout", "stderr")}
            self._process.stdout.close()
            self._process.stderr.close()
        self._open = len(outputs)
        self._readers = [
            threading.Thread(target=self._read, args=(name, descriptor), daemon=True)
            for name, descriptor in outputs.items()
        ]
        for reader in self._readers:
            reader.start()

    def output(self) -> Iterator[tuple[str, bytes]]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._chunks or not self._open)
                if not self._chunks:
                    return
                chunk = self._chunks.popleft()
                self._changed.notify_all()
            yield chunk

    def write(self, data: bytes) -> None:
        descriptor = self._input()
        while data:
            data = data[os.write(descriptor, data) :]

    def close_input(self) -> None:
        if self._terminal is not None:
            self.write(b"\x04")
        elif self._process.stdin:
            self._process.stdin.close()

    def resize(self, rows: int, columns: int) -> None:
        if self._terminal is not None:
            fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def signal(self, number: int) -> None:
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
                os.killpg(self._process.pid, number)

    def wait(self) -> int:
        code = self._process.wait()
        return 128 - code if code < 0 else code

    def close(self) -> None:
        """End the program, whatever of its output was not read; a second call does nothing."""
        if self._closed:
            return
        self.signal(9)
        self._process.wait()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        os.close(self._halt)
        for reader in self._readers:
            reader.join()
        os.close(self._halted)
        if self._process.stdin:
            self._process.stdin.close()
        if self._terminal is not None:
            os.close(self._terminal)
            self._terminal = None

    def _input(self) -> int:
        if self._terminal is not None:
            return self._terminal
        assert self._process.stdin
        if self._process.stdin.closed:
            raise BrokenPipeError("the input is closed")
        return self._process.stdin.fileno()

    def _hold(self, terminal: int) -> None:
        """Keep the inner end open until the program has ended, so that output does not end before it has begun."""
        self._process.wait()
        os.close(terminal)

    def _read(self, name: str, descriptor: int) -> None:
        try:
            while data := self._next(descriptor):
                with self._changed:
                    self._changed.wait_for(lambda: len(self._chunks) < UNREAD or self._closed)
                    if self._closed:
                        return
                    self._chunks.append((name, data))
                    self._changed.notify_all()
        except OSError:
            pass  # a pseudo terminal whose other end is closed
        finally:
            os.close(descriptor)
            with self._changed:
                self._open -= 1
                self._changed.notify_all()

    def _next(self, descriptor: int) -> bytes:
        """Return what is to be read, as soon as something is; nothing at the end, and when the program was closed."""
        waiting = select.poll()
        waiting.register(descriptor, select.POLLIN)
        waiting.register(self._halted, select.POLLIN)
        return os.read(descriptor, 65536) if descriptor in dict(waiting.poll()) else b""
