"""What was acknowledged is there after kill -9, and commits that arrive together share one sync."""

import itertools
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from floria.store.interface import Query, StoreError
from floria.store.sqlite import SqliteStore
from floria.store.sqlite.durability import Durability
from floria.testing import samples

WRITER = """
import sys, threading
from floria.store.sqlite import SqliteStore
from floria.testing import samples

store = SqliteStore(sys.argv[1])
lock = threading.Lock()

def write(thread):
    number = 0
    while True:
        name = f"{thread}-{number}"
        with store.write() as transaction:
            transaction.put(samples.vertex(name, "x"))
            transaction.put(samples.vertex(name, "y"))
            transaction.append("topic", name, number)
        with lock:
            print(name, flush=True)
        number += 1

for thread in range(4):
    threading.Thread(target=write, args=(thread,)).start()
"""


@pytest.mark.parametrize("acknowledged", [1, 40, 300])
def test_what_was_acknowledged_survives_kill_9(tmp_path: Path, acknowledged: int) -> None:
    database = tmp_path / "store.db"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(database)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        names = {line.strip() for line in itertools.islice(writer.stdout, acknowledged)}
        os.kill(writer.pid, signal.SIGKILL)
        names |= {line.strip() for line in writer.stdout if line.endswith("\n")}
    store = SqliteStore(database)
    with store.read() as reader:
        found = [entity.name for entity in reader.query(Query())]
        recorded = {record.key for record in reader.journal("topic", limit=100_000)}
    assert names <= set(found) == recorded
    assert all(found.count(name) == 2 for name in set(found))
    samples.put(store, samples.vertex("after"))
    store.close()


def test_commits_that_arrive_while_a_sync_runs_share_the_next_one() -> None:
    """Eight commits, the first alone: two syncs."""
    arrived, go = threading.Semaphore(0), threading.Event()

    def sync() -> None:
        arrived.release()
        go.wait()

    durability = Durability(sync, Path("store"))
    first = threading.Thread(target=durability.wait, args=(durability.committed(),))
    first.start()
    arrived.acquire()
    tickets = [durability.committed() for _ in range(7)]
    others = [threading.Thread(target=durability.wait, args=(ticket,)) for ticket in tickets]
    for other in others:
        other.start()
    go.set()
    for thread in (first, *others):
        thread.join()
    assert (durability.commits, durability.syncs) == (8, 2)


def test_threads_that_commit_while_the_disk_is_busy_share_its_next_sync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SqliteStore(tmp_path / "store.db")
    committed, go = threading.Semaphore(0), threading.Event()
    real_sync, real_committed = os.fdatasync, Durability.committed

    def slow(file: int) -> None:
        go.wait()
        real_sync(file)

    def counted(self: Durability) -> int:
        ticket = real_committed(self)
        committed.release()
        return ticket

    monkeypatch.setattr(os, "fdatasync", slow)
    monkeypatch.setattr(Durability, "committed", counted)
    threads = [threading.Thread(target=samples.put, args=(store, samples.vertex())) for _ in range(16)]
    for thread in threads:
        thread.start()
    for _ in threads:
        committed.acquire()
    go.set()
    for thread in threads:
        thread.join()
    assert store.statistics["commits"] == 16
    assert store.statistics["syncs"] <= 2
    store.close()


def test_a_failed_sync_is_told_to_all_who_waited_and_nothing_is_promised_afterwards() -> None:
    def sync() -> None:
        raise OSError(5, "Input/output error")

    durability = Durability(sync, Path("/data/store.db"))
    errors: list[StoreError] = []

    def commit() -> None:
        try:
            durability.wait(durability.committed())
        except StoreError as error:
            errors.append(error)

    threads = [threading.Thread(target=commit) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(errors) == 3
    assert str(errors[0]) == "/data/store.db: Input/output error; the last commits may be lost"
    with pytest.raises(StoreError):
        durability.check()


def test_listeners_and_feeds_hear_of_a_commit_only_when_it_is_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SqliteStore(tmp_path / "store.db")
    syncing, go = threading.Event(), threading.Event()
    real = os.fdatasync

    def slow(file: int) -> None:
        syncing.set()
        go.wait()
        real(file)

    monkeypatch.setattr(os, "fdatasync", slow)
    heard: list[int] = []
    store.on_commit(lambda changes: heard.append(len(changes)))
    feed = store.watch()
    reader = threading.Thread(target=lambda: heard.append(next(iter(feed)).position))
    reader.start()
    writer = threading.Thread(target=samples.put, args=(store, samples.vertex()))
    writer.start()
    syncing.wait()
    assert heard == []
    go.set()
    writer.join()
    reader.join()
    assert sorted(heard) == [1, 1]
    store.close()
