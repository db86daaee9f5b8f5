"""The workloads of a host: which entity a realised thing belongs to, and who speaks for it."""

import threading
from collections.abc import Iterator

import msgspec

from khutulun.agent import messages
from khutulun.agent.journal import Journal

ENDING = ("stop", "delete", "update")
"""Operations in which a workload may end without having failed."""


class Workloads:
    """Known workloads by entity and by the names of what realises them. Kept in the agent's journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._lock = threading.Lock()
        self._by_entity: dict[str, messages.Attend] = {}
        self._by_name: dict[tuple[str, str], str] = {}
        self._watch: frozenset[str] = frozenset()
        self._ending: set[str] = set()
        for attend in journal.workloads():
            self._index(attend)

    def attend(self, attend: messages.Attend) -> bool:
        """Know a workload; False when exactly this was known."""
        with self._lock:
            if self._by_entity.get(attend.workload.entity) == attend:
                return False
            self._journal.attend(attend)
            self._index(attend)
            return True

    def reached(self, entity: str, state: str, before: str | None = None) -> bool:
        """Note a workload's state; False when it is forgotten, or no longer in the state `before`."""
        with self._lock:
            known = self._by_entity.get(entity)
            if known is None or before not in (None, known.state):
                return False
            if known.state != state:
                self._by_entity[entity] = changed = msgspec.structs.replace(known, state=state)
                self._journal.attend(changed)
            return True

    def forget(self, entity: str) -> None:
        with self._lock:
            self._journal.forget(entity)
            self._by_entity.pop(entity, None)
            self._ending.discard(entity)
            self._watch = frozenset(text for one in self._by_entity.values() for text in one.watch)
            self._by_name = {key: value for key, value in self._by_name.items() if value != entity}

    def asked(self, entity: str, operation: str) -> None:
        """Note that an operation begins: from then on an end of the workload is meant to be, or no more so."""
        (self._ending.add if operation in ENDING else self._ending.discard)(entity)

    def ending(self, entity: str) -> bool:
        """Whether the workload ends, or has ended, because that was asked for."""
        return entity in self._ending

    def get(self, entity: str) -> messages.Attend | None:
        with self._lock:
            return self._by_entity.get(entity)

    def find(self, event: dict[str, messages.Plain]) -> messages.Attend | None:
        """Return the workload that a translated event names (``unit``, ``machine`` or ``entity``)."""
        with self._lock:
            entity = event.get("entity")
            for key in ("unit", "machine"):
                if entity is None and key in event:
                    entity = self._by_name.get((key, str(event[key])))
            return self._by_entity.get(str(entity))

    def watched(self, line: str) -> bool:
        """Whether a line of a source is about a workload that has asked for it by name."""
        with self._lock:
            return any(text in line for text in self._watch)

    def of_service(self, service: str) -> list[str]:
        with self._lock:
            return [id for id, one in self._by_entity.items() if one.workload.service == service]

    def __iter__(self) -> Iterator[messages.Attend]:
        with self._lock:
            return iter(list(self._by_entity.values()))

    def _index(self, attend: messages.Attend) -> None:
        workload = attend.workload
        self._by_entity[workload.entity] = attend
        self._watch = frozenset(text for one in self._by_entity.values() for text in one.watch)
        for key in ("unit", "machine"):
            if key in workload.names:
                self._by_name[(key, str(workload.names[key]))] = workload.entity
