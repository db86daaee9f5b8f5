"""T117, R60: journals stay bounded without polling, and still explain what exists; what is gone is told."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from floria import store as stores
from floria.entities import Handler
from floria.store.interface import Store
from floria.values import Call
from khutulun import model
from khutulun.conductor import journals, retention
from khutulun.conductor.journals import Topic
from khutulun.conductor.retention import DAY, Housekeeping, Retention
from khutulun.testing.machine import ME, Machine, note

FEW = Retention(count=20, days=30, history_days=90)
NOW = 1_000 * DAY


def counts(store: Store, subject: str | None = None) -> dict[str, int]:
    with store.read() as reader:
        found = {topic: reader.extent(topic, subject=subject) for topic in reader.topics()}
    return {topic: extent.count for topic, extent in found.items() if extent is not None}


def housekeeping(store: Store, keep: Retention = FEW, **services: int) -> Housekeeping:
    found = {f"/{name}": created for name, created in services.items()}
    return Housekeeping(store, keep, lambda: None, lambda _: found, lambda: NOW)


def record(store: Store, topic: str, service: str, days: float, count: int = 1) -> None:
    """Write records of a node of a service, some days ago."""
    with store.write() as tx:
        for _ in range(count):
            key = str(tx.position()) + os.urandom(8).hex()
            tx.append(topic, key, {}, subject=f"/{service}/{service}/node", time=NOW - round(days * DAY))


@pytest.fixture
def store() -> Store:
    return stores.open("memory:")


def test_what_is_old_is_forgotten_and_what_made_a_service_that_exists_is_not(store: Store) -> None:
    for topic in (Topic.PROGRESS, Topic.REACTION, Topic.EFFECT):
        for service in ("lives", "gone"):
            record(store, topic, service, 100, 3)
            record(store, topic, service, 40, 2)
            record(store, topic, service, 1)
    record(store, "other", "x", 100, 2)
    housekeeping(store, lives=NOW - 200 * DAY).run()
    assert counts(store, "/lives") == {"progress": 1, "reaction": 1, "effect": 6, "horizon": 1}
    assert counts(store, "/gone") == {"progress": 1, "reaction": 1, "effect": 3, "horizon": 1}


def test_what_made_the_one_before_is_forgotten_like_that_of_a_service_that_is_gone(store: Store) -> None:
    record(store, Topic.EFFECT, "s", 100, 4)
    record(store, Topic.EFFECT, "s", 60, 30)
    record(store, Topic.EFFECT, "s", 10, 40)
    housekeeping(store, s=NOW - 20 * DAY).run()
    assert counts(store, "/s") == {"effect": 20 + 40}


def test_the_newest_of_each_service_stay(store: Store) -> None:
    record(store, Topic.PROGRESS, "busy", 1, 5_000)
    record(store, Topic.PROGRESS, "quiet", 2, 5)
    housekeeping(store, busy=0, quiet=0).run()
    assert counts(store, "/busy") == {"progress": FEW.count, "horizon": 1}
    assert counts(store, "/quiet") == {"progress": 5}


def test_events_that_are_not_done_with_stay(store: Store) -> None:
    record(store, Topic.EVENT, "s", 100, 5)
    with store.read() as reader:
        third = reader.journal(Topic.EVENT)[2].position
    with store.write() as tx:
        tx.append("event-floor", "3", third)
    housekeeping(store).run()
    assert counts(store, "/s") == {"event": 2, "horizon": 1}


def test_a_position_that_is_gone_is_refused_with_what_to_do(store: Store) -> None:
    record(store, Topic.PROGRESS, "busy", 1, 50)
    record(store, Topic.PROGRESS, "quiet", 1, 1)
    housekeeping(store, busy=0, quiet=0).run()
    with store.read() as reader:
        first = reader.journal(Topic.PROGRESS, subject="/busy")[0].position
        retention.check(reader, "/busy", first - 1)
        retention.check(reader, "/busy", 0)
        retention.check(reader, "/quiet", 1)
        for subject in ("/busy", ""):
            with pytest.raises(model.Refused, match="events after 5 are no longer kept") as caught:
                retention.check(reader, subject, 5)
            assert (caught.value.status, caught.value.problems[0].code) == (410, "position-gone")
            assert caught.value.problems[0].hint


def test_r104_the_audit_log_is_bounded_and_attempts_push_nothing_out(store: Store) -> None:
    record(store, Topic.ASKED, "s", 100, 3)
    record(store, Topic.ASKED, "s", 60, 5)
    record(store, Topic.AUDIT, "s", 1, FEW.count * retention.AUDITED + 30)
    record(store, Topic.DENIED, "s", 1, FEW.count + 30)
    record(store, "other", "x", 1)
    housekeeping(store).run()
    kept = counts(store)
    assert kept["asked"] == 5
    assert kept["audit"] == FEW.count * retention.AUDITED
    assert kept["denied"] == FEW.count


def test_the_home_of_a_subject() -> None:
    assert journals.home("/s/s/web/0") == "/s"
    assert journals.home("/a/b/a/a/web") == "/a/b/a"
    assert journals.home("/0123456789") == "/0123456789"
    assert journals.home("") == ""


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look after every twenty commits."""
    monkeypatch.setattr(retention, "EVERY", 20)


