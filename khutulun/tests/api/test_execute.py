"""Exec over a WebSocket: input, output, exit codes, sizes, signals, and what happens when one side goes (R13)."""

import contextlib
import hashlib
import os
import random
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from khutulun import model
from khutulun.api import frames
from khutulun.api.frames import Channel
from khutulun.client import Client, Exec, connection, websocket
from khutulun.testing.conductor import FakeConductor

Run = Callable[..., Exec]


@pytest.fixture
def deployed(client: Client) -> Client:
    client.deploy(model.DeployRequest("hello"))
    return client


@pytest.fixture
def run(deployed: Client) -> Iterator[Callable[..., Exec]]:
    programs: list[Exec] = []

    def start(*argv: str, **how: Any) -> Exec:
        programs.append(deployed.execute(model.ExecRequest("hello", "server", argv, **how)))
        return programs[-1]

    yield start
    for program in programs:
        program.close()


def drain(program: Exec) -> tuple[bytes, bytes]:
    found: dict[Channel, bytes] = {Channel.STDOUT: b"", Channel.STDERR: b""}
    while not program.ended:
        for channel, data in program.receive():
            found[channel] += data
    return found[Channel.STDOUT], found[Channel.STDERR]


def until(program: Exec, wanted: bytes) -> bytes:
    found = b""
    while wanted not in found:
        assert not program.ended, found
        found += b"".join(data for _, data in program.receive())
    return found


@pytest.mark.parametrize("code", [0, 1, 42, 255])
def test_the_exit_code(code: int, run: Run) -> None:
    program = run("/bin/sh", "-c", f"echo out; echo err >&2; exit {code}")
    assert drain(program) == (b"out\n", b"err\n")
    assert program.exit_code == code


def test_arguments_arrive_as_they_are(run: Run) -> None:
    argv = ("a b", "", "*", "é\n", "--", "&x=y", "#", "%20")
    found, _ = drain(run("printf", "%s\\0", *argv))
    assert found.decode().split("\0")[:-1] == list(argv)


def test_megabytes_go_through_both_ways(run: Run) -> None:
    content = random.Random(2).randbytes(3_000_000)
    program = run("cat", stdin=True)
    digest, left, sent_end = hashlib.sha256(), content, False
    while not program.ended:
        if left and program.room:
            part = left[: min(program.room, frames.CHUNK)]
            program.write(part)
            left = left[len(part) :]
        elif not left and not sent_end:
            program.write(b"")
            sent_end = True
        else:
            for _, data in program.receive():
                digest.update(data)
    assert digest.hexdigest() == hashlib.sha256(content).hexdigest()
    assert program.exit_code == 0


def test_the_size_of_the_terminal(run: Run) -> None:
    script = "stty size; trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.05; done"
    program = run("/bin/sh", "-c", script, tty=True, rows=11, columns=55)
    assert b"11 55" in until(program, b"ready")
    program.resize(os.terminal_size((77, 33)))
    assert b"33 77" in drain(program)[0]
    assert program.exit_code == 0


def test_a_signal_reaches_a_program_that_does_not_read_its_input(run: Run) -> None:
    program = run("/bin/sh", "-c", "trap 'exit 9' INT; echo ready; while :; do sleep 0.05; done", stdin=True)
    until(program, b"ready")
    while program.room:
        program.write(b"x" * min(frames.CHUNK, program.room))
        if program.room < frames.CHUNK:
            break
    program.signal(signal.SIGINT)
    drain(program)
    assert program.exit_code == 9


def test_a_program_that_a_signal_ends(run: Run) -> None:
    program = run("sleep", "1000")
    program.signal(signal.SIGTERM)
    drain(program)
    assert program.exit_code == 128 + signal.SIGTERM


def test_input_to_a_program_that_has_closed_it(run: Run) -> None:
    program = run("/bin/sh", "-c", "exec <&-; echo closed; sleep 0.1; exit 4", stdin=True)
    until(program, b"closed")
    program.write(b"x" * 1000)
    drain(program)
    assert program.exit_code == 4


def test_the_program_ends_when_the_client_goes(run: Run, conductor: FakeConductor) -> None:
    program = run("/bin/sh", "-c", "echo ready; sleep 1000")
    until(program, b"ready")
    program.close()
    assert conductor.programs[0].wait() == 128 + signal.SIGKILL


def test_a_slow_reader_of_endless_output_hinders_nobody(deployed: Client, run: Run) -> None:
    program = run("cat", "/dev/zero")
    program.receive()
    assert deployed.info()
    program.close()


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (b"", "no channel"),
        (b"\x63abc", "no channel 99"),
        (frames.message(Channel.STDOUT, b"x"), "for the server"),
        (frames.message(Channel.RESIZE, b"x"), "4 bytes"),
        (frames.message(Channel.SIGNAL, frames.number(4000)), "no signal"),
        (frames.message(Channel.STDIN, b"x" * (frames.WINDOW + 1)), "on their way"),
    ],
)
def test_bad_frames_end_the_program_with_a_problem(
    message: bytes, says: str, run: Run, conductor: FakeConductor
) -> None:
    program = run("sleep", "1000", stdin=True)
    program._socket.send(message)
    with pytest.raises(model.Refused) as caught:
        drain(program)
    assert caught.value.problems[0].code == "bad-frame"
    assert says in caught.value.problems[0].message
    assert conductor.programs[0].wait() == 128 + signal.SIGKILL


def test_a_message_over_the_limit_ends_the_program(run: Run, conductor: FakeConductor) -> None:
    program = run("sleep", "1000", stdin=True)
    with contextlib.suppress(BrokenPipeError):  # closed before all was sent
        program._socket.send(b"\0" * 2_000_000)
    with pytest.raises(model.Refused):
        drain(program)
    assert conductor.programs[0].wait() == 128 + signal.SIGKILL


def test_garbage_after_the_handshake(deployed: Client, run: Run, conductor: FakeConductor) -> None:
    program = run("sleep", "1000")
    with contextlib.suppress(BrokenPipeError):
        program._socket._channel.sendall(random.Random(3).randbytes(10_000))
    with pytest.raises(model.Refused):
        drain(program)
    assert conductor.programs[0].wait() == 128 + signal.SIGKILL
    assert deployed.info()


def test_a_refusal_comes_as_a_status(deployed: Client) -> None:
    with pytest.raises(model.Refused) as caught:
        deployed.execute(model.ExecRequest("hello", "nothing", ("true",)))
    assert (caught.value.status, caught.value.problems[0].code) == (404, "no-such-node")


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65535, 65536, 100_000])
def test_frames_of_every_length_are_echoed(length: int, run: Run) -> None:
    content = os.urandom(length)
    program = run("cat", stdin=True)
    for start in range(0, length, frames.CHUNK):
        program.write(content[start : start + frames.CHUNK])
    program.write(b"")
    assert drain(program)[0] == content


def test_a_masked_or_a_fragmented_frame_from_a_server() -> None:
    whole = bytearray(b"\x02\x01a\x80\x01b")
    first = websocket._parse(whole)
    assert first == (False, 2, b"a", 3)
    with pytest.raises(websocket.ProtocolError):
        websocket._parse(bytearray(b"\x82\x81abcd"))


def test_a_server_that_is_no_websocket(client: Client) -> None:
    with connection.connect(client.path) as channel, pytest.raises(model.Refused) as caught:
        websocket.WebSocket(channel, "/v1/info")
    assert caught.value.problems[0].code == "not-khutulun"
