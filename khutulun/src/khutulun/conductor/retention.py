"""How long the journals remember, and the work that keeps them so: after many commits, and at start; never by a clock.

What explains a service that exists stays: the commands and files that made it. Everything else is forgotten by age and
by count. Where events were forgotten a *horizon* is written in the same transaction, so that whoever asks for what is
gone is told so.
"""

import logging
import threading
import time
from collections.abc import Callable

import msgspec

from floria.events import journal as engine
from floria.store.interface import Reader, Store, StoreError, Transaction
from khutulun import model
from khutulun.conductor import auditing, graphaccess, journals
from khutulun.conductor.journals import Topic

EVERY = 1000
"""Commits after which it is looked whether there is something to forget."""

BATCH = 2000
"""Records that one transaction forgets: others who write do not wait long."""

AUDITED = 10
"""How many times the `count` of a service's records the audit log of all services has."""

HORIZON = "horizon"
"""Topic: up to which position events of a service were forgotten."""

MANY = 1_000_000
DAY = 86_400 * 10**9

_TOLD = (Topic.EVENT, Topic.HANDLING, Topic.PROGRESS)
_COUNTED = (*_TOLD, Topic.REACTION, graphaccess.DONE)
_OF_ENGINE = (engine.HANDLED, engine.STORM)

log = logging.getLogger(__name__)


class Retention(msgspec.Struct, frozen=True):
    """What is kept: of each service the newest `count` records of each kind, and none older than `days`.

    What made a service is kept as long as it is there, and `history_days` longer. The audit log is kept for
    `history_days`, and has ten times `count` entries at most.
    """

    count: int = 10_000
    days: float = 30.0
    history_days: float = 90.0


DEFAULT = Retention()


class Housekeeping:
    """Forgets, in a thread of its own that lives only while there is work. `settle` says what is done with before."""

    def __init__(
        self,
        store: Store,
        keep: Retention,
        settle: Callable[[], None],
        services: Callable[[Reader], dict[str, int]],
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._store, self._keep, self._settle, self._services, self._clock = store, keep, settle, services, clock
        self._lock = threading.Lock()
        self._commits = 0
        self._thread: threading.Thread | None = None
        self._closed = False
        self._removal = store.on_commit(lambda _: self._committed())

    def begin(self) -> None:
        """Look now, in the background; nothing when that is on its way."""
        with self._lock:
            if self._closed or self._thread is not None:
                return
            self._commits = 0
            self._thread = threading.Thread(target=self._work, name="housekeeping", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop after the transaction on its way; the next start goes on."""
        self._removal()
        with self._lock:
            self._closed = True
            thread = self._thread
        if thread is not None:
            thread.join()

    def run(self) -> None:
        """Forget what is no longer kept."""
        self._settle()
        with self._store.read() as reader:
            floor = engine.floor(reader)
            found = self._services(reader)
            known = {
                journals.home(subject) for topic in (*_COUNTED, Topic.EFFECT) for subject in reader.subjects(topic)
            }
        for topic in _OF_ENGINE:
            self._forget(topic, until=floor)
        self._forget(engine.FLOOR, keep=1)
        for topic in auditing.TOPICS:
            self._audit(topic)
        for directory in sorted(known):
            self._service(directory, found.get(directory), floor)

    def _audit(self, topic: Topic) -> None:
        """Bound one of the journals of the audit log as a whole: by age, and by count."""
        self._forget(topic, before=self._before(self._keep.history_days))
        most = self._keep.count * (1 if topic is Topic.DENIED else AUDITED)
        with self._store.read() as reader:
            extent = reader.extent(topic)
        if extent is not None and extent.count > most:
            self._forget(topic, keep=most)

    def _service(self, directory: str, created: int | None, floor: int) -> None:
        for topic in _COUNTED:
            until = floor if topic in (Topic.EVENT, Topic.HANDLING) else None
            self._aged(topic, directory, self._before(self._keep.days), until)
            self._counted(topic, directory, until, None)
        since = self._before(self._keep.history_days)
        self._aged(Topic.EFFECT, directory, since if created is None else min(since, created), None)
        self._counted(Topic.EFFECT, directory, None, self._clock() if created is None else created)

    def _aged(self, topic: str, directory: str, before: int, until: int | None) -> None:
        with self._store.read() as reader:
            extent = reader.extent(topic, subject=directory)
        if extent is not None and extent.oldest < before:
            self._forget(topic, directory, before=before, until=until)

    def _counted(self, topic: str, directory: str, until: int | None, before: int | None) -> None:
        with self._store.read() as reader:
            extent = reader.extent(topic, subject=directory)
        if extent is not None and extent.count > self._keep.count:
            self._forget(topic, directory, until=until, before=before, keep=self._keep.count)

    def _forget(
        self,
        topic: str,
        directory: str | None = None,
        *,
        until: int | None = None,
        before: int | None = None,
        keep: int = 0,
    ) -> None:
        while not self._closed:
            with self._store.write() as tx:
                gone = tx.trim(topic, subject=directory, until=until, before=before, keep=keep, limit=BATCH)
                if gone.count and directory is not None and topic in _TOLD:
                    _write_horizon(tx, directory, gone.position)
            if gone.count < BATCH:
                return

    def _before(self, days: float) -> int:
        return self._clock() - round(days * DAY)

    def _committed(self) -> None:
        with self._lock:
            self._commits += 1
            due = self._commits >= EVERY
        if due:
            self.begin()

    def _work(self) -> None:
        try:
            self.run()
        except StoreError as error:  # a full disk: it is tried again after some more commits
            log.warning("the journals were not shortened: %s", error)
        except Exception:
            log.exception("shortening the journals")
        finally:
            with self._lock:
                self._thread = None


def check(reader: Reader, subject: str, after: int) -> None:
    """Raise `model.Refused` when events after a position were forgotten. 0 is before everything that is kept."""
    horizon = _horizon(reader, subject)
    if 0 < after < horizon:
        raise model.refuse(
            "position-gone",
            f"events after {after} are no longer kept; what is kept begins after {horizon}",
            hint="look at the services as they are now, and go on from there, or from 0 with what is left",
            status=410,
        )


def _horizon(reader: Reader, subject: str) -> int:
    """Return up to where events of a service, or of any in a directory, were forgotten."""
    found = reader.journal(HORIZON, subject=subject or None, limit=MANY)
    return max((one.body for one in found if isinstance(one.body, int)), default=0)


def _write_horizon(tx: Transaction, directory: str, position: int) -> None:
    reached = max(position, _horizon(tx, directory))
    tx.append(HORIZON, f"{directory}@{reached}", reached, subject=directory)
    tx.trim(HORIZON, subject=directory, keep=1)
