"""What a service manager is told by the server, and what it finds in the journal by priority (R103)."""

import logging
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from khutulun import notices

LOGS = """
import logging
from khutulun import notices
notices.configure("info")
log = logging.getLogger("khutulun.part")
log.debug("not told")
log.info("begun")
log.warning("one\\ntwo")
try:
    raise ValueError("bad")
except ValueError:
    log.exception("broken")
"""


def _logged(path: Path, stream: str) -> list[str]:
    with path.open("wb") as file:
        made = os.fstat(file.fileno())
        environment = {**os.environ, "JOURNAL_STREAM": stream or f"{made.st_dev}:{made.st_ino}"}
        subprocess.run([sys.executable, "-c", LOGS], stderr=file, env=environment, check=True)
    return path.read_text().splitlines()


def test_r103_every_line_in_the_journal_has_its_priority(tmp_path: Path) -> None:
    found = _logged(tmp_path / "log", "")
    assert found[:3] == ["<6>INFO khutulun.part: begun", "<4>WARNING khutulun.part: one", "<4>two"]
    assert found[3] == "<3>ERROR khutulun.part: broken"
    assert len(found) > 5
    assert all(line.startswith("<3>") for line in found[3:])


def test_r103_a_log_that_is_not_the_journals_has_no_priorities(tmp_path: Path) -> None:
    assert _logged(tmp_path / "log", "1:2")[:2] == ["INFO khutulun.part: begun", "WARNING khutulun.part: one"]


def test_r103_why_a_server_cannot_start_is_an_error_in_the_journal(tmp_path: Path) -> None:
    path, state = tmp_path / "log", tmp_path / "state"
    state.mkdir()
    (state / "lock").mkdir()
    with path.open("wb") as file:
        made = os.fstat(file.fileno())
        environment = {**os.environ, "JOURNAL_STREAM": f"{made.st_dev}:{made.st_ino}"}
        command = "import khutulun.cli; khutulun.cli.main()"
        argv = [sys.executable, "-c", command, "serve", "--state", str(state)]
        ended = subprocess.run(argv, stderr=file, env=environment, check=False)
    assert ended.returncode == 1
    assert path.read_text().startswith(f"<3>error: {state} ")


@pytest.mark.parametrize("abstract", [False, True])
def test_r103_the_service_manager_is_asked_to_wait_while_a_start_takes_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, abstract: bool
) -> None:
    name = f"@{tmp_path}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name[1:] if abstract else name)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        notices.busy("compiling plugin a")
        assert manager.recv(1000) == b"STATUS=compiling plugin a\nEXTEND_TIMEOUT_USEC=900000000"
        notices.notify("READY=1")
        assert manager.recv(1000) == b"READY=1"


def test_r103_without_a_manager_or_with_one_that_is_gone_nothing_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notices.notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    with caplog.at_level(logging.DEBUG):
        notices.notify("READY=1")
    assert caplog.records == []
