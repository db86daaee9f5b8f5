"""`khutulun exec`: this terminal at one end, a program in a node's surroundings at the other."""

import contextlib
import os
import selectors
import signal
import socket

import click

from khutulun import model, terminal
from khutulun.api import frames
from khutulun.api.frames import Channel
from khutulun.cli import problems
from khutulun.cli.options import NODE, Remote, Target, connected
from khutulun.client import Exec

NOT_RUN = 125
"""The exit code when it is Khutulun that failed, not the program."""

_STDIN, _STDOUT, _STDERR = 0, 1, 2
_PASSED = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP)


@click.command("exec", context_settings={"allow_interspersed_args": False})
@click.option("-i", "--stdin", "interactive", is_flag=True, help="Pass stdin on.")
@click.option("-t", "--tty", is_flag=True, help="Give the program a terminal of its own.")
@click.argument("node", type=NODE, metavar="SERVICE/NODE")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, required=True, metavar="-- COMMAND...")
@connected(outputs=())
def execute(remote: Remote, interactive: bool, tty: bool, node: Target, command: tuple[str, ...]) -> int:
    """Run a program in a node's surroundings: beside a process, inside a container.

    The exit code is the program's own (128 + N when signal N ended it), or 125 when it could not be run. Signals,
    and with -t the size of the terminal, are passed on.

    \b
    Examples:
      khutulun exec -it hello/web -- sh
      khutulun exec hello/web -- env
      tar c . | khutulun exec -i hello/web -- tar x -C /srv
    """
    command = command[1:] if command[0] == "--" else command
    if not command:
        raise click.UsageError("Name the program to run.", click.get_current_context())
    if tty and interactive and not os.isatty(_STDIN):
        problems.show([model.Problem("no-terminal", "stdin is no terminal", hint="leave out -t")])
        return NOT_RUN
    try:
        return _execute(remote, _request(remote, interactive, tty, node, command))
    except model.Refused as refused:
        problems.show(refused.problems)
        return NOT_RUN


def _request(remote: Remote, interactive: bool, tty: bool, node: Target, command: tuple[str, ...]) -> model.ExecRequest:
    assert node.node is not None
    size = terminal.size(_STDOUT)
    return model.ExecRequest(
        node.service, node.node, command, remote.directory, tty, interactive, size.lines, size.columns
    )


def _execute(remote: Remote, request: model.ExecRequest) -> int:
    with contextlib.ExitStack() as stack:
        watched = (*_PASSED, signal.SIGWINCH) if request.tty else _PASSED
        wakeup = stack.enter_context(terminal.signals(watched))
        remote_program = remote.client.execute(request)
        stack.callback(remote_program.close)
        if request.tty and request.stdin:
            stack.enter_context(terminal.raw(_STDIN))
        return _Session(remote_program, wakeup, request).run()


class _Session:
    """Moves bytes until the program has ended. Waits for everything at once, in one thread."""

    def __init__(self, program: Exec, wakeup: socket.socket, request: model.ExecRequest) -> None:
        self._program = program
        self._wakeup = wakeup
        self._selector = selectors.PollSelector()
        self._selector.register(program, selectors.EVENT_READ, self._receive)
        self._selector.register(wakeup, selectors.EVENT_READ, self._signalled)
        self._open = request.stdin
        self._listening = False
        if not self._open:
            program.write(b"")

    def run(self) -> int:
        with self._selector:
            while self._program.exit_code is None:
                self._listen()
                if self._program.pending():
                    self._receive()
                    continue
                for key, _ in self._selector.select():
                    key.data()
        return self._program.exit_code

    def _listen(self) -> None:
        """Wait for input only while there is room for it at the other end."""
        wanted = self._open and self._program.room > 0
        if wanted and not self._listening:
            self._selector.register(_STDIN, selectors.EVENT_READ, self._typed)
        elif self._listening and not wanted:
            self._selector.unregister(_STDIN)
        self._listening = wanted

    def _typed(self) -> None:
        data = _read(_STDIN, min(frames.CHUNK, self._program.room))
        self._program.write(data)
        self._open = bool(data)

    def _receive(self) -> None:
        for channel, data in self._program.receive():
            _write(_STDOUT if channel is Channel.STDOUT else _STDERR, data)

    def _signalled(self) -> None:
        for number in self._wakeup.recv(64):
            if number == signal.SIGWINCH:
                self._program.resize(terminal.size(_STDOUT))
            elif number in _PASSED:
                self._program.signal(number)


def _read(descriptor: int, length: int) -> bytes:
    try:
        return os.read(descriptor, length)
    except OSError:
        return b""  # the terminal is gone


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
