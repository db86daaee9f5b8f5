"""Capacity, claims and journals: what must be true when many ask at once."""

import threading
from collections.abc import Callable

import pytest

from floria import ids
from floria.store.interface import CapacityExceeded, Claimed, Extent, NotFound, Store, StoreError, Trimmed
from floria.testing import samples


def at_once(count: int, work: Callable[[int], None]) -> None:
    barrier = threading.Barrier(count)
    errors: list[BaseException] = []

    def run(number: int) -> None:
        barrier.wait()
        try:
            work(number)
        except BaseException as error:  # shown by the assertion below
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_threads_never_take_more_than_there_is(store: Store) -> None:
    host = samples.vertex("host", memory=10)
    holders = [samples.vertex(str(number)) for number in range(24)]
    samples.put(store, host, *holders)
    taken: list[ids.Id] = []
    refused: list[CapacityExceeded] = []

    def take(number: int) -> None:
        try:
            with store.write() as transaction:
                transaction.allocate(host.id, "memory", 1, holders[number].id)
            taken.append(holders[number].id)
        except CapacityExceeded as error:
            refused.append(error)

    at_once(24, take)
    assert (len(taken), len(refused)) == (10, 14)
    assert str(refused[0]) == f"memory of {host.id}: 1 asked, 0 left"
    with store.write() as transaction:
        assert transaction.allocated(host.id, "memory") == 10
        transaction.delete(taken[0])
        assert transaction.allocate(host.id, "memory", 0.5, taken[1]) == 0.5
        transaction.release(taken[1])
        assert transaction.allocated(host.id, "memory") == 8


def test_one_claim_is_given_back_and_no_other(store: Store) -> None:
    mine, other = samples.vertex("mine"), samples.vertex("other")
    samples.put(store, mine, other)
    with store.write() as transaction:
        transaction.claim("host/tcp", "80", mine.id)
        transaction.claim("host/tcp", "81", mine.id)
        transaction.claim("host/udp", "80", other.id)
        transaction.unclaim("host/tcp", "80", mine.id)
        transaction.unclaim("host/tcp", "80", mine.id)
        transaction.unclaim("host/udp", "80", mine.id)
    with store.read() as reader:
        assert reader.claims("host/tcp") == {"81": mine.id}
        assert reader.claims("host/udp") == {"80": other.id}


def test_threads_claim_one_port_once(store: Store) -> None:
    holders = [samples.vertex(str(number)) for number in range(12)]
    samples.put(store, *holders)
    won: list[ids.Id] = []
    lost: list[Claimed] = []

    def claim(number: int) -> None:
        try:
            with store.write() as transaction:
                transaction.claim("host/tcp", "8080", holders[number].id)
            won.append(holders[number].id)
        except Claimed as error:
            lost.append(error)

    at_once(12, claim)
    assert len(won) == 1
    assert {error.holder for error in lost} == set(won)
    with store.read() as reader:
        assert reader.claims("host/tcp") == {"8080": won[0]}
    with store.write() as transaction:
        transaction.claim("host/tcp", "8080", won[0])
        transaction.delete(won[0])
        transaction.claim("host/tcp", "8080", lost[0].holder)


def test_a_capacity_must_be_there(store: Store) -> None:
    host = samples.vertex("host", memory=10, label="text", flag=True)
    samples.put(store, host)
    for name in ("disk", "label", "flag"):
        with pytest.raises(StoreError, match=f"has no capacity '{name}'"), store.write() as transaction:
            transaction.allocate(host.id, name, 1, host.id)
    with pytest.raises(NotFound), store.write() as transaction:
        transaction.allocate(ids.new(), "memory", 1, host.id)
    for amount in (-1, float("nan"), True):
        with pytest.raises(StoreError, match="cannot be allocated"), store.write() as transaction:
            transaction.allocate(host.id, "memory", amount, host.id)


def test_a_thing_is_recorded_once_even_when_seen_by_many(store: Store) -> None:
    added: list[int] = []

    def record(number: int) -> None:
        with store.write() as transaction:
            if (entry := transaction.append("event", "the-key", number, subject="a/b")) is not None:
                added.append(entry.body)  # type: ignore[arg-type]

    at_once(10, record)
    assert len(added) == 1
    with store.read() as reader:
        (entry,) = reader.journal("event")
        assert (entry.key, entry.body, entry.subject) == ("the-key", added[0], "a/b")


