"""The output of workloads: complete, bounded, and independent of the supervisor (R13)."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from khutulun.supervisor import linux, output

from .conftest import Supervisor


def test_r13_logs_show_output_and_errors(supervisor: Supervisor) -> None:
    supervisor.start("job", "sh", "-c", "echo out; echo err >&2", kind="job")
    assert supervisor.logs("job") == "out\nerr\n"


@pytest.mark.parametrize(("count", "expected"), [("0", ""), ("1", "3\n"), ("2", "2\n3\n"), ("9", "1\n2\n3\n")])
def test_r13_logs_of_the_last_lines(supervisor: Supervisor, count: str, expected: str) -> None:
    supervisor.start("job", "seq", "3", kind="job")
    assert supervisor.logs("job", "-n", count) == expected


def test_r13_following_shows_new_lines_and_ends_with_the_workload(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start("web", "sh", "-c", "echo one; cat", readiness={"log": "one"}, restart={"policy": "always"})
    popen = subprocess.Popen([*supervisor.program, "logs", "-f", "web"], stdout=subprocess.PIPE, text=True)
    assert popen.stdout is not None
    assert popen.stdout.readline() == "one\n"
    assert popen.stdout.readline() == "one\n"  # it ended at once, and was started again
    supervisor.command("remove", "web")
    popen.stdout.read()
    popen.stdout.close()
    assert popen.wait() == 0


def test_r13_logs_of_the_last_start(supervisor: Supervisor) -> None:
    supervisor.start("web", "sh", "-c", "echo $$; exec sleep infinity", readiness={"log": "."})
    supervisor.command("restart", "web")
    assert supervisor.logs("web", "-c") == f"{supervisor.show('web')['pid']}\n"
    assert supervisor.logs("web", "-c", "-n", "0") == ""


def test_nothing_is_lost_while_no_supervisor_runs(supervisor: Supervisor, tmp_path: Path) -> None:
    script = f"while read line; do echo $line; test $line = last && touch {tmp_path}/done; done < {tmp_path}/input"
    subprocess.run(["mkfifo", f"{tmp_path}/input", f"{tmp_path}/done.fifo"], check=True)
    script += f"; echo end > {tmp_path}/done.fifo"
    supervisor.start("job", "sh", "-c", script, restart={"policy": "never"})
    supervisor.end(signal.SIGKILL)
    with open(f"{tmp_path}/input", "w") as pipe:
        pipe.write("".join(f"{number}\n" for number in range(20_000)) + "last\n")
    assert Path(f"{tmp_path}/done.fifo").read_text() == "end\n"
    supervisor.run()
    assert supervisor.logs("job").split() == [*map(str, range(20_000)), "last"]


def test_the_output_stays_below_its_bound(supervisor: Supervisor) -> None:
    maximum = 64 * 1024
    supervisor.start("job", "seq", "100000", kind="job", log={"maximum": maximum})
    supervisor.end()
    supervisor.run()
    folder = supervisor.state / "workloads" / "job"
    assert (folder / "output.log").stat().st_size <= maximum
    lines = supervisor.logs("job").splitlines()
    assert lines[-1] == "100000"
    assert [int(line) for line in lines[1:]] == list(range(100001 - len(lines) + 1, 100001))


def test_a_chatty_workload_is_bounded_while_it_runs(supervisor: Supervisor) -> None:
    maximum = 64 * 1024
    supervisor.start("web", "sh", "-c", "while :; do seq 10000; sleep 0.05; done", log={"maximum": maximum})
    path = supervisor.state / "workloads" / "web" / "output.log"
    watch = linux.inotify()
    os.set_blocking(watch, True)
    linux.inotify_add(watch, str(path.parent), linux.IN_CREATE | linux.IN_MOVED_TO | linux.IN_CLOSE_WRITE)
    while not any(name == "output.log.dropped" for _, _, name in linux.inotify_read(watch)):
        pass
    os.close(watch)
    assert supervisor.stop("web")["state"] == "stopped"


@pytest.mark.parametrize("collapse", [True, False])
def test_positions_hold_when_the_head_is_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, collapse: bool
) -> None:
    if not collapse:
        monkeypatch.setattr(linux, "collapse_head", lambda *_: False)
    kept = output.Output(str(tmp_path))
    content = b"".join(b"%07d\n" % number for number in range(20_000))
    Path(kept.path).write_bytes(content)
    kept.trim(100_000)
    assert kept.end() == len(content)
    position, found = kept.begin(), b""
    while data := kept.read(position)[1]:
        found, position = found + data, position + len(data)
    assert content.endswith(found)
    assert position == len(content)
    assert Path(kept.path).stat().st_size <= 100_000
    start, data = kept.read(0)
    assert start == kept.begin()
    assert content[start : start + len(data)] == data
