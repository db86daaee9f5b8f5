"""A real local program as a `Stream`, with pipes or a pseudo terminal."""

import fcntl
import os
import pty
import queue
import struct
import subprocess
import termios
import threading
from collections.abc import Iterator


class Program:
    """Runs `argv`; `tty` gives it a terminal of its own."""

    def __init__(self, argv: tuple[str, ...], *, tty: bool = False, rows: int = 24, columns: int = 80) -> None:
        self._chunks: queue.Queue[tuple[str, bytes] | None] = queue.Queue(8)
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
        for name, descriptor in outputs.items():
            threading.Thread(target=self._read, args=(name, descriptor), daemon=True).start()

    def output(self) -> Iterator[tuple[str, bytes]]:
        while self._open:
            chunk = self._chunks.get()
            if chunk is None:
                self._open -= 1
            else:
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
            os.killpg(self._process.pid, number)

    def wait(self) -> int:
        code = self._process.wait()
        return 128 - code if code < 0 else code

    def close(self) -> None:
        self.signal(9)
        self._process.wait()
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
            while data := os.read(descriptor, 65536):
                self._chunks.put((name, data))
        except OSError:
            pass  # a pseudo terminal whose other end is closed
        finally:
            os.close(descriptor)
            self._chunks.put(None)
