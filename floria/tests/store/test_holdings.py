"""Capacity, claims and journals: what must be true when many ask at once."""

import threading
from collections.abc import Callable

import pytest

from floria import ids
from floria.store.interface import CapacityExceeded, Claimed, NotFound, Store, StoreError
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
