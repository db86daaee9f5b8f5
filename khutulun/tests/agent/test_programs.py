"""Programs behind streams end when their client does, whatever they are doing (R13)."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from khutulun.agent import messages, programs
from khutulun.bus import interface
from khutulun.bus.local import LocalBus

WORKLOAD = messages.Workload("e", "s", "n", 0, "/s", {})
OPERATE = messages.Operate(
    id="",
    plugin=messages.PluginReference("p", "sha256:0", "python", {}),
    function="exec",
    workload=WORKLOAD,
    operation="exec",
    site={},
    arguments=[],
)


class Bench:
    """Programs served on a bus; `ended` is set when one of them is over and everything of it is given back."""

    def __init__(self) -> None:
        self.bus = LocalBus()
        self.ended = threading.Event()
        self.argv: list[str] = []
        self.bus.accept("run", messages.Run, self._serve)

    def _serve(self, request: messages.Run, channel: interface.Channel) -> None:
        programs.serve(channel, programs.Specification(self.argv), request)
        self.ended.set()

    def open(self, *argv: str, tty: bool = False) -> interface.Channel:
        self.argv = list(argv)
        return self.bus.open("run", messages.Run(operate=OPERATE, tty=tty, stdin=True))


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    before = set(os.listdir("/proc/self/fd"))
    yield made
    made.bus.close()
    assert set(os.listdir("/proc/self/fd")) <= before


def frames(channel: interface.Channel) -> Iterator[messages.Frame]:
    for message in channel.receive():
        yield programs._FRAME.decode(message)


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def flood(channel: interface.Channel) -> None:
    """Send input until nobody takes it."""

    def send() -> None:
        try:
            while True:
                channel.send(messages.Frame(messages.FrameKind.STDIN, b"x" * 65536))
        except interface.BusError:
            return

    threading.Thread(target=send, daemon=True).start()


@pytest.mark.parametrize("tty", [False, True])
@pytest.mark.parametrize("program", ["exec sleep 1000", "trap '' HUP TERM; echo; while :; do sleep 1000; done"])
def test_r13_a_program_that_takes_no_input_ends_with_its_client(bench: Bench, tty: bool, program: str) -> None:
    channel = bench.open("sh", "-c", f"echo $$; {program}", tty=tty)
    pid = int(next(frames(channel)).data.split()[0])
    flood(channel)
    channel.close()
    assert bench.ended.wait(120)
    assert gone(pid)


def test_r13_closing_the_bus_leaves_no_program_behind(bench: Bench) -> None:
    channel = bench.open("sh", "-c", "echo $$; exec sleep 1000")
    pid = int(next(frames(channel)).data)
    bench.bus.close()
    assert gone(pid)


def test_r13_input_after_its_end_and_signals_after_the_exit_are_nothing(bench: Bench) -> None:
    channel = bench.open("cat")
    channel.send(messages.Frame(messages.FrameKind.END))
    for _ in range(3):
        try:
            channel.send(messages.Frame(messages.FrameKind.STDIN, b"late"))
            channel.send(messages.Frame(messages.FrameKind.SIGNAL, numbers=(signal.SIGKILL,)))
        except interface.BusError:
            break
    told = [frame for frame in frames(channel) if frame.kind is messages.FrameKind.EXIT]
    assert told[0].numbers in ((0,), (128 + signal.SIGKILL,))
    assert bench.ended.wait(120)


@pytest.mark.parametrize("tty", [False, True])
def test_r13_a_program_that_leaves_somebody_behind_ends_with_its_own_end(bench: Bench, tty: bool) -> None:
    """What was said before is there to the last byte; who goes on holding the output is not listened to."""
    script = 'trap "" HUP; sleep 1000 & echo $!; head -c 60000 /dev/zero | tr "\\0" x; exit 3'
    channel = bench.open("sh", "-c", script, tty=tty)
    found = list(frames(channel))
    said = b"".join(frame.data for frame in found).split()
    try:
        assert found[-1].numbers == (3,)
        assert len(said[1]) == 60_000
        assert bench.ended.wait(120)
        if not tty:
            assert not gone(int(said[0]))
    finally:
        if not gone(int(said[0])):
            os.kill(int(said[0]), signal.SIGKILL)


@pytest.mark.parametrize(
    ("mode", "text", "hint"),
    [
        pytest.param(0o644, "#!/bin/sh\n", "may the user that runs it execute it", id="not executable"),
        pytest.param(0o755, "no program", "a script begins with #!", id="no program"),
        pytest.param(0o755, "#!/nowhere/shell\n", "is it installed on this host", id="no interpreter"),
    ],
)
def test_r101_what_cannot_be_run_is_told_with_what_to_do(
    bench: Bench, tmp_path: Path, mode: int, text: str, hint: str
) -> None:
    program = tmp_path / "program"
    program.write_text(text)
    program.chmod(mode)
    (frame,) = frames(bench.open(str(program)))
    assert frame.problem is not None
    assert frame.problem.message.startswith(f"{program}: ")
    assert hint in frame.problem.hint
