"""The one place through which everything passes that a plugin does to the world.

It executes and journals (live), runs queries and writes changes down (plan), or takes what was already done from an
earlier journal and does only the rest (replay). Grants were checked before; see `floria.plugins.grants`.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import msgspec

from floria import ids
from floria.plugins import requests
from floria.plugins.effects import builtins, dbus, durable, files, http, processes
from floria.plugins.effects.access import Evaluate, GraphAccess, Log, Secrets
from floria.plugins.effects.journal import Effect, Journal, Outcome, Status
from floria.plugins.effects.planned import PlannedFiles
from floria.plugins.effects.redaction import Redaction
from floria.plugins.faults import Fault
from floria.plugins.grants import Permit

T = TypeVar("T")
_IDEMPOTENT_METHODS = frozenset({"PUT", "DELETE"})


class Mode(StrEnum):
    """Whether changes are made (`live`) or written down (`plan`)."""

    LIVE = "live"
    PLAN = "plan"


def boot() -> str:
    """Return the id of the machine's current boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


class Effects:
    """Performs the effects of one call; used by one thread at a time.

    `spool` is a private folder on the host's own disk where running commands leave their results; without it a command
    dies with the host. `environment` is the whole environment of commands, by default `processes.environment`. `prior`
    are the effects of an earlier, interrupted attempt: a request equal to one of them, not taken yet, is answered with
    its outcome instead of being done again; an effect in doubt is resolved first. What is not lent (`graph`,
    `evaluate`, `secrets`) is refused. `builtin` finds commands that the host carries out itself. `planned` are the
    files as the earlier calls of the same plan would leave them.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        mode: Mode = Mode.LIVE,
        prior: Iterable[Effect] = (),
        spool: Path | None = None,
        environment: Mapping[str, str] | None = None,
        graph: GraphAccess | None = None,
        evaluate: Evaluate | None = None,
        secrets: Secrets | None = None,
        log: Log | None = None,
        builtin: builtins.Builtins = builtins.none,
        planned: PlannedFiles | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.mode, self.spool = mode, spool
        self.environment = processes.environment() if environment is None else environment
        self._journal, self._clock = journal, clock
        self._graph, self._evaluate, self._secrets, self._log = graph, evaluate, secrets, log
        self._builtin = builtin
        self._prior = [e for e in prior if e.outcome is None or e.outcome.status is not Status.RECORDED]
        self._redaction = Redaction()
        self._planned = PlannedFiles() if planned is None else planned
        self._boot = boot()

    def log(self, level: str, message: str) -> None:
        """Pass a line of the plugin's log on, without secrets."""
        if self._log is not None:
            self._log(level, self._redaction.text(message))

    def conceal(self, name: str, value: str) -> None:
        """Keep the value of a secret that the plugin knows already out of everything that is written down."""
        self._redaction.add(name, value)

    @property
    def knows_secrets(self) -> bool:
        """Whether the plugin was handed a secret."""
        return self._redaction.was_told

    def redacted(self, data: object) -> object:
        """Return JSON data without secrets."""
        return self._redaction.data(data)

    def perform(self, request: requests.Request, permit: Permit, limits: processes.Limits, actor: str = "") -> object:
        """Do what was permitted and return its result (`Output`, `Response`, entries or JSON data). Raises `Fault`."""
        if isinstance(request, requests.GetSecret):
            return self._secret(request)
        request = self._guarded(request)
        written = self._redaction.request(request)
        prior = self._take(written)
        if prior is not None and prior.outcome is not None:
            return _answer(request, prior.outcome)
        if self.mode is Mode.PLAN:
            return self._plan(request, written, permit, limits, actor)
        if prior is not None:
            return self._finish(prior, lambda: self._resume(prior, request, permit, limits))
        change = permit.change and not self._unneeded(request, permit)
        effect = Effect(ids.new(), written, change, self._clock(), actor, self._boot)
        self._journal.intent(effect)
        return self._finish(effect, lambda: self._execute(effect, request, permit, limits))

    def _finish(self, effect: Effect, execute: Callable[[], object]) -> object:
        began = time.monotonic_ns()
        try:
            result = execute()
        except Fault as fault:
            data = msgspec.structs.replace(
                fault.data, message=self._redaction.text(fault.message), detail=self._redaction.data(fault.detail)
            )
            self._journal.result(effect.id, Outcome(Status.FAILED, None, data, time.monotonic_ns() - began))
            self._forget(effect)
            raise
        kept = self._redaction.data(msgspec.to_builtins(result))
        self._journal.result(effect.id, Outcome(Status.DONE, kept, None, time.monotonic_ns() - began))
        self._forget(effect)
        return result

    def _plan(
        self,
        request: requests.Request,
        written: requests.Request,
        permit: Permit,
        limits: processes.Limits,
        actor: str,
    ) -> object:
        known = self._planned.answer(request, permit)
        if known is not None:
            return known
        if not permit.change or (not self._planned.knows(request) and self._unneeded(request, permit)):
            return self._execute(Effect(ids.new(), written, False), request, permit, limits)
        effect = Effect(ids.new(), written, True, self._clock(), actor, self._boot)
        self._journal.intent(effect)
        result = self._planned.record(request)
        self._journal.result(effect.id, Outcome(Status.RECORDED, msgspec.to_builtins(result)))
        return result

    def _execute(self, effect: Effect, request: requests.Request, permit: Permit, limits: processes.Limits) -> object:
        match request:
            case requests.RunCommand():
                return self._run(effect, request, limits)
            case requests.CallDBus():
                return dbus.result(self._run(effect, dbus.command(request), limits))
            case requests.SendHttp():
                return http.send(request, limits)
            case requests.Evaluate():
                return _lent(self._evaluate, "evaluation")(request.expression)
            case requests.GetSecret() | requests.WriteLog():
                raise Fault("invalid-request", f"{request.kind} is no effect")
            case (
                requests.GetEntity()
                | requests.QueryGraph()
                | requests.SetProperty()
                | requests.CreateEntity()
                | requests.DeleteEntity()
                | requests.EmitEvent()
                | requests.Claim()
                | requests.Release()
                | requests.ListClaims()
            ):
                return self._on_graph(effect, request, permit)
            case _:
                if permit.change and not effect.change:
                    return False
                return files.perform(request, permit, limits.output)

    def _run(self, effect: Effect, request: requests.RunCommand, limits: processes.Limits) -> requests.Output:
        until = limits.until(request.timeout)
        builtin = self._builtin(request)
        carried = builtin.run(until) if builtin is not None else None
        if carried is not None:
            return carried
        command = processes.prepare(request, self.environment)
        if effect.change and self.spool is not None:
            return durable.run(self.spool / effect.id, command, until)
        return processes.run(command, until)

    def _resume(self, effect: Effect, request: requests.Request, permit: Permit, limits: processes.Limits) -> object:
        """Resolve an effect in doubt: take the result of what was begun, or do it when doing it again is the same."""
        if isinstance(request, requests.RunCommand | requests.CallDBus) and effect.change:
            output = None
            if self.spool is not None:
                output = durable.resume(self.spool / effect.id, limits)
            if output is None and isinstance(request, requests.RunCommand) and effect.boot == self._boot:
                builtin = self._builtin(request)
                output = builtin.resume(effect.time, limits.until(request.timeout)) if builtin is not None else None
            if output is None and (effect.boot != self._boot or self.spool is None):
                raise Fault("interrupted", f"{request.kind} was begun, but how it ended is unknown", True)
            if output is not None:
                return dbus.result(output) if isinstance(request, requests.CallDBus) else output
        if isinstance(request, requests.SendHttp) and effect.change and request.method not in _IDEMPOTENT_METHODS:
            raise Fault("interrupted", f"{request.method} {request.url} was sent, but its answer is unknown", True)
        if isinstance(request, requests.FILE_CHANGES) and not files.needed(request, permit):
            return True
        return self._execute(effect, request, permit, limits)

    def _on_graph(self, effect: Effect, request: requests.GraphRequest, permit: Permit) -> object:
        graph = _lent(self._graph, "the graph")
        if isinstance(request, requests.QueryGraph):
            return graph.query(request.query, permit.scope)
        if isinstance(request, requests.CreateEntity):
            return graph.create(request.entity, permit.scope, effect.id)
        match request:
            case requests.Claim():
                return graph.claim(request.space, request.key, effect.id)
            case requests.Release():
                return graph.release(request.space, request.key, effect.id)
            case requests.ListClaims():
                return graph.claims(request.space)
        if not graph.permits(request.id, permit.scope):
            raise Fault("denied", f"not granted: entity {request.id} lies outside the scope {permit.scope}")
        match request:
            case requests.GetEntity():
                return graph.get(request.id)
            case requests.SetProperty():
                return graph.set_property(request.id, request.name, request.value, effect.id)
            case requests.DeleteEntity():
                return graph.delete(request.id, effect.id)
            case requests.EmitEvent():
                return graph.emit(request.id, request.event, request.detail, effect.id)

    def _secret(self, request: requests.GetSecret) -> str:
        value = _lent(self._secrets, "secrets")(request.name)
        self._redaction.add(request.name, value)
        return value

    def _guarded(self, request: requests.Request) -> requests.Request:
        """Return the request as it may be done with secrets in it: never as arguments, and in files of one's own."""
        match request:
            case requests.RunCommand(argv=argv) if self._redaction.holds(argv):
                raise _exposed(self._redaction.text(argv[0]))
            case requests.CallDBus(arguments=arguments) if self._redaction.holds(arguments):
                raise _exposed(f"{request.interface}.{request.member}")
            case requests.WriteFile(content=content, mode=mode) if mode & 0o077 and self._redaction.holds(content):
                return msgspec.structs.replace(request, mode=mode & 0o700)
        return request

    def _take(self, request: requests.Request) -> Effect | None:
        for index, effect in enumerate(self._prior):
            if effect.request == request:
                return self._prior.pop(index)
        return None

    def _forget(self, effect: Effect) -> None:
        runs = isinstance(effect.request, requests.RunCommand | requests.CallDBus)
        if runs and effect.change and self.spool is not None:
            durable.forget(self.spool / effect.id)

    def _unneeded(self, request: requests.Request, permit: Permit) -> bool:
        return isinstance(request, requests.FILE_CHANGES) and not files.needed(request, permit)


def _exposed(command: str) -> Fault:
    return Fault(
        "exposed-secret",
        f"a secret among the arguments of {command} could be seen by every user of the machine",
        False,
        {"hint": "give it as input, as an environment variable or in a file"},
    )


def _lent(what: T | None, name: str) -> T:
    if what is None:
        raise Fault("denied", f"{name} is not available in this call")
    return what


def _answer(request: requests.Request, outcome: Outcome) -> object:
    if outcome.fault is not None:
        raise Fault.of(outcome.fault)
    match request:
        case requests.RunCommand():
            return msgspec.convert(outcome.result, requests.Output)
        case requests.SendHttp():
            return msgspec.convert(outcome.result, requests.Response)
        case requests.ListFolder():
            return msgspec.convert(outcome.result, list[requests.Entry])
        case _:
            return outcome.result
