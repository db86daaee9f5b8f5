"""Bad addresses, other versions, full disks, damaged files, other owners: what, why, what to do, nothing changed."""

import os
import resource
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import apsw
import pytest

import floria.store
from floria.store.interface import Query, StoreError
from floria.store.sqlite import SqliteStore, schema
from floria.testing import samples


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "store.db"
    with closing(SqliteStore(path)) as store:
        samples.put(store, samples.vertex("a"))
        store.put_blob(b"blob")
    return path


def names(path: Path, *, read_only: bool = False) -> list[str]:
    with closing(SqliteStore(path, read_only=read_only)) as store, store.read() as reader:
        return [entity.name for entity in reader.query(Query())]


def test_a_store_from_a_newer_version_is_refused_and_not_touched(database: Path) -> None:
    with closing(apsw.Connection(str(database))) as connection:
        connection.pragma("user_version", 99)
    before = database.read_bytes()
    for read_only in (False, True):
        with pytest.raises(StoreError, match=r"was written by a newer version of Floria \(schema 99") as caught:
            SqliteStore(database, read_only=read_only)
        assert "upgrade this program" in caught.value.hint
    assert database.read_bytes() == before


def test_a_store_from_an_older_version_is_brought_up_to_date_once(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = (*schema.MIGRATIONS, "ALTER TABLE journal ADD COLUMN added TEXT NOT NULL DEFAULT 'new'")
    monkeypatch.setattr(schema.migrate, "__defaults__", (newer,))
    monkeypatch.setattr(schema.check, "__defaults__", (newer,))
    assert names(database) == ["a"]
    with closing(apsw.Connection(str(database))) as connection:
        assert connection.pragma("user_version") == len(newer)
    assert names(database) == ["a"]


def test_a_migration_that_fails_changes_nothing(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = (*schema.MIGRATIONS, "CREATE TABLE new (x); SELECT * FROM nowhere")
    with monkeypatch.context() as patch:
        patch.setattr(schema.migrate, "__defaults__", (broken,))
        patch.setattr(schema.check, "__defaults__", (broken,))
        with pytest.raises(StoreError, match="no such table: nowhere"):
            SqliteStore(database)
    assert names(database) == ["a"]


def test_a_file_of_others_is_refused_and_not_touched(tmp_path: Path) -> None:
    text, other = tmp_path / "text", tmp_path / "other.db"
    text.write_text("a letter\n" * 1000)
    with closing(apsw.Connection(str(other))) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    for path in (text, other):
        before = path.read_bytes()
        with pytest.raises(StoreError, match="it is not a Floria store"):
            SqliteStore(path)
        assert path.read_bytes() == before
        SqliteStore(tmp_path / "mine.db").close()


def test_a_damaged_file_says_so(database: Path) -> None:
    with database.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (database.stat().st_size - 4096))
    for _ in range(2):
        with pytest.raises(StoreError, match="it is damaged") as caught:
            names(database)
    assert caught.value.hint.startswith("restore a backup: floria restore")


def test_one_process_owns_a_store_and_others_may_read_and_back_up(database: Path, tmp_path: Path) -> None:
    """R78: backup while another process has the store open."""
    hold = "import sys, floria.store; s = floria.store.open(sys.argv[1]); print(); sys.stdin.read(); s.close()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdout is not None
        owner.stdout.readline()
        with pytest.raises(StoreError, match=f"process {owner.pid} has it open for writing") as caught:
            SqliteStore(database)
        assert "end that process" in caught.value.hint
        (tmp_path / "any").touch()
        with pytest.raises(StoreError, match="has it open for writing"):
            floria.store.restore(tmp_path / "any", str(database), replace=True)
        assert names(database, read_only=True) == ["a"]
        with closing(SqliteStore(database, read_only=True)) as reading:
            reading.backup(tmp_path / "backup")
            with pytest.raises(StoreError, match="open for reading only"), reading.write():
                pass
            with pytest.raises(StoreError, match="open for reading only"):
                reading.watch()
        owner.communicate(b"")
    floria.store.restore(tmp_path / "backup", str(tmp_path / "copy.db"))
    assert names(tmp_path / "copy.db") == names(database) == ["a"]


def test_restoring_over_a_store_needs_a_word_and_removes_what_was_not_in_the_backup(
    database: Path, tmp_path: Path
) -> None:
    with closing(SqliteStore(database)) as store:
        store.backup(tmp_path / "backup")
        samples.put(store, samples.vertex("later"))
        later = store.put_blob(b"later")
    with pytest.raises(StoreError, match="a store is there already") as caught:
        floria.store.restore(tmp_path / "backup", f"sqlite:{database}")
    assert "--replace" in caught.value.hint
    assert sorted(names(database)) == ["a", "later"]
    floria.store.restore(tmp_path / "backup", f"sqlite:{database}", replace=True)
    with closing(SqliteStore(database)) as store, store.read() as reader:
        assert [entity.name for entity in reader.query(Query())] == ["a"]
        assert len(store.blobs()) == 1
        assert later not in store.blobs()


def test_a_damaged_backup_changes_nothing(database: Path, tmp_path: Path) -> None:
    with closing(SqliteStore(database)) as store:
        store.backup(tmp_path / "backup")
    with closing(apsw.Connection(str(tmp_path / "backup"))) as connection:
        connection.execute("UPDATE blob SET content = x'00'")
    with pytest.raises(StoreError, match=r"the blob sha256:.* in the backup is damaged"):
        floria.store.restore(tmp_path / "backup", str(database), replace=True)
    with closing(SqliteStore(database)) as store:
        assert len(store.blobs()) == 1
    assert names(database) == ["a"]


FILL = """
import sys, floria.store
from floria.store.interface import StoreError
from floria.testing import samples

store = floria.store.open(sys.argv[1])
done = 0
try:
    while True:
        samples.put(store, samples.vertex(str(done), data=b"x" * 20_000))
        done += 1
except StoreError as error:
    print(done, "|", error, "|", error.hint)
"""


OPEN_AGAIN = """
import sys
from contextlib import suppress
from pathlib import Path
from floria.store.interface import StoreError
from floria.store.sqlite import SqliteStore

path = Path(sys.argv[1])
SqliteStore(path).close()
with suppress(OSError), path.with_name('rest').open('wb', buffering=0) as rest:
    while True:
        rest.write(bytes(4096))
try:
    SqliteStore(path)
except StoreError as error:
    print(error, '|', error.hint)
"""


def test_a_full_disk_is_told_and_loses_nothing(tmp_path: Path) -> None:
    """The limit on the size of files stands for the disk; the system test below fills a real one."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    database = tmp_path / "store.db"
    result = subprocess.run(
        [sys.executable, "-c", FILL, str(database)], capture_output=True, text=True, check=True, preexec_fn=limit
    )
    done, message, hint = result.stdout.split(" | ")
    assert str(database) in message
    assert hint
    assert sorted(names(database), key=int) == [str(number) for number in range(int(done))]


@pytest.mark.system
def test_a_disk_that_is_really_full_is_told_and_loses_nothing(tmp_path: Path) -> None:
    mount = tmp_path / "disk"
    mount.mkdir()
    script = (
        f'mount -t tmpfs -o size=2m tmpfs {mount} && {sys.executable} -c "$FILL" {mount}/store.db'
        f" && cp {mount}/store.db* {tmp_path}"
    )
    result = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"FILL": FILL},
    )
    done, message, hint = result.stdout.split(" | ")
    assert "the disk is full" in message
    assert hint.startswith("free some space")
    assert sorted(names(tmp_path / "store.db"), key=int) == [str(number) for number in range(int(done))]


@pytest.mark.system
def test_r101_a_store_that_a_full_disk_does_not_let_open_is_not_called_damaged(tmp_path: Path) -> None:
    """SQLite says I/O error, since what it shares between processes finds no place."""
    mount = tmp_path / "disk"
    mount.mkdir()
    script = f'mount -t tmpfs -o size=2m tmpfs {mount} && {sys.executable} -c "$OPEN_AGAIN" {mount}/store.db'
    result = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"OPEN_AGAIN": OPEN_AGAIN},
    )
    assert "store.db: the disk is full" in result.stdout
    assert "| free some space" in result.stdout


def test_a_folder_that_is_not_there_or_may_not_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="its folder does not exist") as caught:
        SqliteStore(tmp_path / "missing" / "store.db")
    assert caught.value.hint == f"make it: mkdir -p {tmp_path / 'missing'}"
    with pytest.raises(StoreError, match=r"/proc/store\.db"):
        SqliteStore("/proc/store.db")
    with pytest.raises(StoreError, match="there is no store"):
        SqliteStore(tmp_path / "store.db", read_only=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("postgresql://host/db", "there is no store for postgresql:"),
        ("memory:name", "memory:name is no address"),
        ("sqlite:", "sqlite: has no path"),
    ],
)
def test_an_address_that_leads_nowhere_is_explained(address: str, problem: str) -> None:
    with pytest.raises(StoreError, match=problem) as caught:
        floria.store.open(address)
    assert caught.value.hint


def test_what_a_killed_process_left_of_a_blob_is_removed(database: Path) -> None:
    folder = database.with_name("store.db-blobs")
    (folder / ".partial-x").write_bytes(b"half")
    with closing(SqliteStore(database)) as store:
        assert len(store.blobs()) == 1
    assert not list(folder.glob(".partial-*"))


def test_an_error_in_the_users_own_code_stays_their_own(database: Path) -> None:
    with closing(SqliteStore(database)) as store:
        with pytest.raises(FileNotFoundError), store.write():
            Path("/nowhere").read_text()
        with store.read() as reader:
            entities = reader.query(Query())
        with pytest.raises(StoreError, match="the reader was used after its end"):
            next(entities)
        with pytest.raises(StoreError, match="the reader was used after its end"):
            reader.position()
