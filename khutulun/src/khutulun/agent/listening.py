"""What happens to a host's workloads: told by push sources, translated by plugins, kept until the conductor has it."""

import collections
import dataclasses
import functools
import hashlib
import json
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from floria import plugins
from floria.plugins import effects, grants
from floria.plugins.faults import Fault
from khutulun import paths
from khutulun.agent import messages, sources
from khutulun.agent.failures import Failures
from khutulun.agent.journal import Journal
from khutulun.agent.loader import Loader
from khutulun.agent.operating import QUERY, Operator
from khutulun.agent.workloads import Workloads
from khutulun.bus import interface as bus

FAILED = ("failed", "error")
KNOWN_LINES = 64
"""Of the last lines whose meaning is known: systemd says the same thing up to five times."""

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class _Look:
    """What catching up has told of a workload: its state, and between which times (Unix ns) it was looked at."""

    before: str
    state: str
    event: str
    began: int
    ended: int

    def covers(self, event: dict[str, Any], at: int) -> bool:
        """Whether what happened then, or was heard then, is told with what was found."""
        state = event.get("state")
        if at <= self.began:
            return state is not None or event.get("event") == self.event
        return at <= self.ended and state == self.state


class Listener:
    """Subscribes to the sources of plugins, and tells the conductor."""

    def __init__(
        self,
        over: bus.Bus,
        where: paths.Paths,
        loader: Loader,
        operator: Operator,
        journal: Journal,
        workloads: Workloads,
        facts: dict[str, Any],
        failures: Failures,
    ) -> None:
        self._bus, self._paths, self._loader, self._operator = over, where, loader, operator
        self._journal, self._workloads, self._facts, self._failures = journal, workloads, facts, failures
        self._lock = threading.Lock()
        self._told: dict[tuple[str, str], str] = {}
        self._looks: dict[str, _Look] = {}
        self._known: collections.deque[tuple[str, str, str]] = collections.deque(maxlen=KNOWN_LINES)
        self._sources: dict[tuple[str, str], sources.Source] = {}
        self._stopping = ThreadPoolExecutor(1, "stop sources")
        self._closed = False

    def start(self) -> None:
        """Tell what was not told yet, subscribe for the known workloads, and catch up on those without a source.

        A source catches up on its own when it is there.
        """
        while untold := self._journal.untold():
            delivered = [self._deliver(happened) for happened in untold]
            if not all(delivered):
                break
        references = {attend.plugin.digest: attend.plugin for attend in self._workloads}
        for reference in references.values():
            self.open(reference)
        with self._lock:
            followed = {digest for digest, _ in self._sources}
        for digest in references.keys() - followed:
            self._catch_up(references[digest])

    def close(self) -> None:
        with self._lock:
            self._closed = True
            found = list(self._sources.values())
            self._sources.clear()
        for source in found:
            source.stop()
        self._stopping.shutdown(wait=True)

    def forget(self, entity: str) -> None:
        """Keep nothing of a workload."""
        self._failures.clear(entity)
        with self._lock:
            self._looks.pop(entity, None)
            for key in [key for key in self._told if key[0] == entity]:
                del self._told[key]

    def prune(self) -> None:
        """Close the sources of plugins that speak for no workload any more."""
        with self._lock:
            used = {attend.plugin.digest for attend in self._workloads}
            idle = [key for key in self._sources if key[0] not in used]
            for key in idle:
                self._stopping.submit(self._sources.pop(key).stop)
        for digest in {digest for digest, _ in idle}:
            self._loader.rest(digest)

    def open(self, reference: messages.PluginReference, fresh: str | None = None) -> None:
        """Subscribe to what the plugin declares, once per blob, and catch up on its workloads.

        When this returns, what happens is heard. Nothing was missed yet of `fresh`, a workload that does not run.
        """
        try:
            declared = self._loader.sources(reference)
        except (Fault, bus.BusError) as error:
            log.error("sources of plugin %s: %s", reference.name, error)
            return
        for declaration in declared:
            key, known = (reference.digest, declaration.name), [fresh]

            def connected(known: list[str | None] = known) -> None:
                self._catch_up(reference, known.pop() if known else None)

            with self._lock:
                if key in self._sources or self._closed:
                    continue
                source = sources.make(
                    self._filled(declaration),
                    self._facts,
                    functools.partial(self._translate, reference, declaration.name),
                    connected,
                    self._workloads.watched,
                )
                if source is None:
                    continue
                self._sources[key] = source
            try:
                self._loader.keep(reference)
            except Fault as fault:
                log.warning("no instance of plugin %s is made ahead: %s", reference.name, fault)
            source.start()

    def _filled(self, declaration: plugins.Source) -> plugins.Source:
        places = self._paths.placeholders()
        return msgspec.structs.replace(
            declaration, command=tuple(_place(argument, places) for argument in declaration.command)
        )

    def _translate(self, reference: messages.PluginReference, source: str, line: str) -> None:
        """Have the plugin say what a line or signal means, and tell it."""
        now, said = time.time_ns(), (reference.digest, source, line)
        if said in self._known:
            return
        try:
            found = self._loader.call(
                reference,
                "translate",
                {"source": source, "host": self._facts},
                [line],
                effects.Effects(effects.MemoryJournal(), mode=effects.Mode.PLAN),
                QUERY,
                grants.NONE,
                scope=("translate", source),
            )
        except (Fault, bus.BusError) as error:
            log.error("plugin %s cannot translate a line of %s: %s", reference.name, source, error)
            return
        events = [event for event in found if isinstance(event, dict)] if isinstance(found, list) else []
        attended = [(number, event, self._workloads.find(event)) for number, event in enumerate(events)]
        if all(attend is not None and event.get("id") is not None for _, event, attend in attended):
            self._known.append(said)  # to be told the same again changes nothing
        for number, event, attend in attended:
            if attend is None:
                continue
            if attend.plugin.name == reference.name and attend.plugin.digest != reference.digest:
                continue  # another version of the plugin speaks for it
            if event.get("unasked") and self._workloads.ending(attend.workload.entity):
                continue
            topic, key = event.get("topic"), event.get("id")
            what = (attend.workload.entity, str(topic or event.get("event")))
            if key is not None and not self._is_news(what, str(key)):
                continue
            told_once = key is not None and topic is None
            unique = f"{what}\0{key}" if told_once else f"{source}\0{line}\0{now}\0{number}"
            self._happened(attend, event, hashlib.sha256(unique.encode()).hexdigest()[:32], now)

    def _is_news(self, what: tuple[str, str], key: str) -> bool:
        """Whether a source says something for the first time; some say the same thing several times."""
        with self._lock:
            if self._told.get(what) == key:
                return False
            self._told[what] = key
            return True

    def _reached(self, entity: str, event: dict[str, Any], at: int, look: _Look | None) -> bool:
        """Note the state of an event; False when it is not to be told.

        That is so when the workload was forgotten; when it was looked at, and the event is older than that; when this
        is what was seen by looking at it, and it has left the state that it had `before` that.
        """
        state = event.get("state")
        with self._lock:
            seen = self._looks.get(entity)
            if look is None and seen is not None and seen.covers(event, at):
                return False
            if state is not None and not self._workloads.reached(entity, str(state), look.before if look else None):
                return False
            if look is not None:
                self._looks[entity] = look
            return True

    def _happened(
        self, attend: messages.Attend, event: dict[str, Any], id: str, now: int, look: _Look | None = None
    ) -> None:
        """Tell an event, once: what was missed may be seen by looking, and be told by a source as well."""
        workload = attend.workload
        state = event.get("state")
        if not self._reached(workload.entity, event, int(event.get("time") or now), look):
            return
        if state in FAILED:
            self._failures.tell(workload.entity, f"{workload.node} failed: {json.dumps(event.get('detail') or {})}")
        elif state is not None:
            self._failures.clear(workload.entity)
        happened = messages.Happened(
            id=id,
            host=self._facts["name"],
            entity=workload.entity,
            name=str(event.get("event") or ""),
            time=now,
            state=state,
            attributes=event.get("attributes") or {},
            detail=event.get("detail"),
        )
        if self._journal.post(happened):
            self._deliver(happened)

    def _deliver(self, happened: messages.Happened) -> bool:
        """Tell the conductor; when it cannot be reached the event stays, and is told at the next start."""
        try:
            self._bus.request("conductor.happened", happened, messages.Done)
        except (bus.BusError, bus.Remote) as error:
            log.warning("event %s of %s is kept: %s", happened.name, happened.entity, error)
            return False
        self._journal.told(happened.id)
        return True

    def _catch_up(self, reference: messages.PluginReference, fresh: str | None = None) -> None:
        """Compare what was last known with what is, once: after a start and after a source was away.

        What is `fresh` is left out.
        """
        for attend in self._workloads:
            if self._closed:
                return
            if attend.plugin.digest != reference.digest or attend.workload.entity == fresh:
                continue
            request = messages.Operate(
                id="",
                plugin=attend.plugin,
                function="inspect",
                workload=attend.workload,
                operation="inspect",
                site=attend.site,
                arguments=[{}],
            )
            began = time.time_ns()
            try:
                found = self._operator.query(request, "inspect", [{}])
            except (Fault, bus.BusError) as error:
                log.warning("inspecting %s: %s", attend.workload.node, error)
                continue
            state = found.get("state") if isinstance(found, dict) else None
            if not state or state == attend.state:
                continue
            name = "failed" if state in FAILED else str(state)
            ended = time.time_ns()
            id = hashlib.sha256(f"{attend.workload.entity}\0{state}\0{ended}".encode()).hexdigest()[:32]
            detail = {"missed": True, "before": attend.state}
            event = {"event": name, "state": state, "attributes": found.get("attributes") or {}, "detail": detail}
            self._happened(attend, event, id, ended, _Look(attend.state, str(state), name, began, ended))


def _place(text: str, places: dict[str, str]) -> str:
    for name, where in places.items():
        text = text.replace("{" + name + "}", where)
    return text
