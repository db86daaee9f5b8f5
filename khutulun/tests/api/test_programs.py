"""The program behind the streams of a conductor for tests ends with all of its threads."""

import os
import signal
import threading

import pytest

from khutulun.testing.programs import Program

FULL = ("sh", "-c", "yes; yes >&2")
AWAY = ("sh", "-c", "setsid sleep 1000 & echo $!; exec sleep 1000")
"""Something that it leaves behind has its outputs still."""


@pytest.mark.parametrize("tty", [False, True])
@pytest.mark.parametrize("read", [False, True])
def test_r13_what_is_not_read_to_its_end_ends_all_the_same(tty: bool, read: bool) -> None:
    before = set(threading.enumerate())
    program = Program(FULL, tty=tty)
    if read:
        assert next(program.output())[0] == "stdout"
    program.close()
    program.close()
    for thread in set(threading.enumerate()) - before:
        thread.join()
    assert program.wait() == 137


def test_r13_what_is_left_behind_does_not_hold_up_the_end() -> None:
    program = Program(AWAY)
    name, data = next(program.output())
    assert name == "stdout"
    program.close()
    assert list(program.output()) == []
    os.kill(int(data), signal.SIGKILL)
