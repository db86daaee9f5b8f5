"""A terminal that a test reads and types into, with a program of a machine on its other side."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time

from testbed import closing, processes

CHUNK = 65536


class Pair:
    """Both ends of a new terminal. The far end stays open until a program has it, so that nothing is lost."""

    def __init__(self, rows: int, columns: int) -> None:
        self.near, self.far = pty.openpty()
        self.name = os.ttyname(self.far)
        self.resize(rows, columns)

    def resize(self, rows: int, columns: int) -> None:
        """Set the terminal's size; the program on it is told."""
        fcntl.ioctl(self.near, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def hand_over(self) -> None:
        """Leave the far end to the program, so that its exit is seen."""
        os.close(self.far)
        self.far = -1

    def close(self) -> None:
        """Hang up."""
        if self.far >= 0:
            self.hand_over()
        os.close(self.near)


class Terminal(closing.Closing):
    """A program on a terminal. Use as a context manager: leaving it hangs up and waits for the program."""

    def __init__(self, pair: Pair, popen: subprocess.Popen[bytes]) -> None:
        pair.hand_over()
        self._pair = pair
        self._popen = popen
        self._unread = ""

    def close(self) -> None:
        """Hang up, and wait for the program's end."""
        self._pair.close()
        self._popen.wait()

    def send(self, text: str) -> None:
        """Type `text`; control characters as they are, such as ``\\x03`` for an interrupt."""
        os.write(self._pair.near, text.encode())

    def resize(self, rows: int, columns: int) -> None:
        """Change the terminal's size."""
        self._pair.resize(rows, columns)

    def expect(self, text: str, seconds: float = 60) -> str:
        """Wait until `text` appears and return all that was written up to and with it."""
        deadline = time.monotonic() + seconds
        while text not in self._unread:
            ready, _, _ = select.select([self._pair.near], [], [], max(0, deadline - time.monotonic()))
            chunk = self._read() if ready else ""
            if not chunk:
                why = "the program ended" if ready else f"{seconds} s went by"
                raise processes.TestBedError(f"{why} before {text!r} was shown; shown was {self._unread!r}")
        shown, _, self._unread = self._unread.partition(text)
        return shown + text

    def finish(self) -> tuple[int, str]:
        """Wait for the program's end and return its status and what it wrote since the last `expect`."""
        while self._read():
            pass
        return self._popen.wait(), self._unread

    def _read(self) -> str:
        try:
            chunk = os.read(self._pair.near, CHUNK).decode(errors="replace")
        except OSError:  # the kernel says EIO when the far end is closed
            return ""
        self._unread += chunk
        return chunk