@pytest.mark.usefixtures("looks")
def test_many_deployments_and_storms_of_events_stay_bounded(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    handled = Handler("again", Call("floria:equal", [1, 1]))
    with machine.up(FEW) as running:
        conductor = running.conductor
        for _ in range(6):
            assert machine.deploy("s", note("a"), note("b")).state == "done"
            assert machine.wait(conductor.undeploy(ME, "s")).state == "done"
        machine.deploy("s", note("a", handlers=(handled,)), note("b"))
        for number in range(150):
            conductor.emit(ME, "again", service="s", node="a", data={"number": number})
        feed = conductor.events(ME, service="s", after=0, follow=True)
        assert next(one for one in feed if one.name == "again" and one.kind == "handling")
        feed.close()
    with machine.up(FEW) as running:  # a start looks as well
        running.conductor._housekeeping.run()
        found = counts(running.store, "/s")
        for topic in (Topic.EVENT, Topic.HANDLING, Topic.PROGRESS):
            assert found.get(topic, 0) <= FEW.count + 5, found  # and what is not known yet to be done with
        history = running.conductor.history(ME, "s")
        assert [one.operation for one in history if one.node == "a"][-2:] == ["create", "start"]
        assert running.conductor.service(ME, "s").state is model.ServiceState.RUNNING
        with pytest.raises(model.Refused, match="no longer kept"):
            running.conductor.events(ME, service="s", after=1)


_FORGETTING = """
import sys
from floria import store as stores
from khutulun.conductor import retention
retention.BATCH = 1
store = stores.open(sys.argv[1])
keep, now = retention.Retention(count=20), int(sys.argv[2])
print("begins", flush=True)
retention.Housekeeping(store, keep, lambda: None, lambda _: {}, lambda: now).run()
"""


def test_r94_a_kill_in_the_midst_is_harmless(tmp_path: Path) -> None:
    address = f"sqlite:{tmp_path / 'store'}"
    store = stores.open(address)
    record(store, Topic.PROGRESS, "s", 1, 3_000)
    with store.read() as reader:
        before = [one.position for one in reader.journal(Topic.PROGRESS, limit=10_000)]
    store.close()
    argv = [sys.executable, "-c", _FORGETTING, address, str(NOW)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline()
        child.send_signal(signal.SIGKILL)
    store = stores.open(address)
    with store.read() as reader:
        left = [one.position for one in reader.journal(Topic.PROGRESS, limit=10_000)]
        assert left == before[len(before) - len(left) :]
        horizon = reader.journal(retention.HORIZON)
        assert [one.body for one in horizon] == ([left[0] - 1] if len(left) < len(before) else [])
    Housekeeping(store, FEW, lambda: None, lambda _: {}, lambda: NOW).run()
    assert counts(store, "/s") == {"progress": FEW.count, "horizon": 1}
    store.close()
