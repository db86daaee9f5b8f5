"""The agent of a host: runs plugins there, knows its workloads, and tells what happens to them.

It answers the conductor over the bus, and is told of changes by push sources. It does nothing when nothing happens.
"""

import contextlib
import functools
import hashlib
import json
import logging
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from floria import plugins
from floria.plugins import effects, grants
from floria.plugins.budgets import Budget
from floria.plugins.faults import Fault
from khutulun import model, paths
from khutulun.agent import facts, messages, programs, readiness, sources
from khutulun.agent.artifacts import Artifacts
from khutulun.agent.effects import Graph, OperationJournal, told
from khutulun.agent.journal import Journal
from khutulun.agent.workloads import Workloads
from khutulun.bus import interface as bus

DELIVERED_MODE = 0o755
TRANSLATE_BUDGET = Budget(cpu=5.0, wall=15.0)
FAILED = ("failed", "error")
CAPTURED_LOG = 200

log = logging.getLogger(__name__)


class Agent:
    """Serves ``agent.HOST.*`` on the bus."""

    def __init__(self, over: bus.Bus, where: paths.Paths, host: plugins.PluginHost, name: str | None = None) -> None:
        self._bus, self._paths, self._plugins = over, where, host
        self.facts = facts.read(where, name)
        self.name: str = self.facts["name"]
        self._journal = Journal(where.state / "agent.sqlite")
        self._spool = where.run / "effects"
        self._spool.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._workloads = Workloads(self._journal)
        self._artifacts = Artifacts(where.artifacts, self._fetch)
        self._lock = threading.Lock()
        self._operated = threading.Condition()
        self._operating: set[str] = set()
        self._watches: dict[str, readiness.Watch] = {}
        self._loaded: dict[str, plugins.Plugin] = {}
        self._told: dict[tuple[str, str], str] = {}
        self._sources: dict[tuple[str, str], sources.Source] = {}
        self._tell = ThreadPoolExecutor(1, "tell")
        self._closed = False
        self._removals = [
            over.serve(f"agent.{self.name}.operate", messages.Operate, self._operate),
            over.serve(f"agent.{self.name}.ready", messages.Ready, self._ready),
            over.serve(f"agent.{self.name}.attend", messages.Attend, self._attend),
            over.serve(f"agent.{self.name}.forget", messages.Forget, self._forget),
            over.accept(f"agent.{self.name}.run", messages.Run, self._run),
        ]

    def start(self) -> None:
        """Tell the conductor that this host is there, and catch up on what happened to its workloads."""
        self._bus.request("conductor.hello", messages.Hello(host=self.name, facts=self.facts), messages.Done)
        for happened in self._journal.untold():
            self._tell.submit(self._deliver, happened)
        for attend in self._workloads:
            self._open_sources(attend.plugin)
        self._catch_up(None)

    def close(self) -> None:
        """Stop listening. Workloads go on."""
        self._closed = True
        for removal in self._removals:
            removal()
        with self._lock:
            found = list(self._sources.values())
            self._sources.clear()
        for source in found:
            source.stop()
        self._tell.shutdown(wait=True)
        self._journal.close()

    def _operate(self, request: messages.Operate) -> messages.Operated:
        if request.mode is messages.Mode.PLAN:
            return self._dispatch(request, None)
        with self._exclusively(request.id):
            known = self._journal.begin(request.id)
            if known is not None:
                return known
            answer = self._dispatch(request, OperationJournal(self._journal, request.id))
            self._journal.end(request.id, answer)
            return answer

    def _dispatch(self, request: messages.Operate, kept: OperationJournal | None) -> messages.Operated:
        lines: list[str] = []

        def write(level: str, message: str) -> None:
            if len(lines) < CAPTURED_LOG:
                lines.append(f"{level}: {message}")

        prior = kept.prior() if kept is not None else []
        seen = effects.MemoryJournal()
        for effect in prior:
            seen.intent(effect)
        journal = _Both(kept, seen) if kept is not None else seen
        problem, retryable, result = None, False, None
        try:
            plugin = self._load(request.plugin)
            granted = self._grants(request.plugin)
            performer = effects.Effects(
                journal,
                mode=effects.Mode.LIVE if kept is not None else effects.Mode.PLAN,
                prior=prior,
                spool=self._spool if kept is not None else None,
                graph=Graph(self._bus, request.workload, "" if kept is not None else request.id),
                log=write,
            )
            site = self._site(request, performer, kept is not None)
            result = self._plugins.dispatch(
                plugin,
                request.function,
                site,
                request.arguments,
                grants=granted,
                effects=performer,
                budget=Budget(wall=request.timeout),
            )
        except Fault as fault:
            hint = _hint(fault)
            problem = model.Problem(fault.code, fault.message, hint=hint, detail=_value(fault.detail))
            retryable = fault.retryable
        except (OSError, ValueError, bus.BusError) as error:
            problem = model.Problem("host-error", f"{type(error).__name__}: {error}", hint="see the agent's log")
            log.warning("operation %s of %s: %s", request.operation, request.workload.node, error)
        done = [effect for effect in seen.effects if effect.change or problem is not None]
        return messages.Operated(
            result=result,
            problem=problem,
            retryable=retryable,
            effects=told(done, self.name, request),
            log=tuple(lines),
        )

    def _site(self, request: messages.Operate, performer: effects.Effects, live: bool) -> dict[str, Any]:
        """Return the site with its files on this host."""
        service = request.workload.service
        located: dict[str, str] = {}
        for file, digest in request.artifacts.items():
            path = self._artifacts.path(service, file)
            located[file] = str(path)
            if live:
                self._artifacts.deliver(service, {file: digest})
        known = {
            name: {**one, "path": located[one["file"]]} if one.get("file") in located else one
            for name, one in (request.site.get("artifacts") or {}).items()
        }
        site = {**request.site, "host": self.facts, "artifacts": known}
        artifact = site.get("artifact")
        if isinstance(artifact, dict) and artifact.get("file") in located:
            site["artifact"] = {**artifact, "path": located[str(artifact["file"])]}
        return site

    def _ready(self, request: messages.Ready) -> messages.Done:
        workload = request.operate.workload
        watch = readiness.Watch()
        with self._lock:
            self._watches[workload.entity] = watch
        try:
            probe = msgspec.convert({**request.probe, "timeout": request.timeout}, readiness.Probe)
            readiness.wait(probe, watch, lambda verb, inputs: self._specify(request.operate, verb, inputs))
        except readiness.NotReady as error:
            raise bus.Remote("not-ready", str(error)) from None
        except msgspec.ValidationError as error:
            raise bus.Remote("bad-readiness", f"the property `readiness`: {error}") from None
        except Fault as fault:
            raise bus.Remote(fault.code, fault.message, fault.detail, fault.retryable) from None
        finally:
            with self._lock:
                self._watches.pop(workload.entity, None)
        return messages.Done()

    def _specify(self, request: messages.Operate, verb: str, inputs: dict[str, Any]) -> programs.Specification:
        result = self._query(request, verb, [inputs])
        try:
            return msgspec.convert(result, programs.Specification)
        except msgspec.ValidationError as error:
            raise Fault("protocol", f"plugin {request.plugin.name}, {verb}: {error}") from None

    def _query(self, request: messages.Operate, function: str, arguments: list[Any]) -> Any:
        """Run a function that changes nothing: a change that it attempts is written down nowhere, and not done."""
        performer = effects.Effects(
            effects.MemoryJournal(), mode=effects.Mode.PLAN, graph=Graph(self._bus, request.workload, "query")
        )
        return self._plugins.dispatch(
            self._load(request.plugin),
            function,
            self._site(request, performer, live=True),
            arguments,
            grants=self._grants(request.plugin),
            effects=performer,
            budget=TRANSLATE_BUDGET,
        )

    def _run(self, request: messages.Run, channel: bus.Channel) -> None:
        operate = request.operate
        try:
            inputs = operate.arguments[0] if operate.arguments else {}
            what = self._specify(operate, operate.function, inputs)
        except (Fault, bus.BusError) as error:
            code = error.code if isinstance(error, Fault) else "host-unreachable"
            problem = model.Problem(code, str(error), f"{operate.workload.service}/{operate.workload.node}")
            channel.send(messages.Frame(messages.FrameKind.PROBLEM, problem=problem))
            return
        programs.serve(channel, what, request)

    def _attend(self, attend: messages.Attend) -> messages.Done:
        if self._workloads.attend(attend):
            self._open_sources(attend.plugin)
        return messages.Done()

    def _forget(self, forget: messages.Forget) -> messages.Done:
        if forget.entity:
            self._workloads.forget(forget.entity)
        if forget.service:
            for entity in self._workloads.of_service(forget.service):
                self._workloads.forget(entity)
            self._artifacts.forget(forget.service)
        return messages.Done()

    def _open_sources(self, reference: messages.PluginReference) -> None:
        """Subscribe to what the plugin declares, once per blob."""
        try:
            declared = self._plugins.describe(self._load(reference)).sources
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
                    self.facts,
                    functools.partial(self._translate, reference, declaration.name),
                    lambda: self._catch_up(reference),
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
            found = self._plugins.dispatch(
                self._load(reference),
                "translate",
                {"source": source, "host": self.facts},
                [line],
                grants=grants.NONE,
                effects=effects.Effects(effects.MemoryJournal(), mode=effects.Mode.PLAN),
                budget=TRANSLATE_BUDGET,
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
            with self._lock:
                watch = self._watches.get(workload.entity)
            if watch is not None:
                watch.fail(f"{workload.node} failed: {json.dumps(event.get('detail') or {})}")
        happened = messages.Happened(
            id=id,
            host=self.name,
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
                found = self._query(request, "inspect", [{}])
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

    def _load(self, reference: messages.PluginReference) -> plugins.Plugin:
        with self._lock:
            plugin = self._loaded.get(reference.digest)
        if plugin is None:
            plugin = self._plugins.load(
                lambda: self._blob(reference.digest),
                plugins.Carrier(reference.carrier),
                digest=reference.digest,
                name=reference.name,
            )
            with self._lock:
                self._loaded[reference.digest] = plugin
        return plugin

    def _grants(self, reference: messages.PluginReference) -> grants.Grants:
        return grants.fill(grants.parse(reference.grants), self._paths.placeholders())

    def _blob(self, digest: str) -> BinaryIO:
        file: BinaryIO = tempfile.TemporaryFile(dir=self._paths.state)  # noqa: SIM115 - the caller closes it
        for chunk in self._fetch(digest):
            file.write(chunk)
        file.seek(0)
        return file

    def _fetch(self, digest: str) -> Iterator[bytes]:
        channel = self._bus.open("conductor.blob", messages.Blob(digest))
        try:
            yield from channel.receive()
        finally:
            channel.close()

    @contextlib.contextmanager
    def _exclusively(self, id: str) -> Iterator[None]:
        """Have one thread at a time do an operation, also when it is asked for twice."""
        with self._operated:
            self._operated.wait_for(lambda: id not in self._operating)
            self._operating.add(id)
        try:
            yield
        finally:
            with self._operated:
                self._operating.discard(id)
                self._operated.notify_all()


class _Both:
    """Writes to the durable journal and remembers for the answer."""

    def __init__(self, kept: OperationJournal, seen: effects.MemoryJournal) -> None:
        self._kept, self._seen = kept, seen

    def intent(self, effect: effects.Effect) -> None:
        self._kept.intent(effect)
        self._seen.intent(effect)

    def result(self, effect: str, outcome: effects.Outcome) -> None:
        self._kept.result(effect, outcome)
        self._seen.result(effect, outcome)


def _hint(fault: Fault) -> str:
    if fault.code == "denied":
        return "see what the plugin may do with `khutulun plugin show`"
    return ""


def _value(detail: object) -> Any:
    return detail


def _place(text: str, places: dict[str, str]) -> str:
    for name, where in places.items():
        text = text.replace("{" + name + "}", where)
    return text


def folder(where: paths.Paths) -> Path:
    """Make the folders of an installation and return the state folder."""
    for one, mode in ((where.state, 0o755), (where.run, 0o755), (where.artifacts, 0o755)):
        one.mkdir(parents=True, exist_ok=True, mode=mode)
    return where.state
