"""The terminal that the command line runs on: raw mode that is always undone, and signals that wake a selector."""

import contextlib
import os
import signal
import socket
import termios
import tty
from collections.abc import Iterable, Iterator


@contextlib.contextmanager
def raw(descriptor: int) -> Iterator[None]:
    """Pass every key through untouched; what the terminal was set to before is restored, whatever happens."""
    before = termios.tcgetattr(descriptor)
    try:
        tty.setraw(descriptor, termios.TCSADRAIN)
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


@contextlib.contextmanager
def signals(numbers: Iterable[int]) -> Iterator[socket.socket]:
    """Yield a socket that gets a byte with the number of each of these signals, instead of what they do otherwise."""
    receiver, sender = socket.socketpair()
    sender.setblocking(False)
    before = {number: signal.signal(number, _nothing) for number in numbers}
    descriptor = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
    try:
        yield receiver
    finally:
        signal.set_wakeup_fd(descriptor)
        for number, handler in before.items():
            signal.signal(number, handler)
        receiver.close()
        sender.close()


def size(descriptor: int) -> os.terminal_size:
    """Return the rows and columns of a terminal; 24 by 80 when it is none."""
    try:
        found = os.get_terminal_size(descriptor)
    except OSError:
        return os.terminal_size((80, 24))
    return found if found.lines and found.columns else os.terminal_size((80, 24))


def _nothing(number: int, frame: object) -> None:
    """Stand in for a signal's own action; the wake-up descriptor has its number."""
