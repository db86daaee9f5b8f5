"""The agent's memory survives it (R94)."""

import os
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from khutulun import model
from khutulun.agent import journal, messages


def happened(id: str) -> messages.Happened:
    return messages.Happened(id=id, host="here", entity="e", name="failed", time=1, detail={"exit_code": 3})


def test_r94_an_operation_that_has_ended_is_answered_from_the_journal(tmp_path: Path) -> None:
    file = tmp_path / "agent.sqlite"
    first = journal.Journal(file)
    assert first.begin("op") is None
    answer = messages.Operated(result={"attributes": {"pid": 7}}, problem=model.Problem("x", "y"))
    first.end("op", answer)
    first.close()
    assert journal.Journal(file).begin("op") == answer


def test_r94_an_operation_that_was_interrupted_begins_again_with_its_effects(tmp_path: Path) -> None:
    file = tmp_path / "agent.sqlite"
    first = journal.Journal(file)
    first.begin("op")
    first.intend("e1", "op", b"one", [("q", b"look", b"seen")])
    first.outcome("e1", b"done")
    first.intend("e2", "op", b"two")
    first.close()
    second = journal.Journal(file)
    assert second.begin("op") is None
    assert second.effects("op") == [("q", b"look", b"seen"), ("e1", b"one", b"done"), ("e2", b"two", None)]
    second.end("op", messages.Operated())
    assert second.effects("op") == []


def test_r94_an_event_stays_until_it_was_told_and_is_kept_once(tmp_path: Path) -> None:
    file = tmp_path / "agent.sqlite"
    first = journal.Journal(file)
    assert first.post(happened("a"))
    assert first.post(happened("b"))
    assert not first.post(happened("a"))
    first.close()
    second = journal.Journal(file)
    assert [one.id for one in second.untold()] == ["a", "b"]
    second.told("a")
    assert second.untold() == [happened("b")]


def test_answers_are_kept_for_a_bounded_number_of_operations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "KEEP_OPERATIONS", 3)
    monkeypatch.setattr(journal, "FORGET_AT_ONCE", 2)
    kept = journal.Journal(tmp_path / "agent.sqlite")
    for number in range(6):
        kept.begin(str(number))
        kept.end(str(number), messages.Operated(result=number))
    found = [kept.begin(str(number)) for number in (0, 5)]
    assert found == [None, messages.Operated(result=5)]


def test_a_journal_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "agent.sqlite"
    with apsw.Connection(str(file)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = file.read_bytes()
    with pytest.raises(journal.BadState, match=r"format 99.*up to 1"):
        journal.Journal(file)
    assert file.read_bytes() == before


OPEN_AGAIN = """
import sys
from contextlib import suppress
from pathlib import Path
from khutulun.agent import journal

path = Path(sys.argv[1])
journal.Journal(path).close()
with suppress(OSError), path.with_name('rest').open('wb', buffering=0) as rest:
    while True:
        rest.write(bytes(4096))
try:
    journal.Journal(path)
except journal.BadState as error:
    print(error, '|', error.hint)
"""


@pytest.mark.system
def test_r101_a_journal_that_a_full_disk_does_not_let_open_is_not_called_damaged(tmp_path: Path) -> None:
    """Nobody is told to move it away, or to restore it, when what it needs is some space."""
    mount = tmp_path / "disk"
    mount.mkdir()
    script = f'mount -t tmpfs -o size=2m tmpfs {mount} && {sys.executable} -c "$OPEN_AGAIN" {mount}/agent.sqlite'
    ended = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"OPEN_AGAIN": OPEN_AGAIN},
    )
    assert ended.stdout == f"{mount}/agent.sqlite: the disk is full | free some space\n"
