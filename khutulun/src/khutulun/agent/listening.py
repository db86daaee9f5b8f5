"""What happens to a host's workloads: told by push sources, translated by plugins, kept until the conductor has it."""

import functools
import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from floria import plugins
from floria.plugins import effects, grants
from floria.plugins.faults import Fault
from khutulun import paths
from khutulun.agent import messages, sources
from khutulun.agent.journal import Journal
from khutulun.agent.loader import Loader
from khutulun.agent.operating import QUERY, Operator
from khutulun.agent.workloads import Workloads
from khutulun.bus import interface as bus

FAILED = ("failed", "error")

log = logging.getLogger(__name__)

Failing = Callable[[str, str], None]
"""Is told at once that a workload (by entity) has failed, and why."""


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
        failing: Failing,
    ) -> None:
        self._bus, self._paths, self._loader, self._operator = over, where, loader, operator
        self._journal, self._workloads, self._facts, self._failing = journal, workloads, facts, failing
        self._lock = threading.Lock()
        self._told: dict[tuple[str, str], str] = {}
        self._sources: dict[tuple[str, str], sources.Source] = {}
        self._tell = ThreadPoolExecutor(1, "tell")
        self._closed = False

    def start(self) -> None:
        """Tell what was not told yet, subscribe for the known workloads, and catch up on them once."""
        for happened in self._journal.untold():
            self._tell.submit(self._deliver, happened)
        for attend in self._workloads:
            self.open(attend.plugin)
        self._catch_up(None)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            found = list(self._sources.values())
            self._sources.clear()
        for source in found:
            source.stop()
        self._tell.shutdown(wait=True)

    def open(self, reference: messages.PluginReference) -> None:
        """Subscribe to what the plugin declares, once per blob."""
        try:
            declared = self._loader.sources(reference)
        except (Fault, bus.BusError) as error:
            log.error("sources of plugin %s: %s", reference.name, error)
            return
        for declaration in declared:
            key = (reference.digest, declaration.name)
            with self._lock:
                if key in self._sources or self._closed:
                    continue
                source = sources.make(
                    self._filled(declaration),
                    self._facts,
                    functools.partial(self._translate, reference, declaration.name),
                    lambda: self._catch_up(reference),
                    self._workloads.watched,
                )
                if source is None:
                    continue
                self._sources[key] = source
            source.start()

    def _filled(self, declaration: plugins.Source) -> plugins.Source:
        places = self._paths.placeholders()
        return msgspec.structs.replace(
            declaration, command=tuple(_place(argument, places) for argument in declaration.command)
        )

    def _translate(self, reference: messages.PluginReference, source: str, line: str) -> None:
        """Have the plugin say what a line or signal means, and tell it."""
        now = time.time_ns()
        try:
            found = self._loader.call(
                reference,
                "translate",
                {"source": source, "host": self._facts},
                [line],
                effects.Effects(effects.MemoryJournal(), mode=effects.Mode.PLAN),
                QUERY,
                grants.NONE,
            )
        except (Fault, bus.BusError) as error:
            log.error("plugin %s cannot translate a line of %s: %s", reference.name, source, error)
            return
        for number, event in enumerate(found if isinstance(found, list) else []):
            if not isinstance(event, dict) or (attend := self._workloads.find(event)) is None:
                continue
            what, key = (attend.workload.entity, str(event.get("event"))), event.get("id")
            if key is not None and self._told.get(what) == key:
                continue  # the source says the same thing several times
            if key is not None:
                self._told[what] = str(key)
            unique = f"{what}\0{key}" if key is not None else f"{source}\0{line}\0{now}\0{number}"
            self._happened(attend, event, hashlib.sha256(unique.encode()).hexdigest()[:32], now)

    def _happened(self, attend: messages.Attend, event: dict[str, Any], id: str, now: int) -> None:
        workload = attend.workload
        state = event.get("state")
        if state in FAILED:
            self._failing(workload.entity, f"{workload.node} failed: {json.dumps(event.get('detail') or {})}")
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
        if state is not None and state != attend.state:
            self._workloads.attend(msgspec.structs.replace(attend, state=state))
        if self._journal.post(happened):
            self._deliver(happened)

    def _deliver(self, happened: messages.Happened) -> None:
        """Tell the conductor; when it cannot be reached the event stays, and is told at the next start."""
        try:
            self._bus.request("conductor.happened", happened, messages.Done)
        except (bus.BusError, bus.Remote) as error:
            log.warning("event %s of %s is kept: %s", happened.name, happened.entity, error)
            return
        self._journal.told(happened.id)

    def _catch_up(self, reference: messages.PluginReference | None) -> None:
        """Compare what was last known with what is, once: after a start and after a source was away."""
        for attend in self._workloads:
            if reference is not None and attend.plugin.digest != reference.digest:
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
            try:
                found = self._operator.query(request, "inspect", [{}])
            except (Fault, bus.BusError) as error:
                log.warning("inspecting %s: %s", attend.workload.node, error)
                continue
            state = found.get("state") if isinstance(found, dict) else None
            if not state or state == attend.state:
                continue
            name = "failed" if state in FAILED else str(state)
            id = hashlib.sha256(f"{attend.workload.entity}\0{state}\0{time.time_ns()}".encode()).hexdigest()[:32]
            detail = {"missed": True, "before": attend.state}
            event = {"event": name, "state": state, "attributes": found.get("attributes") or {}, "detail": detail}
            self._happened(attend, event, id, time.time_ns())


def _place(text: str, places: dict[str, str]) -> str:
    for name, where in places.items():
        text = text.replace("{" + name + "}", where)
    return text
