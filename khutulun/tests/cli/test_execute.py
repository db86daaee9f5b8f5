"""`khutulun exec` on real pipes and terminals: exit code, size, interrupts, a terminal that is restored (R13)."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from khutulun.testing.conductor import FakeConductor

Khutulun = Callable[..., Any]
DEADLINE = 60.0


class Terminal:
    """A command on a terminal of its own, as a person has it."""

    def __init__(self, command: tuple[str, ...], rows: int = 30, columns: int = 90) -> None:
        self.outer, self.inner = pty.openpty()
        self.resize(rows, columns)
        self.before = termios.tcgetattr(self.inner)
        self.seen = b""
        opening = ("/bin/sh", "-c", 'exec "$@" 0<>"$0" 1>&0 2>&0', os.ttyname(self.inner))
        self.process = subprocess.Popen((*opening, *command), start_new_session=True)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.outer, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys: bytes) -> None:
        os.write(self.outer, keys)

    def until(self, wanted: bytes) -> bytes:
        """Return what is shown up to and with `wanted`."""
        end = time.monotonic() + DEADLINE
        while wanted not in self.seen:
            ready, _, _ = select.select([self.outer], [], [], end - time.monotonic())
            assert ready, self.seen
            self.seen += os.read(self.outer, 65536)
        found, _, self.seen = self.seen.partition(wanted)
        return found + wanted

    def wait(self) -> int:
        return self.process.wait(DEADLINE)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.inner)
        os.close(self.outer)


@pytest.fixture
def terminal(command: tuple[str, ...], hello: str) -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def start(*arguments: str, **how: int) -> Terminal:
        opened.append(Terminal((*command, *arguments), **how))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


@pytest.mark.parametrize("code", [0, 3, 125, 255])
def test_the_exit_code_passes_through(code: int, program: Khutulun, hello: str) -> None:
    ended = program("exec", "hello/server", "--", "sh", "-c", f"echo out; echo err >&2; exit {code}")
    assert ended == (code, "out\n", "err\n")


def test_a_signal_that_ended_the_program_is_in_the_exit_code(program: Khutulun, hello: str) -> None:
    assert program("exec", "hello/server", "--", "sh", "-c", "kill -TERM $$").code == 128 + signal.SIGTERM


def test_options_of_the_program_are_its_own(program: Khutulun, conductor: FakeConductor, hello: str) -> None:
    assert program("exec", "hello/server", "printf", "%s ", "-i", "--output", "x").out == "-i --output x "
    assert conductor.asked[-1][1]["request"].argv[2:] == ("-i", "--output", "x")


def test_stdin_is_passed_on_only_when_asked_for(program: Khutulun, hello: str) -> None:
    content = os.urandom(1_000_000).hex().encode()
    assert program("exec", "-i", "hello/server", "--", "wc", "-c", stdin=content).out.strip() == str(len(content))
    assert program("exec", "hello/server", "--", "wc", "-c", stdin=content).out.strip() == "0"


def test_stdin_from_a_file(command: tuple[str, ...], hello: str, tmp_path: Path) -> None:
    file = tmp_path / "content"
    file.write_bytes(os.urandom(700_000))
    with file.open("rb") as stdin:
        found = subprocess.run(
            [*command, "exec", "-i", "hello/server", "cat"], stdin=stdin, capture_output=True, check=True, timeout=60
        )
    assert found.stdout == file.read_bytes()


def test_a_closed_stdin(command: tuple[str, ...], hello: str) -> None:
    found = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" <&-', "sh", *command, "exec", "-i", "hello/server", "--", "cat"],
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (found.returncode, found.stdout) == (0, b"")


def test_when_it_could_not_be_run(program: Khutulun, hello: str) -> None:
    for arguments in (("hello/nothing", "true"), ("missing/server", "true")):
        ended = program("exec", *arguments)
        assert ended.code == 125
        assert ended.err.startswith("error: ")
    ended = program("exec", "-it", "hello/server", "sh")
    assert ended.code == 125
    assert ended.err == "error: stdin is no terminal\nhint: leave out -t\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_signals_are_passed_on(number: signal.Signals, command: tuple[str, ...], hello: str) -> None:
    script = f"trap 'exit 42' {int(number)}; echo ready; while :; do sleep 0.05; done"
    with subprocess.Popen(
        [*command, "exec", "hello/server", "--", "sh", "-c", script], stdout=subprocess.PIPE, env=os.environ
    ) as running:
        assert running.stdout
        assert running.stdout.readline() == b"ready\n"
        running.send_signal(number)
        assert running.wait(DEADLINE) == 42


def test_a_shell_on_a_terminal(terminal: Callable[..., Terminal]) -> None:
    """Size at the start, size when it changes, keys, the exit code, and the terminal as it was."""
    shell = terminal("exec", "-it", "hello/server", "--", "sh", rows=31, columns=91)
    shell.type(b"stty size; echo mark$((1+1))\r")
    assert b"31 91" in shell.until(b"mark2")
    assert termios.tcgetattr(shell.inner) != shell.before, "keys go through untouched"
    waits = b"echo mark$((2+2)); while :; do sleep 0.05; done"
    shell.type(b"(trap 'stty size; echo resized$((1+1)); exit' WINCH; " + waits + b")\r")
    shell.until(b"mark4")
    shell.resize(44, 132)
    assert b"44 132" in shell.until(b"resized2")
    shell.type(b"exit 7\r")
    assert shell.wait() == 7
    assert termios.tcgetattr(shell.inner) == shell.before


def test_control_c_interrupts_the_program_and_not_the_client(terminal: Callable[..., Terminal]) -> None:
    shell = terminal("exec", "-it", "hello/server", "--", "sh")
    shell.type(b"sh -c 'echo started$((1+1)); sleep 1000'\r")
    shell.until(b"started2")
    shell.type(b"\x03")
    shell.type(b"echo after$((1+1))\r")
    shell.until(b"after2")
    shell.type(b"\x04")
    assert shell.wait() in (0, 130)
    assert termios.tcgetattr(shell.inner) == shell.before


def test_the_terminal_is_restored_when_the_server_ends_it(
    terminal: Callable[..., Terminal], conductor: FakeConductor
) -> None:
    shell = terminal("exec", "-it", "hello/server", "--", "sh")
    shell.type(b"echo mark$((1+1))\r")
    shell.until(b"mark2")
    conductor.programs[-1].signal(signal.SIGKILL)
    assert shell.wait() == 128 + signal.SIGKILL
    assert termios.tcgetattr(shell.inner) == shell.before


def test_the_terminal_is_restored_when_the_client_is_told_to_end(terminal: Callable[..., Terminal]) -> None:
    shell = terminal("exec", "-it", "hello/server", "--", "sh", "-c", "echo ready; exec cat")
    shell.until(b"ready")
    shell.process.send_signal(signal.SIGTERM)
    assert shell.wait() == 128 + signal.SIGTERM
    assert termios.tcgetattr(shell.inner) == shell.before


def test_progress_is_painted_over_on_a_terminal(
    terminal: Callable[..., Terminal], conductor: FakeConductor, bundle: Path
) -> None:
    deploy = terminal("service", "deploy", str(bundle), "--input", "hold=true")
    deploy.until(b"\xc2\xb7 client pending")
    conductor.happen("event", "go")
    deploy.until(b"\x1b[3A\r\x1b[J")
    deploy.until(b"shop is running")
    assert deploy.wait() == 0


@pytest.mark.parametrize(("answer", "code"), [(b"y", 0), (b"n", 1)])
def test_a_person_is_asked_for_grants(
    answer: bytes, code: int, terminal: Callable[..., Terminal], conductor: FakeConductor, bundle: Path
) -> None:
    bundle.write_text(f"{bundle.read_text()}# BRINGS-PLUGIN\n")
    deploy = terminal("service", "deploy", str(bundle))
    shown = deploy.until(b"Grant this? [y/N]")
    assert b"The plugin 'echo' asks for:\r\n  FULL ACCESS: runs sh\r\n" in shown
    deploy.type(answer + b"\r")
    deploy.until(b"shop is running" if code == 0 else b"error: it was not granted; nothing was changed")
    assert deploy.wait() == code
    assert ("shop" in conductor.known) is (code == 0)