def test_a_journal_is_read_by_subject_and_position(store: Store) -> None:
    subjects = ["a", "a/b", "a/b/c", "ab", "a-b", ""]
    with store.write() as transaction:
        for number, subject in enumerate(subjects):
            transaction.append("t", str(number), {"n": number}, subject=subject)
            transaction.append("other", str(number), None)
        assert [record.subject for record in transaction.journal("t", subject="a")] == ["a", "a/b", "a/b/c"]
    with store.read() as reader:
        everything = reader.journal("t")
        assert [record.subject for record in everything] == subjects
        assert [record.position for record in everything] == sorted({record.position for record in everything})
        assert reader.journal("t", subject="a/b", limit=1) == everything[1:2]
        assert reader.journal("t", after=everything[3].position) == everything[4:]
        assert reader.journal("t", limit=2, newest=True) == everything[4:]
        assert reader.journal("t", subject="a", limit=2, newest=True) == everything[1:3]
        assert reader.journal("none") == []


def _recorded(store: Store, count: int, subject: str = "s", topic: str = "t") -> None:
    for number in range(count):
        with store.write() as transaction:
            transaction.append(topic, f"{subject}/{number}", number, subject=f"{subject}/n", time=number)


def _numbers(store: Store, subject: str | None = None) -> list[object]:
    with store.read() as reader:
        return [record.body for record in reader.journal("t", subject=subject)]


def test_a_journal_forgets_by_age_count_and_position(store: Store) -> None:
    _recorded(store, 10)
    _recorded(store, 4, "other")
    with store.read() as before:
        assert before.extent("t", subject="s") == Extent(10, 0)
        with store.write() as transaction:
            assert transaction.trim("t", subject="s", before=3).count == 3
            assert transaction.trim("t", subject="s", before=3) == Trimmed(0)
            assert [record.body for record in transaction.journal("t", subject="s", limit=1)] == [3]
            third = transaction.journal("t", subject="s")[2].position
            assert transaction.trim("t", subject="s", until=third, keep=1) == Trimmed(2, third - 1)
            assert transaction.trim("t", subject="s", keep=3, limit=1).count == 1
            assert transaction.trim("t", subject="none").count == 0
        assert [record.body for record in before.journal("t", subject="s")] == list(range(10))
    assert _numbers(store, "s") == [6, 7, 8, 9]
    with store.read() as reader:
        assert reader.extent("t", subject="s") == Extent(4, 6)
        assert reader.extent("t") == Extent(8, 6)
        assert reader.extent("none") is None
        assert reader.subjects("t") == ["other/n", "s/n"]


def test_a_position_never_comes_twice_though_everything_is_forgotten(store: Store) -> None:
    _recorded(store, 5)
    with store.write() as transaction:
        assert transaction.trim("t").count == 4
        again = transaction.append("t", "s/0", "again")
        assert again is not None
        assert transaction.trim("t").count == 1
    assert _numbers(store) == ["again"]
    with store.write() as transaction:
        later = transaction.append("t", "later", None)
    assert later is not None
    assert later.position > again.position


def test_what_a_transaction_that_fails_forgot_is_still_there(store: Store) -> None:
    _recorded(store, 5)
    with pytest.raises(KeyError), store.write() as transaction:
        transaction.append("t", "new", "new", subject="s")
        assert transaction.trim("t", subject="s", keep=1).count == 5
        raise KeyError
    assert _numbers(store) == [0, 1, 2, 3, 4]


def test_the_body_of_a_record_is_a_value(store: Store) -> None:
    with pytest.raises(StoreError, match=r"body\.x is a set, which is not a value"), store.write() as transaction:
        transaction.append("t", "k", {"x": {1}})  # type: ignore[dict-item]


def test_r60_a_store_at_rest_answers_as_before(store: Store) -> None:
    with store.write() as tx:
        stored = tx.put(samples.vertex("kept"))
    store.rest()
    with store.read() as reader:
        assert reader.get(stored.id) == stored
    with store.write() as tx:
        store.rest()  # in the midst of a write it waits for nothing
        tx.delete(stored.id)
